"""A public place whose price varies by time: plan, estimate, screen, receipt and wallet all take it for case G."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flow_story import say
from msgspec.structs import replace
from small_town import (
    ANNA,
    BERT,
    NOW,
    OLGA,
    OPERATOR,
    OTTO,
    PROVIDER,
    STREET,
    STREET_EVSE_1,
    STREET_STATION_1,
    a_night,
    an_id,
    make_plan,
    plug_in,
)

from server.core.contract import Contract, ContractKind, ContractTerms
from server.core.eligibility import Reason
from server.core.objective import planning_prices
from server.core.tariff import EnergyWindow, PublicTariffTerms, public_prices
from server.flows import facts, plans, quotes, session_views, wallets
from server.storage import contracts, sessions, stations, tables
from server.storage import wallets as stored_wallets
from server.storage.contracts import Token
from server.storage.db import Database
from shared.sessions import Delay, SessionUpdate

HOUR = timedelta(hours=1)
ALL_DAY = EnergyWindow("00:00", "24:00", 450_000)
NIGHT = EnergyWindow("23:00", "07:00", 430_000)


async def price(db: Database, *windows: EnergyWindow) -> PublicTariffTerms:
    """The street takes a new price."""
    terms = PublicTariffTerms(an_id("tariff"), "EUR", windows)
    async with db.begin() as tx:
        await tx.execute(sa.update(tables.Tariffs).values(terms=terms))
    return terms


async def gets_a_card(db: Database, account_id) -> None:
    """Somebody who agreed to wait gets a card on the street's terms."""
    async with db.begin() as tx:
        await tx.execute(sa.update(tables.Accounts).where(tables.Accounts.id == account_id).values(consent_at=NOW))
        await contracts.add_token(tx, Token("ITS-CARD", PROVIDER, account_id, "rfid", valid=True))
        terms = ContractTerms(ContractKind.PUBLIC_FIXED)
        await contracts.add_contract(tx, Contract(an_id("its-contract"), PROVIDER, account_id, terms, None, OPERATOR))


async def facts_of(db: Database, session_id):
    async with db.read() as tx:
        return await facts.of_session(tx, await sessions.get(tx, session_id))


async def receipt_of(db: Database, session_id):
    async with db.read() as tx:
        return (await stored_wallets.receipts(tx, [session_id]))[session_id]


async def view_of(db: Database, session_id, now=NOW):
    async with db.read() as tx:
        return await session_views.one(tx, await sessions.get(tx, session_id), now)


async def estimate_of(db: Database, account_id):
    async with db.read() as tx:
        return await quotes.estimate(tx, account_id, await stations.evse(tx, STREET_EVSE_1), NOW)


# --- one kind everywhere -----------------------------------------------------------------


async def test_the_price_of_the_place_decides_what_the_contract_is_there(town):
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    assert (await facts_of(town, session_id)).contract.terms.kind is ContractKind.PUBLIC_FIXED
    await price(town, NIGHT, ALL_DAY)
    assert (await facts_of(town, session_id)).contract.terms.kind is ContractKind.PUBLIC_TIMED
    await price(town, ALL_DAY, NIGHT)  # the night stands behind the day, and never holds
    assert (await facts_of(town, session_id)).contract.terms.kind is ContractKind.PUBLIC_FIXED


async def test_it_is_planned_on_the_drivers_price_and_the_operators_market(sqlite_town):
    terms = await price(sqlite_town, NIGHT, ALL_DAY)
    session_id = await plug_in(sqlite_town, NOW, STREET_STATION_1)
    await say(sqlite_town, session_id, SessionUpdate(ready_by=NOW + 12 * HOUR), NOW)
    async with sqlite_town.read() as tx:
        question = await plans.prepare(tx, STREET, NOW)
    (wish,) = question.wishes
    grid = question.place.grid
    timed = ContractTerms(ContractKind.PUBLIC_TIMED)
    assert wish.delay is Delay.MANAGED
    assert wish.prices == planning_prices(timed, question.market, public_prices(terms, grid))
    assert wish.prices != question.market


async def test_before_and_while_it_charges_savings_and_cashback_are_said_apart(sqlite_town):
    assert (await estimate_of(sqlite_town, ANNA)).savings is None
    await price(sqlite_town, NIGHT, ALL_DAY)
    before = await estimate_of(sqlite_town, ANNA)
    assert 0 < before.savings.low_minor <= before.savings.high_minor
    assert before.cashback.high_minor > 0
    session_id = await plug_in(sqlite_town, NOW, STREET_STATION_1)
    async with sqlite_town.begin() as tx:
        session = await sessions.get(tx, session_id)
        await sessions.save(tx, session, replace(session, stated_ready_by=NOW + 13 * HOUR))
    await make_plan(sqlite_town, STREET, NOW)
    view = await view_of(sqlite_town, session_id)
    assert view.contract_kind == "public_timed"
    assert view.savings.high_minor > 0 < view.cashback.high_minor


async def test_receipt_and_wallet_keep_the_own_saving_apart_from_what_is_paid(town):
    await price(town, NIGHT, ALL_DAY)
    session_id = await a_night(town, NOW)
    receipt = await receipt_of(town, session_id)
    assert (receipt.case, receipt.contract_kind, receipt.sentence) == ("G", "public_timed", "savings_and_cashback")
    # 30 kWh at once take 19:00 to 21:45 local at EUR 0.45; six hours later they cost EUR 0.43.
    assert (receipt.savings_minor, receipt.driver_cost_minor, receipt.driver_cost_at_once_minor) == (60, 1290, 1350)
    assert receipt.pool_nano == receipt.value_nano - receipt.savings_nano
    assert receipt.split.driver_minor > 0
    async with town.read() as tx:
        wallet = await wallets.wallet(tx, ANNA)
        (row,) = await session_views.summaries(tx, ANNA, None, 10)
    assert (wallet.earnings_minor + wallet.pending_minor, wallet.savings_minor) == (receipt.split.driver_minor, 60)
    assert (row.cashback_minor, row.savings_minor) == (receipt.split.driver_minor, 60)


# --- who runs the place ------------------------------------------------------------------


@pytest.mark.parametrize(("account_id", "same"), [(OLGA, True), (OTTO, False), (BERT, False)])
async def test_an_operator_of_the_place_gets_no_cashback_and_one_of_another_does(sqlite_town, account_id, same):
    await gets_a_card(sqlite_town, account_id)
    session_id = await plug_in(sqlite_town, NOW, STREET_STATION_1, token="ITS-CARD")
    assert (await facts_of(sqlite_town, session_id)).same_account is same


async def test_the_owner_of_a_public_place_gets_none_there_and_still_saves_what_the_price_does(sqlite_town):
    await price(sqlite_town, NIGHT, ALL_DAY)
    async with sqlite_town.begin() as tx:
        await tx.execute(sa.update(tables.Locations).where(tables.Locations.id == STREET).values(account_id=ANNA))
    assert (await estimate_of(sqlite_town, ANNA)).cashback.high_minor == 0
    receipt = await receipt_of(sqlite_town, await a_night(sqlite_town, NOW))
    assert Reason.SAME_ACCOUNT in receipt.reasons
    assert (receipt.split.driver_minor, receipt.savings_minor) == (0, 60)


async def test_a_driver_at_home_is_not_an_operator(sqlite_town):
    session_id = await plug_in(sqlite_town, NOW)
    assert not (await facts_of(sqlite_town, session_id)).same_account
