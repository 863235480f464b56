"""We ask stations; they answer, refuse, sleep, or leave."""

import asyncio
import json
from datetime import UTC, datetime

import msgspec
import ocpp.messages
import pytest
from gateway_town import ask, station_of, until

from server.core.reports import TokenAnswer
from server.gateway.limits import limit_of
from server.gateway.listener import GatewaySettings
from server.gateway.v16 import commands as c
from server.gateway.v16 import translate
from server.main.station_port import GatewayStations
from server.workers.ports import AT_ONCE, Heard

CP1 = station_of("CP1")
AT = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
STEPS = [(0, 0.0), (900, 7.25), (1800, 16.1), (2700, 6.0)]
PLACE = translate.Place(connector_no=1, transaction_id=7, profile_id=3)
EVERY_COMMAND = [
    c.RemoteStartTransaction("TAG"),
    c.RemoteStartTransaction("TAG", 2, translate.tx_profile(PLACE, AT, STEPS, "A").cs_charging_profiles),
    c.RemoteStopTransaction(7),
    translate.tx_profile(PLACE, AT, STEPS, "A"),
    translate.tx_profile(PLACE, AT, [(0, 11040.0)], "W"),
    translate.default_profile(1, [(0, 0.0), (300, 6.3)], "A"),
    translate.default_profile(1, [(0, 6.3)], "A", AT),
    c.ClearChargingProfile(),
    c.ClearChargingProfile(id=3),
    c.ClearChargingProfile(connector_id=1, charging_profile_purpose="TxProfile", stack_level=1),
    c.GetCompositeSchedule(1, 3600),
    c.GetCompositeSchedule(1, 3600, "A"),
    c.TriggerMessage("MeterValues"),
    c.TriggerMessage("StatusNotification", 1),
    c.ChangeAvailability(0, "Inoperative"),
    c.Reset("Soft"),
    c.UnlockConnector(1),
    c.GetConfiguration(),
    c.GetConfiguration(("HeartbeatInterval",)),
    c.ChangeConfiguration("HeartbeatInterval", "300"),
]


async def heard(socket) -> list:
    return json.loads(await asyncio.wait_for(socket.recv(), 30))


async def answer(socket, payload: object) -> list:
    call = await heard(socket)
    await socket.send(json.dumps([3, call[1], payload]))
    return call


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=lambda command: type(command).__name__)
async def test_every_command_goes_out_as_the_official_schema_has_it(town, command):
    async with town.station() as socket:
        asked = asyncio.create_task(town.gateway.call(CP1, command, 5))
        kind, message_id, action, payload = await heard(socket)
        await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
        outcome = await asked
    assert (kind, action) == (2, type(command).__name__)
    assert 1 <= len(message_id) <= 36
    ocpp.messages._validate_payload(ocpp.messages.Call(message_id, action, payload), "1.6")
    assert outcome.status == "answered"


def test_a_profile_says_exactly_this():
    profile = json.loads(msgspec.json.encode(translate.tx_profile(PLACE, AT, STEPS, "A")))
    assert profile == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 3,
            "stackLevel": 1,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "transactionId": 7,
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "startSchedule": "2026-11-21T17:00:00Z",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 0.0},
                    {"startPeriod": 900, "limit": 7.2},
                    {"startPeriod": 1800, "limit": 16.1},
                    {"startPeriod": 2700, "limit": 6.0},
                ],
            },
        },
    }


def test_the_default_profile_is_for_every_connector_below_every_plan_and_without_an_end():
    said = translate.default_profile(1, [(0, 0.0), (300, 6.0)], "A")
    profile = said.cs_charging_profiles
    assert said.connector_id == 0
    assert (profile.charging_profile_purpose, profile.transaction_id) == ("TxDefaultProfile", None)
    assert profile.stack_level < PLACE.stack_level
    assert (profile.valid_to, profile.recurrency_kind, profile.charging_schedule.duration) == (None, None, None)
    assert (profile.charging_profile_kind, profile.charging_schedule.start_schedule) == ("Relative", None)
    assert len(profile.charging_schedule.charging_schedule_period) == 2


@pytest.mark.parametrize(
    ("power_w", "unit", "phases", "limit"),
    [(11040, "W", 3, 11040.0), (11040, "A", 3, 16.0), (11039, "A", 3, 15.9), (1380, "A", 1, 6.0), (0, "A", 3, 0.0)],
)
def test_a_limit_never_says_more_than_the_power(power_w, unit, phases, limit):
    assert limit_of(power_w, unit, phases) == limit


@pytest.mark.parametrize("steps", [[], [(900, 6.0)], [(0, 6.0), (0, 7.0)], [(900 * n, 6.0) for n in range(25)]])
def test_a_schedule_that_no_station_takes_is_a_broken_assumption(steps):
    with pytest.raises(AssertionError):
        translate.tx_profile(PLACE, AT, steps, "A")


async def test_answers_are_read(town):
    async with town.station() as socket:

        async def asked(command, payload):
            outcome, _ = await asyncio.gather(town.gateway.call(CP1, command, 5), answer(socket, payload))
            return outcome

        accepted = await asked(c.Reset("Soft"), {"status": "Accepted"})
        assert accepted.accepted
        assert accepted.answer == c.StatusAnswer("Accepted")
        assert not (await asked(c.Reset("Soft"), {"status": "Rejected"})).accepted
        keys = {"unknownKey": ["X"], "configurationKey": [{"readonly": True, "key": "K", "value": "V"}]}
        told = await asked(c.GetConfiguration(), keys)
        assert told.answer == c.ConfigurationAnswer((c.KeyValue("K", True, "V"),), ("X",))
        empty = await asked(c.GetCompositeSchedule(1, 60), {"status": "Accepted"})
        assert empty.answer == c.CompositeAnswer("Accepted")


@pytest.mark.parametrize("payload", [{}, [], None, {"status": 5}, "Accepted"])
async def test_an_answer_that_nobody_can_read_is_an_error_and_no_exception(town, payload):
    async with town.station() as socket:
        outcome, _ = await asyncio.gather(town.gateway.call(CP1, c.Reset("Soft"), 5), answer(socket, payload))
    assert (outcome.status, outcome.answer) == ("error", None)
    assert outcome.error_code
    assert "unreadable" in outcome.detail


async def test_a_refusal_is_an_error_with_its_code(town):
    async with town.station() as socket:
        asked = asyncio.create_task(town.gateway.call(CP1, c.UnlockConnector(1), 5))
        call = await heard(socket)
        await socket.send(json.dumps([4, call[1], "NotSupported", "no lock", {}]))
        outcome = await asked
    assert (outcome.status, outcome.error_code, outcome.detail) == ("error", "NotSupported", "no lock")


async def test_a_station_that_is_not_there_is_offline(town):
    assert not town.gateway.online(CP1)
    outcome = await town.gateway.call(CP1, c.Reset("Soft"), 5)
    assert (outcome.status, outcome.answer) == ("offline", None)


async def test_a_station_that_leaves_before_it_answers_is_offline_at_once(town):
    async with town.station() as socket:
        asked = [asyncio.create_task(town.gateway.call(CP1, c.Reset("Soft"), 60)) for _ in range(3)]
        await heard(socket)
    async with asyncio.timeout(20):
        assert [(await call).status for call in asked] == ["offline"] * 3
    await town.quiet()


async def test_a_station_that_does_not_answer_times_out_and_its_late_answer_goes_nowhere(town):
    async with town.station() as socket:
        asked = asyncio.create_task(town.gateway.call(CP1, c.Reset("Soft"), 0.1))
        first = await heard(socket)
        assert (await asked).status == "timed_out"
        assert town.gateway.pending() == 0
        again = asyncio.create_task(town.gateway.call(CP1, c.Reset("Hard"), 5))
        second = await heard(socket)
        await socket.send(json.dumps([3, first[1], {"status": "Accepted"}]))
        await socket.send(json.dumps([3, "never asked", {"status": "Accepted"}]))
        await socket.send(json.dumps([3, second[1], {"status": "Rejected"}]))
        await socket.send(json.dumps([3, second[1], {"status": "Accepted"}]))
        assert (await again).answer == c.StatusAnswer("Rejected")
        assert (await ask(socket, "Heartbeat", {}))[0] == 3
    assert town.gateway.counts["results_dropped"] == 3


async def test_one_call_is_out_at_a_time_and_the_rest_wait_in_order(town):
    async with town.station() as socket:
        asked = [asyncio.create_task(town.gateway.call(CP1, c.RemoteStopTransaction(n), 5)) for n in range(5)]
        seen = []
        for _ in range(5):
            call = await heard(socket)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.02)
            assert town.gateway.pending() == 5 - len(seen)
            seen.append(call[3]["transactionId"])
            await socket.send(json.dumps([3, call[1], {"status": "Accepted"}]))
            await until(lambda: town.gateway.pending() == 5 - len(seen))
        await asyncio.gather(*asked)
    assert seen == list(range(5))


async def test_a_call_whose_time_runs_out_in_the_queue_is_never_sent(town):
    async with town.station() as socket:
        first = asyncio.create_task(town.gateway.call(CP1, c.RemoteStopTransaction(1), 5))
        call = await heard(socket)
        assert (await town.gateway.call(CP1, c.RemoteStopTransaction(2), 0.05)).status == "timed_out"
        await socket.send(json.dumps([3, call[1], {"status": "Accepted"}]))
        assert (await first).accepted
        assert (await ask(socket, "Heartbeat", {}, "h"))[:2] == [3, "h"]


async def test_a_slow_handler_keeps_no_answer_of_the_station_waiting(town):
    town.flows.holds = "authorize"
    town.flows.gate.clear()
    async with town.station() as socket:
        await socket.send(json.dumps([2, "slow", "Authorize", {"idTag": "TAG"}]))
        async with asyncio.timeout(20):
            outcome, _ = await asyncio.gather(
                town.gateway.call(CP1, c.Reset("Soft"), 5), answer(socket, {"status": "Accepted"})
            )
        assert outcome.accepted
        assert town.gateway.pending() == 1
        town.flows.gate.set()
        assert (await heard(socket))[:2] == [3, "slow"]
        await town.quiet()


async def test_a_flow_may_ask_the_station_that_it_is_answering(town):
    async def asks(station_id, token_uid):
        outcome = await town.gateway.call(station_id, c.TriggerMessage("MeterValues"), 5)
        return TokenAnswer("Accepted" if outcome.accepted else "Blocked")

    town.flows.authorize = asks
    async with town.station() as socket:
        await socket.send(json.dumps([2, "1", "Authorize", {"idTag": "TAG"}]))
        await answer(socket, {"status": "Accepted"})
        assert await heard(socket) == [3, "1", {"idTagInfo": {"status": "Accepted"}}]


class TestQuiet:
    """Some stations reboot for ever when they are asked anything before their boot is answered."""

    @pytest.fixture
    def settings(self) -> GatewaySettings:
        return GatewaySettings(port=0, quiet_s=0.3)

    async def test_nothing_is_asked_before_the_boot_is_answered(self, town):
        town.flows.holds = "boot"
        town.flows.gate.clear()
        async with town.station() as socket:
            asked = asyncio.create_task(town.gateway.call(CP1, c.GetConfiguration(), 5))
            await socket.send(
                json.dumps([2, "b", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}])
            )
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.5)
            town.flows.gate.set()
            assert (await heard(socket))[:2] == [3, "b"]
            await answer(socket, {})
            assert (await asked).status == "answered"

    async def test_a_station_that_comes_back_without_a_boot_is_asked_after_a_moment(self, town):
        async with town.station() as socket:
            asked = asyncio.create_task(town.gateway.call(CP1, c.Reset("Soft"), 5))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.1)
            await answer(socket, {"status": "Accepted"})
            assert (await asked).accepted


async def test_a_safe_share_waits_at_a_start_unless_the_station_refuses_to(town):
    stations = GatewayStations(town.gateway)
    for answers, heard in (
        (["Accepted"], Heard("accepted")),
        (["Rejected", "Accepted"], Heard("accepted", AT_ONCE)),
        (["Rejected", "NotSupported"], Heard("not_supported", "NotSupported")),
    ):
        async with town.station() as socket:
            asked = asyncio.create_task(stations.set_safe_share(CP1, 7_245, "A", 3))
            said = [(await answer(socket, {"status": status}))[3] for status in answers]
            assert await asked == heard
        profiles = [one["csChargingProfiles"] for one in said]
        limits = [
            [(period["startPeriod"], period["limit"]) for period in one["chargingSchedule"]["chargingSchedulePeriod"]]
            for one in profiles
        ]
        assert limits == [[(0, 0.0), (420, 10.5)], [(0, 10.5)]][: len(answers)]
        assert [one["chargingProfileKind"] for one in profiles] == ["Relative", "Absolute"][: len(answers)]


async def test_a_share_of_nothing_is_nothing_from_the_start(town):
    async with town.station() as socket:
        asked = asyncio.create_task(GatewayStations(town.gateway).set_safe_share(CP1, 0, "W", 1))
        _, _, _, said = await answer(socket, {"status": "Accepted"})
        assert (await asked).accepted
    periods = said["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"]
    assert periods == [{"startPeriod": 0, "limit": 0.0}]
