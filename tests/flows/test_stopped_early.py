"""Of a charge that ended early a receipt says who stopped it, who left, and what charging now was taken back."""

import pytest
from flow_story import HOUR, MINUTE, asks, leave, meter, override, publish_days, receipt_of, replan, say
from small_town import ANNA, HOME, NOW, plug_in

from server.flows import session_views
from shared.sessions import SessionUpdate


async def an_hour(db):
    """A car at home until the morning, of which the first hour has passed."""
    await publish_days(db)
    session_id = await plug_in(db, NOW)
    await say(db, session_id, SessionUpdate(ready_by=NOW + 12 * HOUR, energy_wh=20_000), NOW)
    await replan(db, HOME, NOW)
    await asks(db, NOW)
    await meter(db, session_id, NOW + HOUR, 5_000, 5_000)
    return session_id


@pytest.mark.parametrize(
    ("reason", "said"),
    [("Remote", "stopped"), ("EmergencyStop", "stopped"), ("EVDisconnected", "left_early"), ("Local", "left_early")],
)
async def test_a_receipt_says_that_it_was_stopped_where_the_station_does(sqlite_town, reason, said):
    session_id = await an_hour(sqlite_town)
    await leave(sqlite_town, session_id, NOW + HOUR, reason)
    receipt = await receipt_of(sqlite_town, session_id, NOW + 2 * HOUR)
    assert (receipt.shortfall.energy_wh, receipt.shortfall.reason) == (15_000, said)


async def test_a_session_has_a_receipt_once_it_is_settled(sqlite_town):
    session_id = await an_hour(sqlite_town)
    await leave(sqlite_town, session_id, NOW + HOUR)
    rows = []
    for _ in range(2):
        async with sqlite_town.read() as tx:
            rows += [one for one in await session_views.summaries(tx, ANNA, None, 10) if one.id == session_id]
        await receipt_of(sqlite_town, session_id, NOW + 2 * HOUR)
    assert [row.has_receipt for row in rows] == [False, True]


async def test_each_charging_now_has_its_undo_though_the_station_says_that_it_ended_before(sqlite_town):
    session_id = await an_hour(sqlite_town)
    first, second = NOW + HOUR, NOW + HOUR + 10 * MINUTE
    await override(sqlite_town, session_id, first)
    await override(sqlite_town, session_id, first + 5 * MINUTE, undo=True)
    await override(sqlite_town, session_id, second)
    await override(sqlite_town, session_id, second + 5 * MINUTE, undo=True)
    await override(sqlite_town, session_id, second + 9 * MINUTE)
    await leave(sqlite_town, session_id, NOW + HOUR)
    receipt = await receipt_of(sqlite_town, session_id, NOW + 2 * HOUR)
    assert receipt.overrides == [first, second, second + 9 * MINUTE]
    assert receipt.overrides_undone == [first + 5 * MINUTE, second + 5 * MINUTE, None]
