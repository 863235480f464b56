"""Frames of 2.x: versions, error codes in their spelling, and the message types that only 2.1 has."""

import asyncio
import json

import pytest
from gateway_town import ask, station_of
from hypothesis import given, settings
from hypothesis import strategies as st
from v2_station import BOOT, BOTH, SAID, heard, judge_call

from server.gateway import rpc
from server.gateway.rpc import ErrorCode, Malformed, ResultError, Send
from server.gateway.v201 import commands as c
from server.gateway.versions import Version, best

CP1 = station_of("CP1")
ANY_ARRAY = st.lists(st.recursive(st.none() | st.integers() | st.text(), st.lists))


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp2.0.1"], "ocpp2.0.1"),
        (["ocpp1.6", "ocpp2.0.1"], "ocpp2.0.1"),
        (["ocpp1.6", "ocpp2.0.1", "ocpp2.1"], "ocpp2.1"),
        (["ocpp2.1", "ocpp1.6"], "ocpp2.1"),
        (["ocpp2.0", "ocpp1.6"], "ocpp1.6"),
    ],
)
async def test_a_station_gets_the_best_version_that_both_speak(town, offered, chosen):
    """TC_B_58: the exact name is echoed, and remembered for the station."""
    async with town.station("CP1", offered) as socket:
        assert socket.subprotocol == chosen
        await town.quiet()
        assert town.gateway.version(CP1) == chosen
        assert town.flows.versions[CP1] == chosen
    assert best(["ocpp2.0", "OCPP2.0.1"]) is None


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        ("hello", [4, "-1", "RpcFrameworkError"]),
        ("[]", [4, "-1", "RpcFrameworkError"]),
        ("[2]", [4, "-1", "RpcFrameworkError"]),
        ('[2,7,"Heartbeat",{}]', [4, "-1", "RpcFrameworkError"]),
        (f'[2,"{"x" * 256}","Heartbeat",{{}}]', [4, "-1", "RpcFrameworkError"]),
        ('[2,"a","Heartbeat"]', [4, "a", "RpcFrameworkError"]),
        ('[2,"a","Heartbeat",{"x":NaN}]', [4, "a", "RpcFrameworkError"]),
        ('[2,"a",["x"],{}]', [4, "a", "RpcFrameworkError"]),
        ('[2,"a","Heartbeat",{},{}]', [4, "a", "RpcFrameworkError"]),
        ('[9,"a","Heartbeat",{}]', [4, "a", "MessageTypeNotSupported"]),
        ('[2,"a","Heartbeat",[]]', [4, "a", "FormatViolation"]),
        ('[2,"a","NoSuchAction",{}]', [4, "a", "NotImplemented"]),
        ('[2,"a","StartTransaction",{}]', [4, "a", "NotImplemented"]),
        ('[2,"a","SetChargingProfile",{}]', [4, "a", "NotSupported"]),
        ('[2,"a","BootNotification",{}]', [4, "a", "OccurrenceConstraintViolation"]),
        ('[2,"a","Authorize",{"idToken":5}]', [4, "a", "TypeConstraintViolation"]),
    ],
)
async def test_a_bad_frame_is_refused_in_the_words_of_2_x_and_the_line_stays(town, version, raw, answer):
    async with town.station("CP1", [version]) as socket:
        await socket.send(raw)
        said = await heard(socket)
        assert said[:3] == answer
        assert isinstance(said[3], str)
        assert said[4] == {}
        assert (await ask(socket, "Heartbeat", {}, "next"))[:2] == [3, "next"]


@pytest.mark.parametrize("raw", ['[3,"a",{}]', '[3,"a"]', "[3]", '[4,7,"x"]', '[4,"a"]'])
async def test_answers_that_nobody_asked_for_get_none(town, raw):
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        await socket.send(raw)
        assert (await ask(socket, "Heartbeat", {}, "next"))[:2] == [3, "next"]


def test_types_5_and_6_are_frames_of_2_1_alone():
    told = rpc.decode(b'[6,"a","NotifyPeriodicEventStream",{"id":1}]', version=Version.V21)
    assert isinstance(told, Send)
    assert (told.message_id, told.action, bytes(told.payload)) == ("a", "NotifyPeriodicEventStream", b'{"id":1}')
    refused = rpc.decode(b'[5,"a","FormatViolation","no",{}]', version=Version.V21)
    assert refused == ResultError("a", "FormatViolation", "no")
    assert rpc.decode(b'[6,"a","X"]', version=Version.V21) == Malformed(
        ErrorCode.FRAMEWORK, "A call is [2, id, action, payload].", None
    )
    for raw in (b'[5,"a","x","",{}]', b'[6,"a","X",{}]'):
        frame = rpc.decode(raw, version=Version.V201)
        assert isinstance(frame, Malformed)
        assert frame.code is ErrorCode.MESSAGE_TYPE


@settings(deadline=None)
@given(
    st.binary()
    | st.lists(st.recursive(st.none() | st.integers() | st.text(), st.lists)).map(json.dumps).map(str.encode)
)
def test_no_bytes_raise_in_2_x(raw):
    for version in (Version.V201, Version.V21):
        frame = rpc.decode(raw, version=version)
        if isinstance(frame, Malformed) and frame.message_id is not None:
            assert 1 <= len(frame.message_id) <= 255


async def test_what_is_sent_gets_no_answer_and_is_kept(town):
    stream = {"id": 1, "pending": 0, "basetime": SAID, "data": [{"t": 1.0, "v": "2"}]}
    frame = json.dumps([6, "s", "NotifyPeriodicEventStream", stream])
    async with town.station("CP1", ["ocpp2.1"]) as socket:
        await socket.send(frame)
        await socket.send('[6,"t"]')
        await socket.send('[5,"u","FormatViolation","",{}]')
        assert (await ask(socket, "Heartbeat", {}, "next"))[:2] == [3, "next"]
    assert ("in", frame) in town.flows.frames
    assert town.gateway.counts["told"] == 1
    assert town.gateway.counts["results_refused"] == 1


@pytest.mark.parametrize(("version", "hears"), [("ocpp2.1", True), ("ocpp2.0.1", False)])
async def test_a_station_hears_that_its_answer_was_unreadable_where_its_version_has_a_word_for_it(town, version, hears):
    async with town.station("CP1", [version]) as socket:
        asked = asyncio.create_task(town.gateway.call(CP1, c.GetTransactionStatus("T-1"), 5))
        call = await heard(socket)
        judge_call(version, call[2], call[3])
        await socket.send(json.dumps([3, call[1], {"ongoingIndicator": True}]))
        outcome = await asked
        assert (outcome.status, outcome.error_code) == ("error", "OccurenceConstraintViolation")
        if hears:
            assert (await heard(socket))[:3] == [5, call[1], "OccurrenceConstraintViolation"]
        assert (await ask(socket, "BootNotification", BOOT, "next"))[:2] == [3, "next"]


async def test_a_command_of_another_version_is_not_sent(town):
    async with town.station("CP1", ["ocpp1.6"]) as socket:
        outcome = await town.gateway.call(CP1, c.Reset("OnIdle"), 5)
        assert (outcome.status, outcome.answer) == ("offline", None)
        assert (await ask(socket, "Heartbeat", {}, "next"))[:2] == [3, "next"]
