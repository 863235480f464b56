"""Limits that stations have from elsewhere, in what drivers and operators are told, and beside cars out of hand."""

import asyncio
import shutil
from pathlib import Path

import pytest
from flow_story import (
    HOUR,
    MINUTE,
    charge,
    come_online,
    leave,
    override,
    plan_of,
    publish_days,
    question,
    receipt_of,
    replan,
    say,
    session_of,
)
from msgspec.structs import replace
from small_town import (
    HOME,
    HOME_STATION,
    NOW,
    PROVIDER,
    STREET,
    STREET_STATION_1,
    an_id,
    plug_in,
)

from app.strings import Texts
from app.widgets.explained import short_words
from server.core.external_limit import ToldLimit, ToldStep
from server.core.reports import StartInfo
from server.core.session import Followed
from server.core.valley import plan as engine
from server.flows import explanations, external_limits, quotes
from server.flows import sessions as flow
from server.storage import locations, sessions
from server.storage import town as stored
from shared.sessions import SessionUpdate

READY = NOW + 12 * HOUR
"""07:00 in Amsterdam."""


@pytest.fixture
def town_url(founded_town: Path, tmp_path: Path) -> str:
    """SQLite alone: the database is not what matters."""
    shutil.copy(founded_town, tmp_path / "town.db")
    return f"sqlite:///{tmp_path / 'town.db'}"


async def limited(db, limit_w, station=HOME_STATION, *, begin=NOW, end=None):
    async with db.begin() as tx:
        told = ToldLimit("EMS", 0, (ToldStep(begin, limit_w, "W"),), end)
        await external_limits.limited(tx, station, told, NOW)


async def evening(db):
    await publish_days(db)
    await come_online(db, HOME_STATION)
    session_id = await plug_in(db, NOW)
    await say(db, session_id, SessionUpdate(ready_by=READY, energy_wh=20_000), NOW)
    return session_id


async def to_the_end(db, session_id):
    await charge(db, session_id, NOW, READY)
    await leave(db, session_id, READY)
    return await receipt_of(db, session_id, READY + MINUTE)


async def test_charge_now_costs_what_was_said_under_a_limit_too_and_the_limit_is_named(town, twin):
    kept, hurried = await asyncio.gather(evening(town), evening(twin))
    for db in (town, twin):
        await limited(db, 5_000, end=NOW + 2 * HOUR)
        await replan(db, HOME, NOW)
    async with town.read() as tx:
        asked = await quotes.prepare_override(tx, await sessions.get(tx, kept), NOW)
    quote = quotes.answer_override(asked, engine.solve(asked.problem))
    await override(twin, hurried, NOW)
    await replan(twin, HOME, NOW)
    before, after = await to_the_end(town, kept), await to_the_end(twin, hurried)
    assert before.energy_wh == after.energy_wh == 20_000
    benefits = [
        receipt.split.driver_minor + receipt.goodwill_minor + receipt.savings_minor for receipt in (before, after)
    ]
    assert quote.cost_minor == benefits[0] - benefits[1] > 30
    assert quote.limited_by == "external_limit"
    assert quote.ready_after == NOW + 3 * HOUR, "10 kWh in two hours, then 10 kWh at 11 kW"


async def test_the_driver_reads_what_holds_the_car_back_and_it_is_no_building(town):
    session_id = await evening(town)
    await limited(town, 0, begin=NOW + HOUR / 2, end=READY - HOUR)
    await replan(town, HOME, NOW)
    async with town.read() as tx:
        asked = await explanations.prepare(tx, await sessions.get(tx, session_id), NOW)
    said = explanations.explained(replace(asked, building=[1_000] * len(asked.building)), engine.solve(asked.problem))
    assert (said.ready_wh, said.held.by, said.held.until) == (16_560, "external_limit", READY - HOUR)
    words = short_words(Texts("en", "Europe/Amsterdam"), said, NOW)
    assert words.endswith("because the building or the grid allows this station no more until 06:00.")


async def test_an_operator_is_not_told_that_more_of_the_connection_would_help(town):
    await publish_days(town)
    await come_online(town)
    await come_online(town, STREET_STATION_1)
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    await say(town, session_id, SessionUpdate(ready_by=NOW + 2 * HOUR, energy_wh=20_000), NOW)
    await limited(town, 5_000, STREET_STATION_1)
    asked = await question(town, STREET, NOW)
    async with town.read() as tx:
        place = await locations.get(tx, STREET)
    found = explanations.worth(place, NOW, asked, engine.solve(explanations.worth_problem(asked)))
    assert (found.missing_wh, found.slots) == (0, [])


async def test_a_car_out_of_hand_leaves_the_other_of_its_station_the_rest_of_the_limit(town):
    await publish_days(town)
    await come_online(town, HOME_STATION)
    powers = {"connector_no": 2, "status": "Available", "max_w": 11_040, "phases": 3}
    where = {"party_id": PROVIDER, "station_id": HOME_STATION, "location_id": HOME, "label": "HOME-1b"}
    async with town.begin() as tx:
        await stored.add(tx, "evses", id=an_id("evse-1b"), **where, **powers)
    mine = await plug_in(town, NOW, HOME_STATION)
    async with town.begin() as tx:
        answer = await flow.open_session(tx, HOME_STATION, StartInfo(2, "ANNA-CARD", 0, NOW), NOW)
        other = await sessions.by_transaction(tx, HOME_STATION, answer.transaction_id)
    await limited(town, 9_000, HOME_STATION)
    for session_id in (mine, other.id):
        await override(town, session_id, NOW)
    await replan(town, HOME, NOW)
    plans = [await plan_of(town, session_id) for session_id in (mine, other.id)]
    both = [sum(slot) for slot in zip(*(plan.energy_wh for plan in plans), strict=True)]
    assert max(both) == both[0] == 9_000 // 4
    async with town.begin() as tx:
        before = await session_of(town, other.id)
        await sessions.save(tx, before, replace(before, followed=Followed.NOT_FOLLOWED, power_w=4_600))
    asked = await question(town, HOME, NOW)
    (plan,) = engine.solve(asked.problem).plans
    assert max(plan.energy_wh) == 4_400 // 4
