"""Stations talk over real sockets, in order and out of it."""

import asyncio
import json
import logging

import pytest
from gateway_town import NOW, ask, station_of, until
from websockets.exceptions import ConnectionClosedError

from server.core.reports import BootInfo, ConnectorStatus, ReadingsInfo, SampledReading, StartInfo, StopInfo

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2026-11-21T04:00:00Z"}
STOP = {"transactionId": 7, "meterStop": 900, "timestamp": "2026-11-21T05:00:00Z"}
SAMPLES = {"timestamp": "2026-11-21T04:30:00Z", "sampledValue": [{"value": "500"}]}
START_AT, STOP_AT = (
    NOW.replace(minute=0, second=0, microsecond=0),
    NOW.replace(hour=5, minute=0, second=0, microsecond=0),
)


async def test_every_action_of_a_session_is_heard_and_answered(town):
    async with town.station() as socket:
        boot = await ask(socket, "BootNotification", BOOT | {"firmwareVersion": "1.2", "chargeBoxSerialNumber": "S"})
        assert boot == [3, "1", {"status": "Accepted", "currentTime": "2026-11-21T04:05:06Z", "interval": 900}]
        assert await ask(socket, "Heartbeat", {}, "2") == [3, "2", {"currentTime": "2026-11-21T04:05:06Z"}]
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
        assert await ask(socket, "StatusNotification", status, "3") == [3, "3", {}]
        assert await ask(socket, "Authorize", {"idTag": "TAG"}, "4") == [3, "4", {"idTagInfo": {"status": "Accepted"}}]
        start = await ask(socket, "StartTransaction", START, "5")
        assert start == [3, "5", {"transactionId": 1, "idTagInfo": {"status": "Accepted"}}]
        values = {"connectorId": 1, "transactionId": 1, "meterValue": [SAMPLES]}
        assert await ask(socket, "MeterValues", values, "6") == [3, "6", {}]
        stop = STOP | {"transactionId": 1, "idTag": "TAG", "reason": "EVDisconnected", "transactionData": [SAMPLES]}
        assert await ask(socket, "StopTransaction", stop, "7") == [3, "7", {"idTagInfo": {"status": "Accepted"}}]
        assert await ask(socket, "DataTransfer", {"vendorId": "X"}, "8") == [3, "8", {"status": "UnknownVendorId"}]
    reading = SampledReading(START_AT.replace(minute=30), register_wh=500)
    assert [(what, info) for _, what, info in town.flows.heard if what != "connected"][:7] == [
        ("boot", BootInfo("V", "M", "1.2", "S")),
        ("heartbeat", None),
        ("status", ConnectorStatus(1, "Preparing", "NoError")),
        ("authorize", "TAG"),
        ("start", StartInfo(1, "TAG", 100, START_AT)),
        ("readings", ReadingsInfo(1, 1, (reading,))),
        ("stop", StopInfo(1, 900, STOP_AT, "TAG", "EVDisconnected", (reading,))),
    ]


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ('[2,"a","NoSuchAction",{}]', [4, "a", "NotImplemented"]),
        ('[2,"a","UpdateFirmware",{"location":"x"}]', [4, "a", "NotSupported"]),
        ('[2,"a","RemoteStartTransaction",{"idTag":"x"}]', [4, "a", "NotSupported"]),
        ('[2,"a","Heartbeat"]', [4, "a", "ProtocolError"]),
        ('[2,"a","Heartbeat",[]]', [4, "a", "TypeConstraintViolation"]),
        ('[2,"a","Heartbeat",{"x":NaN}]', [4, "a", "FormationViolation"]),
        ('[2,"a",["x"],{}]', [4, "a", "FormationViolation"]),
        ('[9,"a","Heartbeat",{}]', [4, "a", "ProtocolError"]),
        (f'[2,"a","Heartbeat",{"[" * 5000}{"]" * 5000}]', [4, "a", "FormationViolation"]),
        ('[2,"a","BootNotification",{"x":' + "[" * 900 + "]" * 900 + "}]", [4, "a", "OccurenceConstraintViolation"]),
        ('[2,"a","BootNotification",{}]', [4, "a", "OccurenceConstraintViolation"]),
        ('[2,"a","Authorize",{"idTag":[5]}]', [4, "a", "TypeConstraintViolation"]),
        ('[2,"a","Authorize",{}]', [4, "a", "OccurenceConstraintViolation"]),
    ],
)
async def test_a_bad_call_is_refused_with_the_right_code_and_the_line_stays(town, raw, answer):
    async with town.station() as socket:
        await socket.send(raw)
        said = json.loads(await asyncio.wait_for(socket.recv(), 30))
        assert said[:3] == answer
        assert isinstance(said[3], str)
        assert said[4] == {}
        assert (await ask(socket, "Heartbeat", {}, "next"))[:2] == [3, "next"]


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "hello",
        "{}",
        "[]",
        "[2]",
        '[2,7,"Heartbeat",{}]',
        '[2,null,"Heartbeat",{}]',
        f'[2,"{"x" * 256}","Heartbeat",{{}}]',
        '[3,"a",{}]',
        '[3,"a"]',
        '[4,"a"]',
        "[" * 3000,
        b"\xff\xfe",
    ],
)
async def test_what_nobody_could_match_to_a_call_gets_no_answer_and_the_line_stays(town, raw):
    async with town.station() as socket:
        await socket.send(raw)
        assert (await ask(socket, "Heartbeat", {}, "next"))[:2] == [3, "next"]


async def test_calls_in_binary_frames_and_behind_a_byte_order_mark_are_answered_as_text(town):
    async with town.station() as socket:
        for raw in (b'[2,"a","Heartbeat",{}]', '\ufeff[2,"a","Heartbeat",{}]'):
            await socket.send(raw)
            answer = await asyncio.wait_for(socket.recv(), 30)
            assert isinstance(answer, str)
            assert json.loads(answer)[:2] == [3, "a"]


async def test_a_frame_beyond_the_limit_closes_with_1009(town):
    async with town.station() as socket:
        await socket.send('[2,"a","DataTransfer",{"vendorId":"x","data":"' + "x" * (1 << 20) + '"}]')
        with pytest.raises(ConnectionClosedError) as caught:
            await asyncio.wait_for(socket.recv(), 30)
    assert caught.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("quirks", "told"), [((), ["long_message_ids"]), (("long_message_ids",), []), (("not:long_message_ids",), [])]
)
async def test_long_message_ids_are_served_and_remembered_once(town, quirks, told):
    town.flows.quirks["CP1"] = quirks
    async with town.station() as socket:
        for long in ("offline-" + "x" * 40, "y" * 255):
            assert (await ask(socket, "Heartbeat", {}, long))[:2] == [3, long]
    assert town.flows.told("shown") == told


async def test_the_same_call_with_the_same_id_gets_the_first_answer_and_is_heard_once(town):
    async with town.station() as socket:
        first = await ask(socket, "StartTransaction", START, "same")
        again = await ask(socket, "StartTransaction", START, "same")
    assert first == again
    assert len(town.flows.told("start")) == 1


async def test_another_call_with_the_same_id_is_another_call(town):
    async with town.station() as socket:
        await ask(socket, "StartTransaction", START, "same")
        await ask(socket, "StartTransaction", START | {"meterStart": 200}, "same")
        await ask(socket, "StartTransaction", START, "other")
    assert [info.meter_start_wh for info in town.flows.told("start")] == [100, 200, 100]


async def test_the_time_is_never_told_from_memory(town):
    async with town.station() as socket:
        for _ in range(3):
            await ask(socket, "Heartbeat", {}, "same")
    assert len(town.flows.told("heartbeat")) == 3


async def test_only_the_latest_answers_are_remembered(town):
    async with town.station() as socket:
        await ask(socket, "StartTransaction", START, "first")
        for number in range(40):
            await ask(socket, "Authorize", {"idTag": "TAG"}, str(number))
        await ask(socket, "StartTransaction", START, "first")
    assert len(town.flows.told("start")) == 2


async def test_a_flow_that_fails_is_answered_so_that_the_station_says_it_again(town, caplog, capsys):
    town.flows.fails = lambda what: what == "start"
    with caplog.at_level(logging.DEBUG):
        async with town.station() as socket:
            assert (await ask(socket, "StartTransaction", START, "same"))[:3] == [4, "same", "InternalError"]
            town.flows.fails = lambda _what: False
            assert (await ask(socket, "StartTransaction", START, "same"))[:2] == [3, "same"]
    assert town.gateway.counts["handler_failures"] == 1
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.client")]
    written = "\n".join([*ours, *capsys.readouterr()])
    assert "handling_failed" in written
    assert str(station_of("CP1")) in written
    for secret in ("TAG", "CP1\n", "a-long-station-key", "the database is away"):
        assert secret not in written


@pytest.mark.parametrize("transaction_id", [0, -1, -(2**31), 2**31, 2**63 - 1, 2**80, None])
async def test_meter_values_with_an_odd_transaction_are_the_connectors(town, transaction_id):
    async with town.station() as socket:
        values = {"connectorId": 1, "transactionId": transaction_id, "meterValue": [SAMPLES]}
        assert await ask(socket, "MeterValues", values) == [3, "1", {}]
    assert town.flows.told("readings")[0].transaction_id is None


@pytest.mark.parametrize("transaction_id", [0, -1, 2**63 - 1, 12345])
async def test_a_stop_is_acknowledged_whatever_transaction_it_names(town, transaction_id):
    async with town.station() as socket:
        stop = STOP | {"transactionId": transaction_id, "idTag": None, "transactionData": None}
        assert await ask(socket, "StopTransaction", stop) == [3, "1", {}]
    assert town.flows.told("stop")[0].transaction_id == (12345 if transaction_id == 12345 else 0)


@pytest.mark.parametrize(
    "meter_value",
    [
        [],
        [{}],
        [{"timestamp": "0", "sampledValue": []}],
        [{"timestamp": "x", "sampledValue": [{"value": ""}]}],
        [{"sampledValue": None}],
    ],
)
async def test_meter_values_that_say_nothing_are_acknowledged_and_not_passed_on(town, meter_value):
    async with town.station() as socket:
        assert await ask(socket, "MeterValues", {"connectorId": 1, "meterValue": meter_value}) == [3, "1", {}]
    assert town.flows.told("readings") == []


async def test_where_a_station_has_no_clock_the_time_of_hearing_counts(town):
    async with town.station() as socket:
        await ask(socket, "StartTransaction", START | {"timestamp": "0"}, "1")
        await ask(socket, "StartTransaction", START | {"timestamp": "1970-01-01T00:00:12Z"}, "2")
    assert [info.at for info in town.flows.told("start")] == [NOW, NOW]


async def test_strings_too_long_words_of_the_makers_own_and_unknown_fields_pass(town):
    async with town.station() as socket:
        boot = BOOT | {
            "chargePointSerialNumber": "s" * 26,
            "firmwareVersion": "f" * 300,
            "iccid": None,
            "more": {"x": 1},
        }
        assert (await ask(socket, "BootNotification", boot, "1"))[0] == 3
        status = {"connectorId": 0, "errorCode": "Error", "status": "Available", "info": "i" * 80, "timestamp": "0"}
        assert (await ask(socket, "StatusNotification", status, "2"))[0] == 3
        assert (await ask(socket, "Authorize", {"idTag": "x" * 22}, "3"))[0] == 3
    assert town.flows.told("boot") == [BootInfo("V", "M", "f" * 255, "s" * 26)]
    assert town.flows.told("status") == [ConnectorStatus(0, "Available", "Error", None, "i" * 80)]


async def test_registers_that_are_no_integers_or_below_zero_are_read_as_what_they_mean(town):
    async with town.station() as socket:
        await ask(socket, "StartTransaction", START | {"meterStart": 99.6}, "1")
        await ask(socket, "StartTransaction", START | {"meterStart": -1}, "2")
    assert [info.meter_start_wh for info in town.flows.told("start")] == [100, 0]


async def test_local_times_and_kwh_are_understood_where_the_station_is_known_for_them(town):
    town.flows.quirks["CP1"] = ("clock:Europe/Amsterdam", "kwh_as_wh")
    async with town.station() as socket:
        samples = {"timestamp": "2026-11-21T05:30:00Z", "sampledValue": [{"value": "7.92", "unit": "Wh"}]}
        await ask(socket, "MeterValues", {"connectorId": 1, "meterValue": [samples]})
    (info,) = town.flows.told("readings")
    assert info.readings == (SampledReading(START_AT.replace(minute=30), register_wh=7920),)


async def test_calls_sent_at_once_are_handled_and_answered_in_their_order(town):
    async with town.station() as socket:
        for number in range(100):
            await socket.send(json.dumps([2, f"n{number}", "StartTransaction", START | {"meterStart": number}]))
        answers = [json.loads(await asyncio.wait_for(socket.recv(), 30))[1] for _ in range(100)]
    assert answers == [f"n{number}" for number in range(100)]
    assert [info.meter_start_wh for info in town.flows.told("start")] == list(range(100))


async def test_what_came_before_the_line_broke_is_still_handled(town):
    town.flows.holds = "authorize"
    town.flows.gate.clear()
    async with town.station() as socket:
        await socket.send(json.dumps([2, "1", "Authorize", {"idTag": "TAG"}]))
        await socket.send(json.dumps([2, "2", "StopTransaction", STOP]))
        await socket.send(json.dumps([2, "3", "Heartbeat", {}]))
        await until(lambda: town.gateway.counts["frames_in"] == 3)
        socket.transport.abort()
    town.flows.gate.set()
    await town.quiet()
    assert [what for _, what, _ in town.flows.heard] == ["connected", "authorize", "stop", "heartbeat", "disconnected"]


async def test_every_frame_is_in_the_message_log_before_it_is_handled_or_sent(town):
    async with town.station() as socket:
        await ask(socket, "Heartbeat", {}, "1")
        await socket.send("hello")
        await ask(socket, "Heartbeat", {}, "2")
    await town.quiet()
    assert [direction for direction, _ in town.flows.frames] == ["in", "out", "in", "in", "out"]
    assert town.flows.frames[0] == ("in", '[2, "1", "Heartbeat", {}]')
    assert town.flows.frames[1] == ("out", '[3,"1",{"currentTime":"2026-11-21T04:05:06Z"}]')


async def test_a_listener_that_fails_ends_no_connection(town, monkeypatch):
    def fail(_station_id, _said):
        raise RuntimeError

    monkeypatch.setattr(town.flows, "message", fail)
    async with town.station() as socket:
        for message_id in ("1", "2"):
            assert (await ask(socket, "Heartbeat", {}, message_id))[0] == 3
    assert town.gateway.counts["messages_unheard"] == 4
