"""The watch over a real database: what is found, tried, told and mended, and how little it asks for."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
import sqlalchemy as sa
from small_town import (
    HOME,
    HOME_STATION,
    NOW,
    OPERATOR,
    PROVIDER,
    STREET,
    STREET_STATION_1,
    make_plan,
    plug_in,
    read_meter,
)

from server.core.certificate import Request, Signed
from server.core.reports import ConnectorStatus, ReadingsInfo, SampledReading, TransactionInfo
from server.flows import readings, sessions, watching
from server.flows import stations as station_flows
from server.flows.announcements import StationMoved
from server.flows.sessions import StopInfo
from server.main import transaction_flow
from server.storage import certificates, outbox, plans, watch
from server.storage import sessions as kept
from server.storage import stations as stored
from server.storage import town as seed
from server.workers.ports import Heard, NoSecurity
from server.workers.watch import EVERY, begin, remedy
from server.workers.watch import watch as look
from shared.health import Remedy, Rule
from shared.ids import derive

MINUTE = timedelta(minutes=1)
TRIGGER, CLEAR, SOFT, HARD, RENEW = Remedy
WORK = {"watch": look, "remedy": remedy}


async def looks(context, until):
    """Look and mend, as the server does, until a time."""
    if context.clock.now() == NOW:
        async with context.db.begin() as tx:
            await begin(tx, NOW)
    while True:
        async with context.db.read() as tx:
            waiting = [task for task in await outbox.due(tx, until) if task.kind in WORK]
        if not waiting:
            return context.clock.advance_to(until)
        task = min(waiting, key=lambda one: (one.due_at, one.id))
        context.clock.advance_to(task.due_at)
        async with context.db.begin() as tx:
            await outbox.start(tx, [task.id], task.due_at)
        outcome = await WORK[task.kind](context, task)
        async with context.db.begin() as tx:
            await outbox.done(tx, [task.id], context.clock.now(), outcome)


async def says(context, status, error_code="NoError", *, station=STREET_STATION_1, connector_no=1, at=None):
    now = context.clock.now()
    async with context.db.begin() as tx:
        await station_flows.status(tx, station, ConnectorStatus(connector_no, status, error_code, at or now), now)


async def findings(context, party=OPERATOR):
    async with context.db.read() as tx:
        by_station = await watch.of_party(tx, party, NOW - timedelta(days=1))
    return [finding for group in by_station.values() for finding in group]


def asked(edge):
    return [(kind, said) for kind, _, said in edge.told if kind in ("trigger", "clear_profile", "reset")]


async def test_all_is_well_and_nothing_is_written(context, stations):
    await looks(context, NOW + timedelta(hours=1))
    assert await findings(context) == []
    assert stations.told == []
    async with context.db.read() as tx:
        assert await outbox.next_due(tx) == NOW + timedelta(hours=1) + EVERY


async def test_a_fault_is_asked_for_then_reset_softly_then_hard_and_then_its_operator_is_told(context, stations):
    announced = []
    context.db.on_commit = lambda told, _queued: announced.extend(told)
    await says(context, "Faulted", "GroundFailure")
    await looks(context, NOW + 3 * MINUTE)
    assert asked(stations) == [("trigger", "StatusNotification")]
    assert StationMoved(OPERATOR, STREET_STATION_1) in announced
    await looks(context, NOW + 30 * MINUTE)
    assert asked(stations)[1:] == [("reset", "soft"), ("reset", "hard")]
    (finding,) = await findings(context)
    assert (finding.rule, finding.detail, finding.tried) == (Rule.FAULTED, "1:GroundFailure", (TRIGGER, SOFT, HARD))
    assert finding.since == NOW
    assert NOW + 17 * MINUTE <= finding.told_at <= NOW + 22 * MINUTE
    await looks(context, NOW + timedelta(hours=3))
    assert len(asked(stations)) == 3
    await says(context, "Available")
    await looks(context, NOW + timedelta(hours=3, minutes=3))
    (finding,) = await findings(context)
    assert finding.resolved_at == NOW + timedelta(hours=3, minutes=2)


async def test_what_a_station_answered_is_kept_and_bounds_the_next_day(context, stations):
    stations.says[STREET_STATION_1] = Heard("rejected")
    for hour in range(4):
        await says(context, "Faulted", "GroundFailure")
        await looks(context, NOW + timedelta(hours=hour, minutes=40))
        await says(context, "Available")
        await looks(context, NOW + timedelta(hours=hour + 1))
    assert asked(stations).count(("reset", "soft")) == 2
    assert asked(stations).count(("reset", "hard")) == 1
    async with context.db.read() as tx:
        happened = (await watch.events_of(tx, OPERATOR, NOW))[STREET_STATION_1]
    tried = [(one.kind, one.detail) for one in happened if one.kind in list(Remedy)]
    assert tried[0] == ("trigger", "faulted:rejected")
    assert len(tried) == len(asked(stations))
    assert all(finding.told_at for finding in await findings(context))


async def test_one_remedy_at_a_time_is_tried_at_a_station_however_much_is_wrong(context, stations):
    await says(context, "Faulted", "GroundFailure")
    await says(context, "Faulted", "InternalError", connector_no=0, at=NOW)
    async with context.db.begin() as tx:
        await stored.set_clock(tx, derive("small-town", "evse-1"), 900)
    await looks(context, NOW + 2 * MINUTE)
    assert {finding.rule for finding in await findings(context)} == {Rule.FAULTED, Rule.CLOCK_WRONG}
    assert len(asked(stations)) == 1


async def test_a_reset_that_was_queued_is_not_done_where_a_session_began_meanwhile(context, stations):
    await says(context, "Faulted", "GroundFailure")
    await looks(context, NOW + 3 * MINUTE)
    async with context.db.read() as tx:
        (finding,) = (await watch.of_party(tx, OPERATOR, NOW))[STREET_STATION_1]
    errand = {"finding_id": finding.id, "remedy": SOFT}
    session = await plug_in(context.db, NOW + 4 * MINUTE, STREET_STATION_1)
    await read_meter(context.db, session, NOW + 5 * MINUTE, 500)
    async with context.db.begin() as tx:
        await outbox.put(tx, "remedy", str(STREET_STATION_1), errand, NOW + 5 * MINUTE)
        (task,) = [task for task in await outbox.due(tx, NOW + 5 * MINUTE) if task.kind == "remedy"]
    assert await remedy(context, task) == "in_use"
    assert ("reset", "soft") not in asked(stations)


async def test_a_remedy_for_what_is_well_again_is_not_tried(context, stations):
    await says(context, "Faulted")
    await looks(context, NOW + 3 * MINUTE)
    (finding,) = await findings(context)
    await says(context, "Available")
    await looks(context, NOW + 5 * MINUTE)
    async with context.db.begin() as tx:
        await outbox.put(tx, "remedy", str(STREET_STATION_1), {"finding_id": finding.id, "remedy": SOFT}, NOW)
        (task,) = [task for task in await outbox.due(tx, NOW) if task.kind == "remedy"]
    assert await remedy(context, task) == "mended"


async def test_who_loses_the_line_is_offline_and_flaps_after_four_times(context, stations):
    for number in range(4):
        async with context.db.begin() as tx:
            await _connect(tx, f"line-{number}", NOW + (10 * number) * MINUTE)
        async with context.db.begin() as tx:
            await _disconnect(tx, f"line-{number}", NOW + (10 * number + 1) * MINUTE)
    await looks(context, NOW + 40 * MINUTE)
    assert {(one.rule, one.told_at is not None) for one in await findings(context)} == {
        (Rule.OFFLINE, True),
        (Rule.FLAPPING, True),  # nobody can reset who is not there
    }
    assert asked(stations) == []


async def test_connections_that_we_closed_ourselves_are_no_flapping(context, stations):
    for number in range(6):
        async with context.db.begin() as tx:
            await _connect(tx, f"line-{number}", NOW + (5 * number) * MINUTE)
        async with context.db.begin() as tx:
            lines = {STREET_STATION_1: f"line-{number}"}
            await station_flows.disconnect_all(tx, lines, NOW + (5 * number + 1) * MINUTE, ours=lines.keys())
    async with context.db.begin() as tx:
        await _connect(tx, "line-6", NOW + 30 * MINUTE)
    await looks(context, NOW + 40 * MINUTE)
    assert await findings(context) == []
    assert asked(stations) == []


async def _connect(tx, line, at):
    await station_flows.connect(tx, STREET_STATION_1, line, at)


async def _disconnect(tx, line, at):
    await station_flows.disconnect(tx, STREET_STATION_1, line, at)


async def charging(context):
    """A car at home whose plan gives it energy from now on; its session."""
    session_id = await plug_in(context.db, NOW)
    await make_plan(context.db, HOME, NOW)
    async with context.db.begin() as tx:
        session = await kept.get(tx, session_id)
        await kept.save(tx, session, msgspec.structs.replace(session, plan_accepted=True))
        await plans.set_outcomes(tx, [plans.Outcome(session.plan_id, NOW, "accepted")])
    return session_id


@pytest.mark.parametrize(("status", "told"), [("SuspendedEV", "car"), ("Charging", "station")])
async def test_a_car_that_takes_nothing_of_its_plan_is_asked_for_then_freed_of_it(context, stations, status, told):
    session_id = await charging(context)
    async with context.db.read() as tx:
        session = await kept.get(tx, session_id)
        plan = await plans.get(tx, session.plan_id)
    pause = plan.energy_wh.index(0)
    begin_at = plan.grid.at(next(slot for slot in range(pause, plan.grid.slots) if plan.energy_wh[slot]))
    assert begin_at > NOW
    await looks(context, begin_at)
    assert await findings(context, PROVIDER) == []  # a pause of its plan
    await says(context, status, station=HOME_STATION)
    for minutes in range(5, 60, 5):
        await read_meter(context.db, session_id, begin_at + minutes * MINUTE, 0, 0)
        await looks(context, begin_at + minutes * MINUTE)
    assert asked(stations)[:2] == [("trigger", "MeterValues"), ("clear_profile", "")]
    (finding,) = [one for one in await findings(context, PROVIDER) if one.rule is Rule.NO_ENERGY]
    assert finding.detail == told
    resets = [said for kind, said in asked(stations) if kind == "reset"]
    assert resets == ([] if told == "car" else ["soft", "hard"])
    async with context.db.read() as tx:
        waiting = {task.kind for task in await outbox.due(tx, context.clock.now())}
    assert "configure" in waiting  # its share and its plan are said again


async def test_who_stands_behind_a_shared_limit_is_seen_so(context):
    async with context.db.read() as tx:
        seen = [await watching.sight_of(tx, one, NOW) for one in (HOME_STATION, STREET_STATION_1)]
    assert [one.shared for one in seen] == [False, True]


async def test_a_meter_that_counts_with_nobody_there_is_found(context, stations):
    reading = SampledReading(NOW, register_wh=9_000, power_w=7_000)
    async with context.db.begin() as tx:
        await readings.take(tx, STREET_STATION_1, ReadingsInfo(1, None, (reading,)), NOW)
        await sessions.close_session(tx, STREET_STATION_1, StopInfo(77, 9_000, NOW), NOW)  # another orphan
    await looks(context, NOW + 3 * MINUTE)
    (finding,) = await findings(context)
    assert (finding.rule, finding.detail) == (Rule.NO_SESSION, "1:7000")


async def test_a_car_that_nobody_starts_is_found_after_five_minutes(context, stations):
    await says(context, "Preparing")
    await looks(context, NOW + 4 * MINUTE)
    assert await findings(context) == []
    await looks(context, NOW + 6 * MINUTE)
    assert [one.rule for one in await findings(context)] == [Rule.NO_START]
    await plug_in(context.db, NOW + 7 * MINUTE, STREET_STATION_1)
    await looks(context, NOW + 8 * MINUTE)
    assert [one.resolved_at is None for one in await findings(context)] == [False]


async def test_a_cable_first_transaction_without_a_card_is_no_start_until_a_card_comes(context, stations):
    async def tell(seq_no, kind, **more):
        now = context.clock.now()
        info = TransactionInfo("T-1", kind, seq_no, now, connector_no=1, **more)
        async with context.db.begin() as tx:
            await transaction_flow.take(tx, STREET_STATION_1, info, now)

    await tell(0, "Started", trigger="CablePluggedIn", state="Preparing")
    await looks(context, NOW + 12 * MINUTE)
    assert [one.rule for one in await findings(context)] == [Rule.NO_START]
    await tell(1, "Updated", trigger="Authorized", token_uid="ANNA-CARD", state="Charging")
    await looks(context, NOW + 15 * MINUTE)
    assert [one.resolved_at is None for one in await findings(context)] == [False]
    await tell(2, "Ended", trigger="EVDeparted")
    await says(context, "Occupied")
    await looks(context, NOW + 25 * MINUTE)
    assert [one.rule for one in await findings(context)] == [Rule.NO_START]  # and no energy without a session


@pytest.mark.parametrize(
    ("said", "off_s"),
    [
        (timedelta(hours=2), 7200),  # ahead of us: nothing else can explain it
        (timedelta(minutes=-30), 0),  # before it connected: out of its queue
        (timedelta(minutes=-8), -480),  # since it connected: its clock is slow
        (timedelta(days=-400), -34_560_000),  # no queue holds that
        (timedelta(seconds=-30), 0),
    ],
)
async def test_a_clock_is_judged_by_what_cannot_come_of_a_queue(context, stations, said, off_s):
    async with context.db.begin() as tx:
        await _connect(tx, "line", NOW - 10 * MINUTE)
    await says(context, "Unavailable", at=NOW + said)
    async with context.db.read() as tx:
        assert (await stored.evse_at(tx, STREET_STATION_1, 1)).clock_off_s == off_s


class Renewals(NoSecurity):
    """Keeps whom it asked for a request."""

    def __init__(self):
        self.asked = []

    async def ask_for_request(self, station_id):
        self.asked.append(station_id)
        return Heard("accepted")


async def test_the_certificate_that_a_station_signs_in_with_is_watched_and_a_newer_one_mends(context, stations):
    async def installs(number, not_after):
        signed = Signed("PEM", f"f{number}", f"{number}", NOW, not_after, f"k{number}")
        async with context.db.begin() as tx:
            await certificates.enter(tx, STREET_STATION_1, Request("", f"k{number}"), signed, NOW)

    renewals = Renewals()
    context = replace(context, security=renewals)
    await installs(1, NOW + timedelta(days=20))
    await looks(context, NOW + 3 * MINUTE)
    (found,) = await findings(context)
    assert (found.rule, found.station_id, found.severity) == (Rule.CERTIFICATE_EXPIRING, STREET_STATION_1, "warning")
    assert (found.tried, found.told_at, renewals.asked) == ((RENEW,), None, [STREET_STATION_1])
    assert found.detail == (NOW + timedelta(days=20)).isoformat()
    await installs(2, NOW + timedelta(days=300))
    await looks(context, NOW + 9 * MINUTE)
    (found,) = await findings(context)
    assert found.resolved_at is not None


async def test_a_look_takes_a_handful_of_statements_however_many_stations_there_are(context, stations):
    async with context.db.begin() as tx:
        for number in range(300):
            ids = derive("many", number), derive("many-evse", number)
            where = {"party_id": OPERATOR, "location_id": STREET, "max_w": 11_040, "phases": 3}
            seen = {"online": number % 3 > 0, "last_seen_at": NOW - timedelta(hours=1), "key_sha256": ""}
            await seed.add(tx, "stations", id=ids[0], identity=f"MANY/{number}", **seen, **where)
            row = {"station_id": ids[0], "label": f"MANY/{number}", "connector_no": 1, "status": "Available"}
            await seed.add(tx, "evses", id=ids[1], **row, **where)
    asked_for = []
    sa.event.listen(context.db.engine.sync_engine, "before_cursor_execute", lambda *it: asked_for.append(it[2]))
    await looks(context, NOW + 3 * MINUTE)
    assert len(await findings(context)) == 100
    reading = [text for text in asked_for if text.startswith("SELECT") and "outbox" not in text]
    assert len(reading) <= 11, reading
    asked_for.clear()
    await looks(context, NOW + 5 * MINUTE)
    assert not [text for text in asked_for if "findings" in text and not text.startswith("SELECT")]
