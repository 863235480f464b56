"""The whole town against a central system that is not ours: the same bytes for a seed; faults as they are named."""

import hashlib
import io
import json
from datetime import timedelta

import msgspec
import pytest
from csms_edge import NOON, CentralSystem, HandClock, night_profile, profile, valley

from server.simulator.faults import FaultKind
from server.simulator.log import Line, MessageLog
from server.simulator.pace import Stepped
from server.simulator.runner import Ends, Runner, run_stepped
from server.simulator.town import Town, build


def only(town: Town, *identities: str, keep=lambda visit: True) -> Town:
    """The part of a town that concerns some stations."""
    return msgspec.structs.replace(
        town,
        stations=tuple(station for station in town.stations if station.identity in identities),
        visits=tuple(visit for visit in town.visits if visit.station in identities and keep(visit)),
    )


def has(kind: FaultKind):
    return lambda visit: any(fault.kind is kind for fault in visit.faults)


class Played:
    """A run that is over: its report, its frames, the central system's memory."""

    def __init__(self, report, text, system) -> None:
        self.report, self.system = report, system
        self.digest = hashlib.sha256(text.encode()).hexdigest()
        self.lines = [msgspec.json.decode(row, type=Line) for row in text.splitlines()]

    def frames(self, identity: str) -> list[tuple[str, str, list]]:
        return [(line.at, line.dir, json.loads(line.frame)) for line in self.lines if line.station == identity]

    def calls(self, identity: str, action: str) -> list[tuple[str, str, dict]]:
        """(time of sending, message id, payload)."""
        return [
            (at, frame[1], frame[3]) for at, _, frame in self.frames(identity) if frame[0] == 2 and frame[2] == action
        ]


async def play(town: Town, prepare=valley) -> Played:
    clock, sink = HandClock(NOON), io.StringIO()
    async with CentralSystem(clock.now) as system:
        prepare(system, {station.identity: station.unit for station in town.stations})
        report = await run_stepped(town, clock, system.settle, Ends(system.url, None, MessageLog(sink)))
    return Played(report, sink.getvalue(), system)


def at_once(_system, _stations) -> None:
    """A central system that never says how much."""


# --- the whole day ---------------------------------------------------------------


async def test_the_same_seed_gives_the_same_frames_and_another_seed_others():
    one, same, other = [await play(build(seed, NOON)) for seed in (1, 1, 2)]
    assert one.digest == same.digest
    assert one.report == same.report
    assert one.digest != other.digest
    assert len(one.report.sessions) >= 27
    assert one.report.frames > 3_000
    assert one.report.trouble == ()
    assert all(session.ended_at for session in one.report.sessions)


async def test_what_the_meters_say_is_what_was_sent():
    played = await play(build(5, NOON))
    stops = {(identity, number): stop for identity, number, stop in played.system.stops}
    begins = {}
    for (identity, _, meter_start, _), number in played.system.transactions.items():
        begins[identity, number] = meter_start
    for session in played.report.sessions:
        key = session.station, session.transaction_id
        assert stops[key] - begins[key] == session.energy_wh
        assert session.energy_wh <= session.need_wh + 1


async def test_without_a_limit_the_street_and_the_depot_run_over_theirs():
    report = (await play(build(1, NOON), at_once)).report
    assert {violation.place for violation in report.violations} == {"street", "depot"}
    assert {violation.limit_name for violation in report.violations} >= {"feeder L1", "feeder L2", "grid"}
    assert all(violation.worst > violation.limit for violation in report.violations)


# --- faults ----------------------------------------------------------------------


async def test_a_station_that_lost_its_connection_charges_on_and_replays_its_queue_in_order():
    town = only(build(1, NOON), "LOOTS/2", keep=has(FaultKind.DROPS_CONNECTION))
    (fault,) = town.visits[0].faults
    played = await play(town, night_start(hours=15))
    late = [
        (sent, value["meterValue"][0]["timestamp"])
        for sent, _, value in played.calls("LOOTS/2", "MeterValues")
        if sent[:19] > value["meterValue"][0]["timestamp"][:19]
    ]
    stamps = [stamp for _, stamp in late]
    assert len(stamps) >= 2
    assert stamps == sorted(stamps)
    assert {sent for sent, _ in late} == {fault.until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    assert all(fault.at.isoformat()[:19] <= stamp[:19] <= fault.until.isoformat()[:19] for stamp in stamps)
    assert len(played.calls("LOOTS/2", "BootNotification")) == 1
    (session,) = played.report.sessions
    assert session.energy_wh > 0


async def test_a_stop_that_happened_offline_comes_late_with_its_own_time_and_its_registers():
    town = only(build(1, NOON), "LOOTS/3", keep=has(FaultKind.DROPS_CONNECTION))
    played = await play(town, at_once)
    ((sent, _, stop),) = played.calls("LOOTS/3", "StopTransaction")
    (session,) = played.report.sessions
    assert stop["timestamp"] == session.ended_at < sent
    assert [entry["sampledValue"][0]["context"] for entry in stop["transactionData"]] == [
        "Transaction.Begin",
        "Transaction.End",
    ]
    assert played.system.stops == [("LOOTS/3", session.transaction_id, stop["meterStop"])]


async def test_a_station_that_sends_twice_uses_a_new_message_id_and_the_same_words():
    town = only(build(1, NOON), "DEPOT-03")
    played = await play(town)
    for action in ("StartTransaction", "StopTransaction"):
        (_, first, one), (_, second, two) = played.calls("DEPOT-03", action)
        assert one == two
        assert first != second
    assert len(played.report.sessions) == 1
    assert played.report.trouble == ()


async def test_a_repeat_that_is_answered_with_another_transaction_is_noticed():
    town = only(build(1, NOON), "DEPOT-03")

    def forgetful(system, stations) -> None:
        valley(system, stations)
        system.transactions = Forgetful()

    played = await play(town, forgetful)
    assert [trouble.what for trouble in played.report.trouble] == ["repeat_answered_differently"]


class Forgetful(dict):
    """Gives every start a number of its own."""

    def setdefault(self, key, default):
        self[key] = default
        self[(*key, default)] = default
        return default


async def test_a_rebooting_station_forgets_the_plan_keeps_the_default_and_its_transaction():
    town = only(build(1, NOON), "LOOTS/5", keep=has(FaultKind.REBOOTS))
    (fault,) = town.visits[0].faults
    played = await play(town, night_start(hours=18))
    boots = played.calls("LOOTS/5", "BootNotification")
    assert [at[:16] for at, _, _ in boots] == ["2024-03-12T11:00", fault.until.isoformat()[:16]]
    assert len(played.calls("LOOTS/5", "StartTransaction")) == 1
    drawn = {
        value["meterValue"][0]["timestamp"]: value["meterValue"][0]["sampledValue"][1]["value"]
        for _, _, value in played.calls("LOOTS/5", "MeterValues")
    }
    before = [power for at, power in drawn.items() if at < fault.at.isoformat()]
    after = [power for at, power in drawn.items() if fault.power_at.isoformat() < at < fault.until.isoformat()]
    assert set(before) == {"0"}, "the plan let it wait"
    assert "2300" in after, "the default lets it charge at 10 A"
    (session,) = played.report.sessions
    assert session.ended_at


async def test_a_sleeper_draws_nothing_until_a_new_profile_wakes_it():
    town = only(build(1, NOON), "HOME-3")

    def never_again(system, stations) -> None:
        valley(system, stations)

    def once_more(system, stations) -> None:
        async def started(peer, tx) -> None:
            now = system.now()
            await system.set_profile(peer, 1, night_profile("A", 16.0, NOON + timedelta(hours=11), now, tx))

        system.started = started
        system.wake_at = NOON + timedelta(hours=12)

    asleep = (await play(town, never_again)).report
    assert [session.energy_wh for session in asleep.sessions] == [0]
    assert [session.explained_by for session in asleep.missed] == ["sleeper"]

    clock = HandClock(NOON)
    async with CentralSystem(clock.now) as system:
        once_more(system, {})
        runner = Runner(town, Stepped(clock, system.settle), Ends(system.url))
        await runner.connect()
        await runner.run(system.wake_at)
        assert runner.stations[0].power_w == 0
        assert runner.stations[0].car.pilot_ma == 16_000
        wake = night_profile("A", 16.0, NOON, NOON, 1)
        assert await system.set_profile(system.peers["HOME-3"], 1, wake) == "Accepted"
        await runner.run(NOON + timedelta(days=1))
        awake = runner.report()
        await runner.close()
    assert awake.missed == ()


async def test_who_leaves_early_is_reported_with_the_reason():
    town = only(build(1, NOON), "LOOTS/6", keep=has(FaultKind.LEAVES_EARLY))
    (missed,) = (await play(town)).report.missed
    assert missed.explained_by == "leaves_early"
    assert missed.at_departure_wh < missed.need_wh - 1_000


async def test_a_car_that_is_plugged_in_again_goes_on_with_what_it_has():
    town = only(build(1, NOON), "LOOTS/4", keep=lambda visit: visit.plug_at > NOON + timedelta(hours=5))
    first, second = (await play(town, at_once)).report.sessions
    gap = town.visits[1].plug_at - town.visits[0].unplug_at
    assert timedelta() < gap < timedelta(minutes=5)
    assert first.energy_wh > 0
    assert abs(second.need_wh + first.energy_wh - first.need_wh) < 100
    assert second.faults == ("replugs",)


def night_start(hours: int):
    """10 A per phase from so many hours after noon; nothing before; 10 A as default behind the street's feeder."""

    def prepare(system, stations) -> None:
        valley(system, stations)

        async def started(peer, tx) -> None:
            raw = night_profile(stations[peer.id], 10.0, NOON + timedelta(hours=hours), system.now(), tx)
            assert await system.set_profile(peer, 1, raw) == "Accepted"

        system.started = started

    return prepare


# --- alone -----------------------------------------------------------------------


async def test_with_the_server_gone_and_all_stations_rebooted_the_default_shares_hold_the_feeder():
    street = [f"LOOTS/{number}" for number in range(1, 7)]
    town = only(build(1, NOON), *street)
    clock = HandClock(NOON)
    system = CentralSystem(clock.now)
    await system.listen()
    valley(system, {station.identity: station.unit for station in town.stations})
    runner = Runner(town, Stepped(clock, system.settle), Ends(system.url))
    await runner.connect()
    await runner.run(NOON + timedelta(hours=8))
    assert sum(station.power_w for station in runner.stations) == 0
    await system.gone()
    for number in range(6):
        await runner.power_cycle(number)
    await runner.run(NOON + timedelta(hours=9))
    assert not any(station.online for station in runner.stations)
    charging = [station for station in runner.stations if station.power_w]
    assert len(charging) >= 4
    assert runner.report().violations == ()
    await system.listen()
    await runner.run(NOON + timedelta(hours=9, minutes=3))
    assert all(station.online and station.accepted for station in runner.stations)
    await runner.run(NOON + timedelta(days=1))
    report = runner.report()
    await runner.close()
    await system.gone()
    assert report.violations == ()
    assert all(session.transaction_id for session in report.sessions)


async def test_a_transaction_that_began_offline_gets_its_number_later():
    town = only(build(1, NOON), "HOME-1")
    clock = HandClock(NOON)
    system = CentralSystem(clock.now)
    await system.listen()
    await system.gone()
    runner = Runner(town, Stepped(clock, system.settle), Ends(system.url))
    await runner.connect()
    await runner.run(NOON + timedelta(hours=8))
    assert runner.stations[0].running.id is None
    assert runner.stations[0].meter.register_wh > town.stations[0].register_wh
    await system.listen()
    await runner.run(NOON + timedelta(days=1))
    (session,) = runner.report().sessions
    await runner.close()
    await system.gone()
    assert session.transaction_id == 1
    assert {values["transaction_id"] for _, values in system.readings} == {1}


async def test_a_card_that_is_not_accepted_starts_nothing():
    town = only(build(1, NOON), "HOME-2")
    card = next(person.token_uid for person in town.people if person.id == town.visits[0].person_id)

    def block(system, _stations) -> None:
        system.blocked = {card}

    played = await play(town, block)
    assert played.report.sessions == ()
    assert played.report.refused_visits == (town.visits[0].id,)
    assert played.calls("HOME-2", "StartTransaction") == []


async def test_a_station_that_may_not_speak_yet_only_boots_again():
    town = only(build(1, NOON), "HOME-2")

    def wait(system, _stations) -> None:
        system.boot_status, system.interval_s = "Pending", 600

    played = await play(town, wait)
    said = {frame[2] for _, way, frame in played.frames("HOME-2") if way == "up" and frame[0] == 2}
    assert said == {"BootNotification"}
    assert len(played.calls("HOME-2", "BootNotification")) == 1 + 24 * 6


async def test_a_silent_station_sends_heartbeats_and_a_talking_one_does_not():
    town = only(build(1, NOON), "HOME-2", "DEPOT-01", keep=lambda visit: visit.station == "DEPOT-01")
    played = await play(town, at_once)
    assert len(played.calls("HOME-2", "Heartbeat")) == 24
    in_use = [at for at, _, _ in played.calls("DEPOT-01", "Heartbeat")]
    assert not any("2024-03-12T18" <= at < "2024-03-13T05" for at in in_use)


@pytest.mark.parametrize("unit", ["A", "W"])
async def test_default_profiles_of_the_wrong_unit_are_rejected_on_the_wire(unit):
    town = only(build(1, NOON), "HOME-1", "HOME-2", keep=lambda _: False)
    answers = {}

    def wrong(system, stations) -> None:
        async def booted(peer) -> None:
            raw = profile("TxDefaultProfile", unit, [{"startPeriod": 0, "limit": 9.0}], NOON)
            answers[stations[peer.id]] = await system.set_profile(peer, 0, raw)

        system.booted = booted

    await play(town, wrong)
    assert answers == {unit: "Accepted", {"A": "W", "W": "A"}[unit]: "Rejected"}


async def test_nobody_waits_for_ever_for_a_central_system_that_does_not_answer(monkeypatch):
    monkeypatch.setattr("server.simulator.link.ANSWER_TIMEOUT_S", 0.2)
    town = only(build(1, NOON), "HOME-2", keep=lambda _: False)
    clock = HandClock(NOON)

    async def never(socket):
        await socket.wait_closed()

    async with CentralSystem(clock.now) as system:
        system._serve = never
        await system.gone()
        await system.listen()
        runner = Runner(town, Stepped(clock, system.settle), Ends(system.url))
        await runner.connect()
        trouble = runner.report().trouble
        await runner.close()
    assert [entry.what for entry in trouble] == ["no_answer"]
