"""A new home tariff: the sessions to come follow it, those under way keep what they were opened under."""

import asyncio
import shutil
from datetime import timedelta

import pytest
import small_town
from small_town import ANNA, ANNAS_HOME_CONTRACT, HOME, NOW, SUPPLIER, Database, rows

from server.core.contract import ContractKind
from server.flows import tariffs
from server.storage import contracts, sessions, wallets
from shared.tariffs import HomeKind, HomeTariffInput

FIXED = HomeTariffInput(kind=HomeKind.FIXED, price_micro_per_kwh=310_000)
NIGHT = HomeTariffInput(kind=HomeKind.NIGHT, price_micro_per_kwh=320_000, night_price_micro_per_kwh=240_000)
DYNAMIC = small_town.DYNAMIC


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    path = tmp_path_factory.mktemp("tariffs") / "town.db"
    asyncio.run(small_town.found(path))
    return path


@pytest.fixture
async def db(founded, tmp_path):
    shutil.copy(founded, tmp_path / "town.db")
    database = Database(f"sqlite:///{tmp_path / 'town.db'}")
    yield database
    await database.close()


async def replace(db, entered, now=NOW):
    async with db.begin() as tx:
        return await tariffs.replace(tx, ANNA, entered, now)


async def home_contract(db):
    async with db.read() as tx:
        return await contracts.contract_at(tx, ANNA, HOME)


async def contract_of(db, session_id):
    async with db.read() as tx:
        session = await sessions.get(tx, session_id)
        return await contracts.contract(tx, session.contract_id)


@pytest.mark.parametrize(("entered", "kind"), [(FIXED, ContractKind.HOME_FIXED), (NIGHT, ContractKind.HOME_NIGHT)])
async def test_the_home_contract_becomes_what_the_tariff_is(db, entered, kind):
    await replace(db, entered)
    contract = await home_contract(db)
    assert (contract.id, contract.terms.kind) == (ANNAS_HOME_CONTRACT, kind)
    assert (contract.terms.partner, contract.counterparty_id) == (True, SUPPLIER)


async def test_a_supplier_that_is_no_partner_funds_nothing(db):
    await replace(db, HomeTariffInput(kind=HomeKind.FIXED, price_micro_per_kwh=310_000, supplier="Elders"))
    contract = await home_contract(db)
    assert (contract.terms.partner, contract.counterparty_id) == (False, None)


async def test_another_price_of_the_same_kind_leaves_the_contract_alone(db):
    before = await home_contract(db)
    await replace(db, HomeTariffInput(kind=HomeKind.DYNAMIC, markup_micro_per_kwh=25_000))
    assert await home_contract(db) == before


async def test_a_session_under_way_keeps_its_terms_and_the_next_has_the_new_ones(db):
    running = await small_town.plug_in(db, NOW)
    await replace(db, FIXED, NOW + timedelta(hours=1))
    assert (await contract_of(db, running)).terms.kind is ContractKind.HOME_DYNAMIC
    await small_town.unplug(db, running, NOW + timedelta(hours=12), 20_000)
    async with db.read() as tx:
        assert (await wallets.receipt(tx, running)).contract_kind == "home_dynamic"
    following = await small_town.plug_in(db, NOW + timedelta(hours=24))
    assert (await contract_of(db, following)).terms.kind is ContractKind.HOME_FIXED


async def test_to_and_fro_while_plugged_in_ends_where_it_began(db):
    running = await small_town.plug_in(db, NOW)
    for hour, entered in enumerate((FIXED, DYNAMIC, NIGHT, DYNAMIC, FIXED), start=1):
        await replace(db, entered, NOW + timedelta(hours=hour))
        assert (await contract_of(db, running)).terms.kind is ContractKind.HOME_DYNAMIC
    assert (await home_contract(db)).terms.kind is ContractKind.HOME_FIXED
    second = await small_town.plug_in(db, NOW + timedelta(hours=20))
    await replace(db, NIGHT, NOW + timedelta(hours=21))
    assert (await contract_of(db, second)).terms.kind is ContractKind.HOME_FIXED
    assert (await home_contract(db)).id == ANNAS_HOME_CONTRACT


async def test_without_a_session_under_way_there_is_one_contract_as_before(db):
    before = await rows(db, "contracts")
    await replace(db, FIXED)
    await replace(db, NIGHT, NOW + timedelta(hours=1))
    assert await rows(db, "contracts") == before


async def test_versions_of_a_tariff_are_kept(db):
    await replace(db, FIXED, NOW)
    await replace(db, NIGHT, NOW + timedelta(days=1))
    async with db.read() as tx:
        for at, kind in ((NOW - timedelta(1), "dynamic"), (NOW, "fixed"), (NOW + timedelta(days=1), "night")):
            assert (await contracts.home_tariff(tx, ANNA, at)).entered.kind == kind


async def test_a_driver_without_a_home_may_enter_a_tariff_all_the_same(db):
    async with db.begin() as tx:
        saved = await tariffs.replace(tx, small_town.SUE, FIXED, NOW)
    assert saved.input.price_micro_per_kwh == 310_000
