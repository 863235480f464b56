"""Stories on the small town: prices by hand, plans as the worker makes them, cars that take what they are given."""

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from small_town import NOW, STREET_STATION_2

from server.clock import SteppedClock
from server.core.pricecurve import PriceSlot
from server.core.reports import ReadingsInfo, SampledReading, StopInfo
from server.core.timegrid import local_day
from server.core.valley import plan as engine
from server.flows import plans, prices, readings, settlements, stations, steering
from server.flows import sessions as flow
from server.storage import outbox, sessions, wallets
from server.storage import plans as stored
from server.storage import stations as stored_stations
from server.storage.outbox import Task
from server.workers import asking
from server.workers import replan as worker
from server.workers.context import WorkContext
from server.workers.ports import Heard
from server.workers.solve import Inline

MINUTE, QUARTER, HOUR = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
LOCAL = ZoneInfo("Europe/Amsterdam")
VALLEY = [60, 50, 20, 10, 20, 50, *[150] * 12, 300, 320, 280, 220, 160, 120]
"""EUR/MWh by local hour: dear in the evening, cheap from 02:00 to 05:00."""


def day_ahead(day, hours=VALLEY, source="energy_charts"):
    """A day's prices as a feed says them, by the local hour."""
    starts = local_day(day, LOCAL).starts()
    return [PriceSlot(at, 900, hours[at.astimezone(LOCAL).hour] * 1000, source, fetched_at=NOW) for at in starts]


async def publish(db, slots, now=NOW, zone="NL"):
    """One feed's prices of one day come in; how many were new."""
    day = local_day(slots[0].start.astimezone(LOCAL).date(), LOCAL)
    async with db.begin() as tx:
        return await prices.take(tx, zone, slots, day, now)


async def publish_days(db, hours=VALLEY, source="energy_charts"):
    """Today's and tomorrow's prices come in."""
    today = NOW.astimezone(LOCAL).date()
    for day in (today, today + timedelta(days=1)):
        await publish(db, day_ahead(day, hours, source))


async def asks(db, now):
    """The replans that wait, by place; they are done with it."""
    async with db.begin() as tx:
        waiting = [task for task in await outbox.due(tx, now) if task.kind == "replan"]
        await outbox.done(tx, [task.id for task in await outbox.due(tx, now)], now)
    return [task.key for task in waiting]


async def question(db, location_id, now):
    async with db.read() as tx:
        return await plans.prepare(tx, location_id, now)


def answer(asked):
    """The engine's answer, and the question that it is of: delays that do not serve are taken back."""
    found = engine.solve(asked.problem)
    if verdicts := plans.regrets(asked, found):
        asked = plans.charging_at_once(asked, verdicts)
        found = engine.solve(asked.problem)
    return asked, found


class Accepting:
    """The station edge: takes every plan, or says what it is told to say."""

    def __init__(self):
        self.answers = {}

    async def set_plan(self, station_id, _order):
        return Heard(self.answers.get(station_id, "accepted"))


async def replan(db, location_id, now, edge=None):
    """Plan a place and tell its stations, as the workers do."""
    context = WorkContext(db, SteppedClock(now), edge or Accepting(), Inline())
    for work in (worker.replan, worker.dispatch, asking.value):
        await work(context, Task(0, work.__name__, str(location_id), "{}", now, 0))


async def session_of(db, session_id):
    async with db.read() as tx:
        return await sessions.get(tx, session_id)


async def plan_of(db, session_id):
    """The plan in force of a session."""
    async with db.read() as tx:
        session = await sessions.get(tx, session_id)
        return await stored.get(tx, session.plan_id)


def by_hour(plan):
    """A plan's energy by UTC hour, Wh, hours without any left out."""
    out = {}
    for slot, energy in enumerate(plan.energy_wh):
        if energy:
            hour = plan.grid.at(slot).astimezone(UTC).hour
            out[hour] = out.get(hour, 0) + energy
    return out


async def meter(db, session_id, at, energy_wh, power_w):
    """A reading as the station sends it."""
    async with db.begin() as tx:
        session = await sessions.get(tx, session_id)
        sample = SampledReading(at, register_wh=session.meter_start_wh + energy_wh, power_w=power_w)
        info = ReadingsInfo(session.connector_no, session.transaction_id, (sample,))
        await readings.take(tx, session.station_id, info, at)


async def charge(db, session_id, begin, end):
    """The car takes exactly what the plan in force gives it in [begin, end), read every quarter hour."""
    plan, done = await plan_of(db, session_id), (await session_of(db, session_id)).energy_wh
    given = done - plan.energy_until(begin)
    moments = [at for at in plan.moments(begin) if begin < at < end]
    for at in [*moments, end]:
        await meter(db, session_id, at, given + plan.energy_until(at), plan.power_w(at - timedelta(seconds=1)))


async def leave(db, session_id, at, reason="EVDisconnected"):
    """The car is unplugged with what it has taken."""
    async with db.begin() as tx:
        session = await sessions.get(tx, session_id)
        info = StopInfo(session.transaction_id, session.register_wh, at, reason=reason)
        await flow.close_session(tx, session.station_id, info, at)


async def receipt_of(db, session_id, at):
    """The session settled, and its receipt."""
    async with db.begin() as tx:
        await settlements.settle_session(tx, session_id, at)
    async with db.read() as tx:
        return await wallets.receipt(tx, session_id)


async def settle_due(db, now):
    """Do what a worker does with the settlements that are due; returns what became of each."""
    outcomes = []
    async with db.read() as tx:
        due = [task for task in await outbox.due(tx, now) if task.kind == "settle"]
    for task in due:
        async with db.begin() as tx:
            outcomes.append(await settlements.settle_session(tx, UUID(task.key), now))
            await outbox.done(tx, [task.id], now, outcomes[-1])
    return outcomes


async def say(db, session_id, update, now):
    """The driver changes something."""
    async with db.begin() as tx:
        return await steering.change(tx, await sessions.get(tx, session_id), update, now)


async def override(db, session_id, now, *, undo=False):
    """The driver presses charge now, or takes it back."""
    async with db.begin() as tx:
        press = steering.undo_override if undo else steering.set_override
        return await press(tx, await sessions.get(tx, session_id), now)


async def come_online(db, station=STREET_STATION_2, now=NOW):
    async with db.begin() as tx:
        await stations.connect(tx, station, "line", now)


async def go_offline(db, station=STREET_STATION_2, now=NOW):
    async with db.begin() as tx:
        if (await stored_stations.get(tx, station)).connection_id is None:
            await stored_stations.update(tx, station, connection_id="line")
        await stations.disconnect(tx, station, "line", now)


def at(day, hour, minute=0):
    """A UTC moment of January 2025."""
    return datetime(2025, 1, day, hour, minute, tzinfo=UTC)
