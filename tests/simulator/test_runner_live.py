"""The same town on a clock that runs by itself: pauses, speeds, guests who come by the app, orders from the server."""

import asyncio
from datetime import timedelta

import msgspec
from csms_edge import NOON, CentralSystem, profile, valley
from ocpp.v16 import call
from test_runner_stepped import only

from server.clock import ScaledClock
from server.simulator.memory import Memory
from server.simulator.pace import Live
from server.simulator.runner import Ends, Runner, run_live
from server.simulator.town import build


def short(town, minutes: int):
    """A town that is over after so many minutes."""
    return msgspec.structs.replace(town, end=town.start + timedelta(minutes=minutes))


async def until(condition, seconds: float = 8.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to that")


class Going:
    """A live town in the background."""

    def __init__(self, town, speed: int) -> None:
        self.clock = ScaledClock(town.start, speed)
        self.system = CentralSystem(self.clock.now)
        self.town = town

    async def __aenter__(self):
        await self.system.listen()
        self.runner = Runner(self.town, Live(self.clock), Ends(self.system.url))
        await self.runner.connect()
        self.task = asyncio.create_task(self.runner.run(self.town.end))
        return self

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.runner.close()
        await self.system.gone()

    async def send(self, identity: str, request):
        return await self.system.peers[identity].call(request, suppress=False)


async def test_ninety_minutes_pass_in_nine_seconds():
    """A machine that stands still for three of them still sees what goes on for two, which is no transient."""
    town = short(build(1, NOON + timedelta(hours=6, minutes=20)), 90)
    clock = ScaledClock(town.start, 600)
    async with CentralSystem(clock.now) as system:
        report = await run_live(town, clock, Ends(system.url))
    assert len(report.sessions) >= 17
    assert sum(session.energy_wh for session in report.sessions) > 60_000
    assert {violation.place for violation in report.violations} == {"depot", "street"}
    assert report.trouble == ()


async def test_a_pause_stands_still_and_orders_work_in_it():
    town = short(build(1, NOON), 600)
    async with Going(only(town, "HOME-1", keep=lambda _: False), 0) as going:
        await until(lambda: going.runner.stations[0].accepted)
        before = going.runner.moment_us()
        raw = profile("TxDefaultProfile", "A", [{"startPeriod": 0, "limit": 8.0}], NOON)
        assert await going.system.set_profile(going.system.peers["HOME-1"], 0, raw) == "Accepted"
        answer = await going.send("HOME-1", call.GetCompositeSchedule(connector_id=1, duration=3600))
        assert answer.charging_schedule["charging_schedule_period"] == [{"start_period": 0, "limit": 8.0}]
        assert going.runner.moment_us() == before


async def test_a_driver_who_starts_in_the_app_brings_the_car_and_stops_again():
    town = short(build(1, NOON), 600)
    card = next(person.token_uid for person in town.people if person.story == "home_dynamic")
    async with Going(only(town, "LOOTS/6", keep=lambda _: False), 60) as going:
        await until(lambda: going.runner.stations[0].accepted)
        start = call.RemoteStartTransaction(id_tag=card, connector_id=1)
        assert (await going.send("LOOTS/6", start)).status == "Accepted"
        await until(lambda: going.runner.stations[0].power_w > 0)
        number = going.runner.stations[0].running.id
        assert (await going.send("LOOTS/6", call.RemoteStopTransaction(transaction_id=99))).status == "Rejected"
        assert (await going.send("LOOTS/6", call.RemoteStopTransaction(transaction_id=number))).status == "Accepted"
        await until(lambda: going.system.stops)
        await until(lambda: going.runner.stations[0].car is None)
        assert going.runner.stations[0].power_w == 0


async def test_a_card_that_nobody_in_town_has_starts_nothing():
    town = short(build(1, NOON), 600)
    async with Going(only(town, "LOOTS/6", keep=lambda _: False), 1) as going:
        await until(lambda: going.runner.stations[0].accepted)
        answer = await going.send("LOOTS/6", call.RemoteStartTransaction(id_tag="NOBODY", connector_id=1))
        assert answer.status == "Rejected"


async def test_a_reset_ends_the_transaction_and_boots_again():
    town = short(build(1, NOON + timedelta(hours=9)), 600)
    async with Going(only(town, "HOME-2"), 600) as going:
        await until(lambda: going.runner.stations[0].power_w > 0)
        assert (await going.send("HOME-2", call.Reset(type="Hard"))).status == "Accepted"
        await until(lambda: going.system.stops)
        await until(lambda: sum("BootNotification" in frame for _, frame in going.system.frames) == 2)
        assert any('"reason":"HardReset"' in frame for _, frame in going.system.frames)


async def test_what_the_server_asks_for_is_sent_after_the_answer():
    town = short(build(1, NOON), 600)
    async with Going(only(town, "HOME-2", keep=lambda _: False), 1) as going:
        await until(lambda: going.runner.stations[0].accepted)
        for wanted in ("StatusNotification", "Heartbeat", "MeterValues"):
            seen = len(going.system.frames)
            assert (await going.send("HOME-2", call.TriggerMessage(requested_message=wanted))).status == "Accepted"
            await until(lambda seen=seen, wanted=wanted: any(wanted in f for _, f in going.system.frames[seen:]))
        none = await going.send("HOME-2", call.TriggerMessage(requested_message="FirmwareStatusNotification"))
        assert none.status == "NotImplemented"


async def test_configuration_is_read_and_written():
    town = short(build(1, NOON), 600)
    async with Going(only(town, "HOME-2", keep=lambda _: False), 1) as going:
        await until(lambda: going.runner.stations[0].accepted)
        answer = await going.send("HOME-2", call.GetConfiguration(key=["ChargingScheduleMaxPeriods", "Nonsense"]))
        assert answer.configuration_key == [{"key": "ChargingScheduleMaxPeriods", "readonly": True, "value": "24"}]
        assert answer.unknown_key == ["Nonsense"]
        outcomes = [
            (await going.send("HOME-2", call.ChangeConfiguration(key=key, value=value))).status
            for key, value in (
                ("MeterValueSampleInterval", "60"),
                ("MeterValueSampleInterval", "often"),
                ("NumberOfConnectors", "2"),
                ("Nonsense", "1"),
            )
        ]
        assert outcomes == ["Accepted", "Rejected", "Rejected", "NotSupported"]


async def test_an_inoperative_station_says_so_and_starts_nothing():
    town = short(build(1, NOON), 600)
    card = next(person.token_uid for person in town.people if person.story == "home_dynamic")
    async with Going(only(town, "LOOTS/6", keep=lambda _: False), 1) as going:
        await until(lambda: going.runner.stations[0].accepted)
        change = call.ChangeAvailability(connector_id=1, type="Inoperative")
        assert (await going.send("LOOTS/6", change)).status == "Accepted"
        await until(lambda: any('"Unavailable"' in frame for _, frame in going.system.frames))
        start = call.RemoteStartTransaction(id_tag=card, connector_id=1)
        assert (await going.send("LOOTS/6", start)).status == "Rejected"
        assert (await going.send("LOOTS/6", call.UnlockConnector(connector_id=1))).status == "Unlocked"


async def test_a_town_that_was_stopped_goes_on_with_its_cars_and_their_transactions():
    whole = only(short(build(1, NOON + timedelta(hours=6, minutes=20)), 24 * 60), "HOME-1", "LOOTS/1", "LOOTS/2")
    clock, kept = ScaledClock(whole.start, 600), []
    async with CentralSystem(clock.now) as system:
        valley(system, {station.identity: station.unit for station in whole.stations})
        task = asyncio.create_task(run_live(whole, clock, Ends(system.url), kept.append))
        await until(lambda: len(system.transactions) == 3)
        await asyncio.sleep(0.3)
        clock.set_speed(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        memory = msgspec.json.decode(msgspec.json.encode(kept[0]), type=Memory)
        assert memory == kept[0]
        assert len(memory.stays) == 3
        drawn = {stay.station: stay.drawn_uj for stay in memory.stays}
        runner = Runner(whole, Live(clock), Ends(system.url, memory=memory))
        await runner.connect()
        task = asyncio.create_task(runner.run(whole.end))
        assert {station.spec.identity: station.car.drawn_uj for station in runner.stations} == drawn
        clock.set_speed(600)
        await until(lambda: runner.stations[1].power_w > 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.close()
    assert len(system.transactions) == 3, "nobody started again"
    assert [session.transaction_id for session in runner.report().sessions] == [
        memory.stays[number].transaction.id for number in range(3)
    ]
    assert runner.stations[1].profiles.defaults(), "the default survives"
