"""The field quirks of `shared/ocpp.md` §6, each by its number, over a real socket.

Where a quirk has tests of its own elsewhere too, its line here is the short one.
"""

import asyncio
import json
from datetime import UTC, datetime

import msgspec
import pytest
from gateway_town import KEY, NOW, MemoryFlows, ask, station_of, until
from raw_station import RawStation

from server.core.reports import ConnectorStatus
from server.core.traits import Traits, stack_level
from server.gateway.listener import Gateway
from server.gateway.v16 import commands, translate
from server.gateway.v201 import upkeep
from server.main.station_port import GatewayStations
from server.main.tls_setup import gateway_settings
from server.settings import PingSettings, Settings

CP1 = station_of("CP1")
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2026-11-21T04:00:00Z"}
HEX = "0123456789abcdef0123456789abcdef01234567"
AT = datetime(2026, 11, 21, 4, tzinfo=UTC)
RESET = commands.Reset(type="Soft")


def values(*samples, at="2026-11-21T04:30:00Z", transaction_id=7):
    said = {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": list(samples)}]}
    return said if transaction_id is None else {**said, "transactionId": transaction_id}


async def heard(socket):
    return json.loads(await asyncio.wait_for(socket.recv(), 30))


async def test_quirk_01_no_subprotocol_at_all(town):
    town.flows.quirks["CP1"] = ("no_subprotocol",)
    async with RawStation(town.gateway.port, **{"Sec-WebSocket-Protocol": None}) as station:
        assert station.status == 101
        assert "Sec-WebSocket-Protocol" not in station.answer
        assert (await station.asks("Heartbeat", {}))[:2] == [3, "1"]


@pytest.mark.parametrize("said", [None, "keep-alive", "keep-alive, Upgrade", "upgrade", "close"])
async def test_quirk_02_a_missing_or_odd_connection_header(town, said):
    async with RawStation(town.gateway.port, Connection=said) as station:
        assert station.status == 101
        assert (await station.asks("Heartbeat", {}))[:2] == [3, "1"]


async def test_quirk_02_does_not_make_a_browser_a_station(town):
    async with RawStation(town.gateway.port, Connection=None, **{"Sec-WebSocket-Key": None}) as station:
        assert station.status == 426


async def test_quirk_03_compressed_frames_that_nobody_agreed_to(town):
    async with RawStation(town.gateway.port) as station:
        assert await station.asks("Heartbeat", {}, deflated=True) == 1002
    town.flows.quirks["CP1"] = ("compressed_frames",)
    async with RawStation(town.gateway.port) as station:
        for number in ("1", "2"):
            assert (await station.asks("BootNotification", BOOT, number, deflated=True))[:2] == [3, number]
        assert (await station.asks("Heartbeat", {}, "3"))[:2] == [3, "3"]


async def test_quirk_03_a_frame_that_swells_beyond_the_limit_is_refused(town):
    town.flows.quirks["CP1"] = ("compressed_frames",)
    async with RawStation(town.gateway.port) as station:
        bomb = {"vendorId": "x", "data": "x" * (2 << 20)}
        assert await station.asks("DataTransfer", bomb, deflated=True) == 1009


async def test_quirk_04_sockets_are_let_go_without_a_goodbye(town):
    async with RawStation(town.gateway.port) as station:
        await station.asks("Heartbeat", {})
        await town.gateway.stop()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await station.hears()


async def test_quirk_05_a_second_socket_before_the_first_closes(town):
    async with RawStation(town.gateway.port) as old, RawStation(town.gateway.port) as new:
        assert (await new.asks("Heartbeat", {}))[:2] == [3, "1"]
        old.writer.close()
        await town.quiet()
        assert town.gateway.online(CP1)
        assert (await new.asks("Heartbeat", {}, "2"))[:2] == [3, "2"]
    assert len(town.flows.told("connected")) == 2


async def test_quirk_06_no_boot_on_a_reconnect(town):
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {})
        asked = asyncio.create_task(town.gateway.call(CP1, RESET, 5))
        assert (await heard(socket))[2] == "Reset"  # it is asked all the same: test_acquaintance.py has the trigger
        asked.cancel()


async def test_quirk_07_nothing_is_asked_before_the_boot_is_answered(town):
    town.flows.holds = "boot"
    town.flows.gate.clear()
    async with town.station() as socket:
        await socket.send(json.dumps([2, "b", "BootNotification", BOOT]))
        await asyncio.sleep(0.05)
        asked = asyncio.create_task(town.gateway.call(CP1, RESET, 5))
        await asyncio.sleep(0.05)
        town.flows.gate.set()
        assert [(await heard(socket))[0] for _ in range(2)] == [3, 2]
        asked.cancel()


@pytest.mark.parametrize("name", ["RDAM|1/23", "Straße 5", "EV.1_2", "a b"])
async def test_quirk_08_identities_with_odd_characters(town, name):
    town.flows.keys[name] = KEY
    async with town.station(name) as socket:
        assert (await ask(socket, "Heartbeat", {}))[:2] == [3, "1"]


@pytest.mark.parametrize(
    ("said", "status"), [(HEX.encode(), 101), (bytes.fromhex(HEX), 101), (HEX.upper().encode(), 401), (b"\x01", 401)]
)
async def test_quirk_09_a_hex_key_is_sent_as_text_or_as_its_bytes(town, said, status):
    town.flows.keys["CP1"] = HEX.encode()
    async with RawStation(town.gateway.port, key=said) as station:
        assert station.status == status


@pytest.mark.parametrize("said", ["2026-11-21T05:30:00", "2026-11-21T05:30:00Z", "2026-11-21T05:30:00+01"])
async def test_quirk_10_local_time_without_a_zone_or_marked_as_utc(town, said):
    town.flows.quirks["CP1"] = ("clock:Europe/Amsterdam",)
    async with town.station() as socket:
        await ask(socket, "MeterValues", values({"value": "5"}, at=said))
    (info,) = town.flows.told("readings")
    assert info.readings[0].at == datetime(2026, 11, 21, 4, 30, tzinfo=UTC)


async def test_quirk_11_our_time_has_neither_fractions_nor_an_offset(town):
    async with town.station() as socket:
        for action, payload in (("Heartbeat", {}), ("BootNotification", BOOT)):
            answer = await ask(socket, action, payload, action)
            assert answer[2]["currentTime"] == "2026-11-21T04:05:06Z"


@pytest.mark.parametrize(("pong_within_s", "stays"), [(None, True), (0.1, False)])
async def test_quirk_12_a_station_that_answers_no_ping_may_stay(tmp_path, pong_within_s, stays):
    """With the settings that `dalstroom up` makes; only the interval is shorter. Who wants pongs says so."""
    wanted = Settings(tmp_path, ocpp_port=0)
    assert wanted.pings == PingSettings(every_s=60, pong_within_s=None)
    pings = PingSettings(every_s=0.05, pong_within_s=pong_within_s)
    settings = gateway_settings(msgspec.structs.replace(wanted, pings=pings))
    flows = MemoryFlows()
    gateway = Gateway(flows, settings)
    await gateway.start()
    async with RawStation(gateway.port) as station:
        await asyncio.sleep(0.4)
        if stays:
            (connection,) = [one for server in gateway._servers.values() for one in server.connections]
            assert len(connection.pending_pings) <= 1  # nothing is kept of those that nobody answered
            assert (await station.asks("Heartbeat", {}))[:2] == [3, "1"]
        else:
            await until(lambda: flows.told("disconnected"))
            assert flows.ended_by_us == [True]
    await gateway.stop()


async def test_quirk_12_a_station_deaf_to_calls_still_beats(town):
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {})
        asked = asyncio.create_task(town.gateway.call(CP1, RESET, 0.3))
        assert (await heard(socket))[2] == "Reset"
        for number in range(3):
            assert (await ask(socket, "Heartbeat", {}, f"h{number}"))[0] == 3
        assert (await asked).status == "timed_out"


async def test_quirk_13_words_that_the_standard_does_not_have(town):
    odd = (
        {"value": "50", "measurand": "Frequency", "unit": "Hz"},
        {"value": "7", "measurand": "Request.Energy", "unit": "kWh"},
        {"value": "500", "context": "Interruption.Start"},
    )
    async with town.station() as socket:
        status = {"connectorId": 1, "errorCode": "Error", "status": "Charging"}
        assert await ask(socket, "StatusNotification", status) == [3, "1", {}]
        assert await ask(socket, "MeterValues", values(*odd), "2") == [3, "2", {}]
    assert town.flows.told("status") == [ConnectorStatus(1, "Charging", "Error")]
    assert [one.register_wh for one in town.flows.told("readings")[0].readings] == [500]


async def test_quirk_14_strings_longer_than_allowed(town):
    async with town.station() as socket:
        long = {"chargePointVendor": "V" * 60, "chargePointModel": "M" * 60, "chargeBoxSerialNumber": "S" * 26}
        assert (await ask(socket, "BootNotification", long))[2]["status"] == "Accepted"


@pytest.mark.parametrize(
    "empty",
    [values(), values({"value": ""}), values({"value": "5", "unit": ""}, at="0"), {"connectorId": 1, "meterValue": []}],
)
async def test_quirk_15_empty_samples_values_dates_and_units(town, empty):
    async with town.station() as socket:
        assert await ask(socket, "MeterValues", empty) == [3, "1", {}]


async def test_quirk_15_an_empty_rate_unit_in_an_answer_is_read(town):
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {})
        asked = asyncio.create_task(town.gateway.call(CP1, commands.GetCompositeSchedule(1, 60), 5))
        _, message_id, _, _ = await heard(socket)
        schedule = {"duration": 60, "chargingRateUnit": "", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
        await socket.send(json.dumps([3, message_id, {"status": "Accepted", "chargingSchedule": schedule}]))
        assert (await asked).accepted


@pytest.mark.parametrize(
    ("quirks", "first", "second", "shown"),
    [
        ((), "timed_out", "answered", ["other_result_ids"]),
        (("other_result_ids",), "answered", "answered", []),
        (("not:other_result_ids",), "timed_out", "timed_out", []),
    ],
)
async def test_quirk_16_an_answer_under_another_id(town, quirks, first, second, shown):
    """A station that nobody knew for it shows it by the first answer of its; the next is believed."""
    town.flows.quirks["CP1"] = quirks
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {})
        for status in (first, second):
            asked = asyncio.create_task(town.gateway.call(CP1, RESET, 0.3))
            await heard(socket)
            await socket.send(json.dumps([3, "another", {"status": "Accepted"}]))
            outcome = await asked
            assert (outcome.status, outcome.accepted) == (status, status == "answered")
    assert town.flows.told("shown") == shown


async def test_quirk_16_an_answer_that_is_only_late_is_not_another_id(town):
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {})
        late = None
        for _ in range(2):
            asked = asyncio.create_task(town.gateway.call(CP1, RESET, 0.2))
            message_id = (await heard(socket))[1]
            if late is not None:
                await socket.send(json.dumps([3, late, {"status": "Accepted"}]))
            late = message_id
            assert (await asked).status == "timed_out"
    assert town.flows.told("shown") == []


@pytest.mark.parametrize("transaction_id", [0, -1, -7, 2**63 - 1])
async def test_quirk_17_transactions_that_are_none(town, transaction_id):
    async with town.station() as socket:
        said = values({"value": "5"}, transaction_id=transaction_id)
        assert await ask(socket, "MeterValues", said) == [3, "1", {}]
        stop = {"transactionId": transaction_id, "meterStop": 9, "timestamp": "2026-11-21T05:00:00Z"}
        assert (await ask(socket, "StopTransaction", stop, "2"))[0] == 3
    assert town.flows.told("readings")[0].transaction_id is None  # the connector's


async def test_quirk_21_a_card_that_came_back_longer_or_spoilt_is_answered(town):
    async with town.station() as socket:
        answer = await ask(socket, "Authorize", {"idTag": "0123456789ABCDEF0123\u0001\u0002"})
        assert answer[2]["idTagInfo"]["status"] == "Accepted"  # the flows judge it: nobody has such a card


async def test_quirk_22_energy_in_every_form(town):
    forms = {
        5_200: [{"value": "5.2", "unit": "kWh"}],
        5_300: [{"value": "5300", "unit": "Wh"}],
        6_000: [{"value": f"{part}000", "phase": f"L{part}"} for part in (1, 2, 3)],
        7_000: [{"value": "6000", "context": "Transaction.Begin"}, {"value": "7000", "context": "Sample.Periodic"}],
    }
    async with town.station() as socket:
        for minute, samples in enumerate(forms.values()):
            await ask(socket, "MeterValues", values(*samples, at=f"2026-11-21T04:3{minute}:00Z"), str(minute))
    assert [info.readings[0].register_wh for info in town.flows.told("readings")] == list(forms)


async def test_quirk_22_kwh_that_are_called_wh(town):
    town.flows.quirks["CP1"] = ("kwh_as_wh",)
    async with town.station() as socket:
        await ask(socket, "MeterValues", values({"value": "5.2", "unit": "Wh"}))
    assert town.flows.told("readings")[0].readings[0].register_wh == 5_200


def test_quirk_23_no_profile_for_the_whole_station_is_ever_sent():
    place = translate.Place(1, 7, profile_id=11, stack_level=stack_level(Traits(stack_max=1)))
    plan = translate.tx_profile(place, NOW, [(0, 6.0)], "A").cs_charging_profiles
    share = translate.default_profile(1, [(0, 6.0)], "A").cs_charging_profiles
    assert {plan.charging_profile_purpose, share.charging_profile_purpose} == {"TxProfile", "TxDefaultProfile"}
    assert plan.stack_level == 0  # a station whose highest level is 1 may refuse 1 (ABB)


async def test_quirk_24_message_ids_that_are_too_long(town):
    long = "offline-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
    async with town.station() as socket:
        assert (await ask(socket, "StartTransaction", START, long))[:2] == [3, long]
    assert len(town.flows.told("start")) == 1
    assert town.flows.told("shown") == ["long_message_ids"]


@pytest.mark.parametrize("booted", [False, True])
async def test_quirk_24_a_security_event_is_answered_before_the_boot_too(town, booted):
    async with town.station() as socket:
        if booted:
            await ask(socket, "BootNotification", BOOT, "b")
        event = {"type": "StartupOfTheDevice", "timestamp": "2026-11-21T04:00:00Z"}
        answer = await ask(socket, "SecurityEventNotification", event)
        assert answer == [3, "1", {}]
        assert (await ask(socket, "Heartbeat", {}, "2"))[:2] == [3, "2"]


async def test_quirk_24_a_key_that_is_not_supported_and_a_trigger_without_a_connector(town):
    stations = GatewayStations(town.gateway)
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {})
        asked = asyncio.create_task(stations.set_option(CP1, "LocalAuthorizeOffline", "false"))
        _, message_id, _, _ = await heard(socket)
        await socket.send(json.dumps([3, message_id, {"status": "NotSupported"}]))
        assert (await asked).status == "not_supported"
        asked = asyncio.create_task(stations.trigger(CP1, "StatusNotification"))
        _, message_id, action, payload = await heard(socket)
        assert (action, payload) == ("TriggerMessage", {"requestedMessage": "StatusNotification"})
        await socket.send(json.dumps([4, message_id, "NotImplemented", "", {}]))
        assert (await asked).status == "error"


async def test_quirk_25_what_2_0_1_stations_leave_out_or_call_otherwise(town):
    """No token where none is needed, no connectorId, and a list's version under another name (MicroOcpp)."""
    status = {"timestamp": "2026-11-21T04:00:00Z", "connectorStatus": "Available", "evseId": 1}
    event = {
        "eventType": "Started",
        "timestamp": "2026-11-21T04:00:00Z",
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "T1"},
        "idToken": {"idToken": "", "type": "NoAuthorization"},
        "offline": True,
    }
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        assert await ask(socket, "StatusNotification", status) == [3, "1", {}]
        assert await ask(socket, "TransactionEvent", event, "2") == [3, "2", {"idTokenInfo": {"status": "Accepted"}}]
        asked = asyncio.create_task(town.gateway.call(CP1, upkeep.GetLocalListVersion(), 5))
        message_id = (await heard(socket))[1]
        await socket.send(json.dumps([3, message_id, {"listVersion": 3}]))
        assert (await asked).status == "answered"
    assert town.flows.told("status") == [ConnectorStatus(1, "Available", "NoError", AT)]
    (info,) = town.flows.told("transaction")
    assert (info.token_uid, info.offline) == ("", True)


async def test_quirk_25_a_status_without_a_connector_is_the_whole_stations(town):
    async with town.station() as socket:
        assert await ask(socket, "StatusNotification", {"errorCode": "NoError", "status": "Faulted"}) == [3, "1", {}]
    assert town.flows.told("status") == [ConnectorStatus(0, "Faulted", "NoError")]


@pytest.mark.parametrize(
    ("said", "status"), [("Accepted", "accepted"), ("Unknown", "accepted"), ("Rejected", "rejected")]
)
async def test_the_remedies_go_out_in_the_stations_words(town, said, status):
    stations = GatewayStations(town.gateway)
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {})
        asked = asyncio.create_task(stations.clear_plans(CP1))
        _, message_id, action, payload = await heard(socket)
        assert (action, payload) == ("ClearChargingProfile", {"chargingProfilePurpose": "TxProfile"})
        await socket.send(json.dumps([3, message_id, {"status": said}]))
        assert (await asked).status == status
        for hard, kind in ((False, "Soft"), (True, "Hard")):
            asked = asyncio.create_task(stations.reset(CP1, hard=hard))
            _, message_id, action, payload = await heard(socket)
            assert (action, payload) == ("Reset", {"type": kind})
            await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
            assert (await asked).accepted
