"""What is said before something is done: a quote is what then happens, to the cent; an estimate is a range."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flow_story import (
    HOUR,
    MINUTE,
    charge,
    come_online,
    leave,
    override,
    publish_days,
    receipt_of,
    replan,
    say,
    session_of,
)
from msgspec.structs import replace
from small_town import (
    ANNA,
    ANNAS_HOME_CONTRACT,
    BERT,
    HOME,
    HOME_EVSE,
    HOME_STATION,
    NOW,
    OLGA,
    STREET,
    STREET_EVSE_1,
    STREET_STATION_1,
    plug_in,
)

from server.core.contract import ContractKind
from server.core.valley import plan as engine
from server.flows import quotes
from server.storage import accounts, contracts, sessions, stations, tables
from shared.sessions import Delay, SessionUpdate
from shared.tariffs import HomeKind, HomeTariffInput

READY = NOW + 13 * HOUR


async def evening(db, station, place, until):
    """A car comes at NOW, its driver says when it leaves, and it charges as planned until then."""
    await publish_days(db)
    session_id = await plug_in(db, NOW, station)
    await say(db, session_id, SessionUpdate(ready_by=READY), NOW)
    await replan(db, place, NOW)
    if until > NOW:
        await charge(db, session_id, NOW, until)
        await replan(db, place, until)
    return session_id


async def quoted(db, session_id, now):
    async with db.read() as tx:
        asked = await quotes.prepare_override(tx, await sessions.get(tx, session_id), now)
    return quotes.answer_override(asked, None if asked.problem is None else engine.solve(asked.problem))


async def to_the_end(db, session_id, now):
    await charge(db, session_id, now, READY)
    await leave(db, session_id, READY)
    return await receipt_of(db, session_id, READY + MINUTE)


def benefit(receipt):
    """What a night brought its driver over charging at once: a public bill is rounded as a whole."""
    billed = receipt.contract_kind.startswith("public")
    saved = receipt.driver_cost_at_once_minor - receipt.driver_cost_minor if billed else receipt.savings_minor
    return receipt.split.driver_minor + receipt.goodwill_minor + saved


@pytest.mark.parametrize(
    ("station", "place"), [(HOME_STATION, HOME), (STREET_STATION_1, STREET)], ids=["home", "street"]
)
@pytest.mark.parametrize("minutes", [0, 20, 127, 480])
async def test_what_charging_now_is_said_to_cost_it_costs_to_the_cent(town, twin, station, place, minutes):
    pressed = NOW + timedelta(minutes=minutes)
    for db in (town, twin):
        await come_online(db)
    kept, hurried = [await evening(db, station, place, pressed) for db in (town, twin)]
    quote = await quoted(town, kept, pressed)
    await override(twin, hurried, pressed)
    await replan(twin, place, pressed)
    before, after = await to_the_end(town, kept, pressed), await to_the_end(twin, hurried, pressed)
    assert before.energy_wh == after.energy_wh > 10_000
    assert quote.cost_minor == benefit(before) - benefit(after)
    assert (quote.cashback_before_minor, quote.cashback_after_minor) == (
        before.split.driver_minor,
        after.split.driver_minor,
    )
    assert (quote.savings_before_minor, quote.savings_after_minor) == (before.savings_minor, after.savings_minor)
    assert quote.limited_by is None
    if minutes < 480:
        assert quote.cost_minor > 30, "the evening is dear"
        assert quote.ready_after < quote.ready_before


async def test_a_car_that_charges_at_once_already_is_hurried_for_nothing(town):
    session_id = await evening(town, HOME_STATION, HOME, NOW)
    await override(town, session_id, NOW)
    await replan(town, HOME, NOW)
    quote = await quoted(town, session_id, NOW)
    assert (quote.cost_minor, quote.ready_before) == (0, quote.ready_after)


async def test_a_car_at_a_station_out_of_reach_cannot_be_hurried_and_it_costs_nothing(town):
    session_id = await evening(town, HOME_STATION, HOME, NOW)
    async with town.begin() as tx:
        await stations.update(tx, HOME_STATION, online=False)
    assert (await quoted(town, session_id, NOW)).cost_minor == 0


async def test_an_electrical_limit_that_slows_it_down_is_said(town):
    session_id = await evening(town, STREET_STATION_1, STREET, NOW)  # its neighbour is out of reach: half is reserved
    assert (await quoted(town, session_id, NOW)).limited_by == "site_limit"
    await come_online(town)
    assert (await quoted(town, session_id, NOW)).limited_by is None


# --- an estimate ----------------------------------------------------------------


async def estimate(db, account_id, evse=STREET_EVSE_1):
    async with db.read() as tx:
        return await quotes.estimate(tx, account_id, await stations.evse(tx, evse), NOW)


async def test_a_typical_night_in_public_brings_what_the_estimate_said(town):
    await publish_days(town)
    await come_online(town)
    said = await estimate(town, ANNA)
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    leaves = NOW + quotes.TYPICAL_STAY
    await say(town, session_id, SessionUpdate(ready_by=leaves, energy_wh=quotes.TYPICAL_NEED_WH), NOW)
    await replan(town, STREET, NOW)
    assert (await session_of(town, session_id)).delay is Delay.MANAGED
    await charge(town, session_id, NOW, leaves)
    await leave(town, session_id, leaves)
    receipt = await receipt_of(town, session_id, leaves + MINUTE)
    assert receipt.energy_wh == quotes.TYPICAL_NEED_WH
    assert 0 < said.cashback.low_minor <= receipt.split.driver_minor <= said.cashback.high_minor
    assert said.cashback.high_minor < 2 * receipt.split.driver_minor


async def on_terms(db, kind, *, partner=True):
    """Anna's contract at home says otherwise, and a fixed one has a fixed tariff."""
    async with db.begin() as tx:
        row = tables.Contracts.__table__
        await tx.execute(sa.update(row).where(row.c.id == ANNAS_HOME_CONTRACT).values(kind=kind.value, partner=partner))
        if kind is ContractKind.HOME_FIXED:
            fixed = HomeTariffInput(HomeKind.FIXED, price_micro_per_kwh=300_000)
            await tx.execute(sa.update(tables.HomeTariffs.__table__).values(entered=fixed))


async def night_at_home(db):
    """What Anna's typical stay at home was said to bring, and its receipt."""
    await publish_days(db)
    await come_online(db)
    async with db.read() as tx:
        said = await quotes.at_home(tx, ANNA, NOW)
    session_id = await plug_in(db, NOW)
    leaves = NOW + quotes.TYPICAL_STAY
    await say(db, session_id, SessionUpdate(ready_by=leaves, energy_wh=quotes.TYPICAL_NEED_WH), NOW)
    await replan(db, HOME, NOW)
    await charge(db, session_id, NOW, leaves)
    await leave(db, session_id, leaves)
    return said, await receipt_of(db, session_id, leaves + MINUTE)


async def test_a_typical_night_at_home_saves_what_was_said(town):
    said, receipt = await night_at_home(town)
    assert said.cashback is None  # it is all on her own bill
    assert 0 < said.savings.low_minor <= receipt.savings_minor <= said.savings.high_minor
    assert said == await estimate(town, ANNA, HOME_EVSE)


async def test_a_partner_at_home_pays_what_was_said(town):
    await on_terms(town, ContractKind.HOME_FIXED)
    said, receipt = await night_at_home(town)
    assert said.savings is None
    assert 0 < said.cashback.low_minor <= receipt.split.driver_minor <= said.cashback.high_minor


@pytest.mark.parametrize(
    ("kind", "partner", "told"),
    [
        (ContractKind.HOME_NIGHT, True, (True, True)),
        (ContractKind.HOME_NIGHT, False, (False, True)),
        (ContractKind.HOME_FIXED, False, None),
        (ContractKind.FLEET, True, None),
    ],
)
async def test_at_home_it_is_said_who_pays_and_what_is_saved(sqlite_town, kind, partner, told):
    await on_terms(sqlite_town, kind, partner=partner)
    async with sqlite_town.read() as tx:
        said = await quotes.at_home(tx, ANNA, NOW)
        assert await quotes.at_home(tx, BERT, NOW) is None  # nobody entered what he pays at home
    assert (None if said is None else (said.cashback is not None, said.savings is not None)) == told


async def test_where_nobody_pays_for_waiting_nothing_is_promised(town):
    assert await estimate(town, BERT) is not None
    assert await estimate(town, BERT, HOME_EVSE) is None  # it is Anna's home
    assert await estimate(town, OLGA) is None  # no contract
    async with town.begin() as tx:
        bert = await accounts.get(tx, BERT)
        await accounts.update(tx, bert, replace(bert, consent_at=None))
    assert await estimate(town, BERT) is None
    async with town.read() as tx:
        assert await contracts.contract_at(tx, BERT, STREET) is not None


async def test_whoever_did_not_agree_is_neither_delayed_nor_quoted_a_price(town):
    async with town.begin() as tx:
        anna = await accounts.get(tx, ANNA)
        await accounts.update(tx, anna, replace(anna, consent_at=None))
    session_id = await evening(town, STREET_STATION_1, STREET, NOW)
    assert (await session_of(town, session_id)).delay is Delay.NO_CONSENT
    quote = await quoted(town, session_id, NOW)
    assert (quote.cost_minor, quote.cashback_before_minor, quote.cashback_after_minor) == (0, 0, 0)
    receipt = await to_the_end(town, session_id, NOW)
    assert (receipt.eligible, receipt.split.driver_minor) == (False, 0)
