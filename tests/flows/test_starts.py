"""A departure stated with a start from the app: for the session that it starts, once, whatever restarts in between."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from small_town import (
    ANNA,
    HOME_EVSE,
    NOW,
    STREET,
    STREET_EVSE_1,
    STREET_EVSE_2,
    STREET_STATION_1,
    an_id,
    rows,
)

from server.clock import SteppedClock
from server.core.reports import StartInfo, StopInfo
from server.core.session import Refused
from server.flows import locations, plans, starts
from server.main.gateway_flows import GatewayFlows
from server.storage import outbox, sessions
from server.storage.db import Database
from shared.sessions import RemoteStart

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
READY = NOW + 14 * HOUR


async def ask(db, ready_by=READY, now=NOW, evse=STREET_EVSE_1):
    async with db.begin() as tx:
        return await starts.prepare(tx, ANNA, RemoteStart(evse, ready_by), now)


async def begin(db, at, now=None, token="ANNA-CARD", meter=0):
    """The station's word that a transaction began, as the gateway takes it."""
    answer = await GatewayFlows(db, SteppedClock(now or at)).start(STREET_STATION_1, StartInfo(1, token, meter, at))
    async with db.read() as tx:
        return await sessions.by_transaction(tx, STREET_STATION_1, answer.transaction_id)


async def end(db, session, at):
    flows = GatewayFlows(db, SteppedClock(at))
    await flows.stop(STREET_STATION_1, StopInfo(session.transaction_id, session.meter_start_wh, at))


async def test_it_outlives_a_restart_and_the_first_plan_keeps_it(town):
    assert (await ask(town)).evse_id == STREET_EVSE_1
    again = Database(town.url.render_as_string(hide_password=False))
    session = await begin(again, NOW + 2 * MINUTE)
    assert session.stated_ready_by == READY
    async with again.read() as tx:
        assert [task.kind for task in await outbox.due(tx, NOW + HOUR)] == ["replan"]
        question = await plans.prepare(tx, STREET, NOW + 2 * MINUTE)
        events = [(event.kind, event.detail) for event in await sessions.events(tx, session.id)]
    await again.close()
    assert question.wishes[0].ready.at == READY
    assert events == [("plugged_in", ""), ("changed", READY.isoformat())]


async def test_it_is_used_once(town):
    await ask(town)
    first = await begin(town, NOW + MINUTE)
    assert await rows(town, "start_wishes") == 0
    assert await begin(town, NOW + MINUTE, NOW + 9 * MINUTE) == first  # the same start, sent again
    await end(town, first, NOW + 3 * MINUTE)
    assert (await begin(town, NOW + 4 * MINUTE, meter=7)).stated_ready_by is None


async def test_a_repeated_start_keeps_what_the_driver_changed_since(town):
    await ask(town)
    session = await begin(town, NOW + MINUTE)
    async with town.begin() as tx:
        await sessions.save(tx, session, replace(session, stated_ready_by=READY + HOUR))
    assert (await begin(town, NOW + MINUTE, NOW + 2 * MINUTE)).stated_ready_by == READY + HOUR


@pytest.mark.parametrize(
    ("begins", "heard"),
    [
        (timedelta(0), timedelta(0)),
        (10 * MINUTE, 10 * MINUTE),
        (3 * MINUTE, 5 * HOUR),  # the server was gone meanwhile, and the station's queue came late
        (-5 * MINUTE, MINUTE),  # a clock that is slow
    ],
)
async def test_a_session_that_begins_soon_has_it_however_late_we_hear_of_it(sqlite_town, begins, heard):
    await ask(sqlite_town)
    assert (await begin(sqlite_town, NOW + begins, NOW + heard)).stated_ready_by == READY


@pytest.mark.parametrize(
    ("begins", "heard"),
    [
        (11 * MINUTE, 11 * MINUTE),  # the station had given up by then
        (-6 * MINUTE, MINUTE),  # out of a queue: it began before anybody wished for anything
        (2 * MINUTE, 15 * HOUR),  # the departure is over
    ],
)
async def test_another_session_has_it_not(sqlite_town, begins, heard):
    await ask(sqlite_town)
    assert (await begin(sqlite_town, NOW + begins, NOW + heard)).stated_ready_by is None


async def test_somebody_elses_session_has_it_not_and_does_not_use_it_up(town):
    await ask(town)
    bert = await begin(town, NOW + MINUTE, token="BERT-CARD")
    assert bert.stated_ready_by is None
    await end(town, bert, NOW + 2 * MINUTE)
    assert (await begin(town, NOW + 4 * MINUTE)).stated_ready_by == READY


async def test_the_last_word_counts(town):
    await ask(town)
    await ask(town, READY + HOUR, NOW + MINUTE)
    assert await rows(town, "start_wishes") == 1
    assert (await begin(town, NOW + 2 * MINUTE)).stated_ready_by == READY + HOUR


async def test_a_start_without_a_departure_takes_back_an_earlier_one(town):
    await ask(town)
    await ask(town, None, NOW + MINUTE)
    assert (await begin(town, NOW + 2 * MINUTE)).stated_ready_by is None


async def test_what_was_never_used_goes_with_the_next_one(sqlite_town):
    await ask(sqlite_town)
    async with sqlite_town.begin() as tx:
        await starts.withdraw(tx, ANNA, STREET_EVSE_2)  # of another place: changes nothing
    assert await rows(sqlite_town, "start_wishes") == 1
    await ask(sqlite_town, READY + 20 * HOUR, READY, HOME_EVSE)
    assert await rows(sqlite_town, "start_wishes") == 1


@pytest.mark.parametrize(
    ("evse", "ready_by", "refusal"),
    [
        (STREET_EVSE_1, NOW, starts.READY_BY),
        (STREET_EVSE_1, NOW + timedelta(days=14, seconds=1), starts.READY_BY),
        (an_id("evse-bert"), READY, locations.NOT_THERE),
    ],
)
async def test_a_start_that_is_refused_leaves_nothing_behind(sqlite_town, evse, ready_by, refusal):
    assert await ask(sqlite_town, ready_by, evse=evse) is refusal
    assert isinstance(await ask(sqlite_town, evse=STREET_EVSE_2), Refused)  # its station is out of reach
    assert await rows(sqlite_town, "start_wishes") == 0
