"""People, contracts, cars, stations and places: found by what they are known by, versions kept, others' left alone."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
import sqlalchemy as sa
from small_town import (
    ANNA,
    ANNAS_CAR,
    ANNAS_HOME_CONTRACT,
    BERT,
    BERTS_HOME,
    HOME,
    HOME_STATION,
    NOW,
    OLGA,
    OPERATOR,
    OTTO,
    PROVIDER,
    RIVAL,
    STREET,
    STREET_EVSE_1,
    STREET_STATION_1,
    STREET_STATION_2,
    an_id,
    plug_in,
    rows,
    unplug,
)

from server.storage import accounts, contracts, drivers, locations, sessions, stations, vehicles
from server.storage.accounts import Account, Party
from server.storage.contracts import HomeTariffRow
from shared.accounts import Habit, PartyRole, Role
from shared.tariffs import HomeKind, HomeTariffInput

DAY = timedelta(days=1)


async def test_an_account_comes_back_as_it_was_kept_and_an_address_is_somebodys_once(db):
    new = Account(
        id=uuid4(),
        party_id=PROVIDER,
        role=Role.DRIVER,
        name="Zoë 'O''Hara'; --",
        email="zoe@example.org",
        created_at=NOW + timedelta(microseconds=7),
        currency="NOK",
        time_zone="Europe/Oslo",
        habits=[Habit(0, "07:00"), Habit(6, "23:59")],
    )
    async with db.begin() as tx:
        await accounts.insert(tx, new)
    async with db.read() as tx:
        assert await accounts.get(tx, new.id) == new
        assert await accounts.by_email(tx, new.email) == new
        assert await accounts.by_email(tx, "nobody@example.org") is None
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await accounts.insert(tx, msgspec.structs.replace(new, id=uuid4()))


async def test_a_change_of_an_account_writes_only_what_changed(db):
    async with db.read() as tx:
        before = await accounts.get(tx, ANNA)
    async with db.begin() as tx:
        await accounts.update(tx, before, msgspec.structs.replace(before, language="nl"))
    async with db.begin() as tx:
        await accounts.update(tx, before, msgspec.structs.replace(before, habits=[], consent_at=None))
        await accounts.update(tx, before, before)
    async with db.read() as tx:
        after = await accounts.get(tx, ANNA)
    assert after == msgspec.structs.replace(before, language="nl", habits=[], consent_at=None)


async def test_demo_people_are_those_with_a_story_who_have_not_left(db):
    async with db.read() as tx:
        bert = await accounts.get(tx, BERT)
        assert [one.id for one in await accounts.demo_people(tx, Role.DRIVER)] == [BERT]
        assert [one.id for one in await accounts.demo_people(tx, Role.OPERATOR)] == [OLGA]
    async with db.begin() as tx:
        await accounts.update(tx, bert, msgspec.structs.replace(bert, closed_at=NOW))
    async with db.read() as tx:
        assert await accounts.demo_people(tx, Role.DRIVER) == []


async def test_parties_by_role_and_consents_one_by_one(db):
    added = Party(uuid4(), "Aardbei", PartyRole.OPERATOR, NOW)
    async with db.begin() as tx:
        await accounts.add_party(tx, added)
        anna = await accounts.get(tx, ANNA)
        for given in (False, True):
            await accounts.add_consent(tx, anna, NOW, given=given)
    async with db.read() as tx:
        assert [one.id for one in await accounts.parties(tx, PartyRole.OPERATOR)] == [added.id, RIVAL, OPERATOR]
        assert await accounts.party(tx, added.id) == added
    assert await rows(db, "consents") == 2


async def test_a_driver_has_a_home_station_or_not(db):
    async with db.read() as tx:
        found = await drivers.by_id(tx, [ANNA, OTTO, uuid4()])
        assert await drivers.by_id(tx, []) == {}
    assert {one.id: one.has_home_station for one in found.values()} == {ANNA: True, OTTO: False}
    assert (len(found[ANNA].habits), found[OTTO].consent_at) == (5, None)


async def test_a_card_is_found_whatever_the_case_and_blocked_with_its_account(db):
    async with db.read() as tx:
        assert (await contracts.token(tx, "anna-Card")).account_id == ANNA
        assert await contracts.token(tx, "ANNA-CARD ") is None
    async with db.begin() as tx:
        await contracts.block_tokens(tx, ANNA)
    async with db.read() as tx:
        assert not (await contracts.token(tx, "ANNA-CARD")).valid
        assert await contracts.token_of(tx, ANNA) is None
        assert (await contracts.token_of(tx, BERT)).uid == "BERT-CARD"


async def test_the_contract_of_the_place_goes_before_the_public_one(db):
    async with db.read() as tx:
        at_home = await contracts.contract_at(tx, ANNA, HOME)
        in_public = await contracts.contract_at(tx, ANNA, STREET)
        assert (await contracts.contract_at(tx, ANNA, BERTS_HOME)).id == in_public.id
        assert await contracts.contract_at(tx, OTTO, STREET) is None
        assert await contracts.by_id(tx, [at_home.id, in_public.id]) == {at_home.id: at_home, in_public.id: in_public}
        assert await contracts.by_id(tx, []) == {}
    assert (at_home.id, in_public.location_id) == (ANNAS_HOME_CONTRACT, None)


async def test_new_terms_hold_for_new_sessions_and_those_that_there_are_keep_the_old(db):
    settled = await plug_in(db, NOW - DAY)
    await unplug(db, settled, NOW - DAY + timedelta(hours=1), 1_000)
    running = await plug_in(db, NOW)
    async with db.read() as tx:
        before = await contracts.contract(tx, ANNAS_HOME_CONTRACT)
    after = msgspec.structs.replace(before, terms=msgspec.structs.replace(before.terms, partner=False))
    for _ in range(2):  # the second time there is nothing left to move
        async with db.begin() as tx:
            await contracts.change_contract(tx, before, after)
    async with db.read() as tx:
        kept = await contracts.contract(tx, (await sessions.get(tx, running)).contract_id)
        assert kept == msgspec.structs.replace(before, id=kept.id)
        assert (await sessions.get(tx, settled)).contract_id == kept.id  # it may be corrected yet
        assert await contracts.contract_at(tx, ANNA, HOME) == after
        assert await contracts.home_contract(tx, ANNA) == after
    await unplug(db, running, NOW + timedelta(hours=1), 1_000)
    following = await plug_in(db, NOW + DAY)
    async with db.read() as tx:
        assert (await sessions.get(tx, following)).contract_id == ANNAS_HOME_CONTRACT


async def test_a_home_tariff_ends_where_the_next_begins(db):
    fixed = HomeTariffInput(kind=HomeKind.FIXED, price_micro_per_kwh=3_000_000_000)
    new = HomeTariffRow(uuid4(), PROVIDER, ANNA, fixed, supplier_partner=False, valid_from=NOW)
    async with db.begin() as tx:
        await contracts.replace_home_tariff(tx, new)
    async with db.read() as tx:
        at = [await contracts.home_tariff(tx, ANNA, NOW + n * timedelta(microseconds=1)) for n in (-1, 0, 1)]
        assert await contracts.home_tariff(tx, BERT, NOW) is None
    assert [one.id for one in at] == [an_id("annas-tariff"), new.id, new.id]
    assert (at[0].valid_to, at[1]) == (NOW, new)


async def test_the_street_has_a_public_tariff_and_a_home_none(db):
    async with db.read() as tx:
        street = await locations.get(tx, STREET)
        terms = await contracts.public_tariff(tx, street.tariff_id)
        assert await contracts.public_tariff(tx, (await locations.get(tx, HOME)).tariff_id) is None
    assert (terms.currency, terms.energy[0].price_micro_per_kwh) == ("EUR", 420_000)


async def test_cars_are_their_drivers(db):
    new = vehicles.VehicleRow(uuid4(), PROVIDER, ANNA, "Aap", 77_000, 7_400, 1, 100, 7_360, 1)
    async with db.begin() as tx:
        await vehicles.insert(tx, new)
        await vehicles.update(tx, ANNAS_CAR, target_pct=60)
    async with db.read() as tx:
        assert [one.id for one in await vehicles.of(tx, ANNA)] == [new.id, ANNAS_CAR]
        assert await vehicles.get(tx, new.id) == new
        assert await vehicles.get(tx, None) is None
        assert (await vehicles.by_id(tx, [ANNAS_CAR, new.id]))[ANNAS_CAR].target_pct == 60
        assert [one.target_pct for one in await vehicles.of(tx, BERT)] == [80]
        assert await vehicles.by_id(tx, []) == {}


async def test_an_older_line_that_breaks_does_not_take_a_station_off(db):
    async def ends(connection):
        async with db.begin() as tx:
            return await stations.disconnect_all(tx, {HOME_STATION: connection}, NOW) == [HOME_STATION]

    async with db.begin() as tx:
        await stations.update(tx, HOME_STATION, online=True, connection_id="new")
    assert not await ends("old")
    async with db.read() as tx:
        assert (await stations.get(tx, HOME_STATION)).online
    assert sorted(await asyncio.gather(ends("new"), ends("new"))) == [False, True]
    async with db.read() as tx:
        assert not (await stations.get(tx, HOME_STATION)).online


async def test_a_server_that_starts_believes_no_connection(db):
    async with db.begin() as tx:
        await stations.all_offline(tx)
    async with db.read() as tx:
        assert await locations.online_stations(tx, [HOME, STREET]) == set()


async def test_stations_and_sockets_of_a_place(db):
    async with db.begin() as tx:
        box = await stations.get(tx, STREET_STATION_1)
        added = await stations.add_evse(tx, box, 2)
        await stations.set_status(tx, STREET_EVSE_1, "Faulted", "GroundFailure", NOW)
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await stations.add_evse(tx, box, 2)
    async with db.read() as tx:
        assert await stations.evse_at(tx, STREET_STATION_1, 2) == await stations.evse(tx, added.id) == added
        assert await stations.evse_at(tx, STREET_STATION_1, 3) is None
        assert [one.connector_no for one in await stations.evses_at(tx, [STREET])] == [1, 2, 1]
        faulted = await stations.evse(tx, STREET_EVSE_1)
        assert (faulted.status, faulted.error_code) == ("Faulted", "GroundFailure")
        boxes = [one.id for one in await stations.at_location(tx, STREET)]
        assert boxes == [one.id for one in await stations.of_party(tx, OPERATOR)]
        assert boxes == [STREET_STATION_1, STREET_STATION_2]
        assert [one.limit_ma for one in await stations.feeders_of(tx, STREET)] == [(25_000,) * 3]
        assert await stations.feeders_of(tx, HOME) == []
        assert (await stations.key_of(tx, "LOOTS/1"))[0] == STREET_STATION_1
        assert await stations.key_of(tx, "loots/1") is None
        assert await locations.station_taken(tx, "LOOTS/1")
        assert not await locations.station_taken(tx, "LOOTS/9")


async def test_who_sees_which_place(db):
    async with db.read() as tx:
        for account, places in ((ANNA, {HOME, STREET}), (BERT, {BERTS_HOME, STREET}), (OTTO, {STREET})):
            assert {one.id for one in await locations.visible_to(tx, account)} == places
        assert await locations.one_visible_to(tx, HOME, BERT) is None
        assert (await locations.one_visible_to(tx, HOME, ANNA)).account_id == ANNA
        assert (await locations.home_of(tx, BERT)).id == BERTS_HOME
        assert await locations.home_of(tx, OTTO) is None
        assert [one.id for one in await locations.public(tx)] == [STREET]
        assert (await locations.named(tx, OPERATOR, "LOOTSSTRAAT")).id == STREET
        assert await locations.named(tx, RIVAL, "Lootsstraat") is None


async def test_what_runs_at_a_place(db):
    mine = await plug_in(db, NOW, STREET_STATION_1)
    async with db.read() as tx:
        assert await locations.open_sessions(tx, [STREET, HOME]) == {STREET_STATION_1: 1}
        assert await locations.open_session_of(tx, ANNA) == {STREET_EVSE_1: mine}
        assert await locations.open_session_of(tx, BERT) == {}
        zone = (await locations.get(tx, STREET)).zone
        assert await locations.zones(tx) == [zone]
        assert set(await locations.with_prices_of(tx, zone)) == {HOME, BERTS_HOME, STREET}
