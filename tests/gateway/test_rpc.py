"""Frames, malformed ones above all."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.gateway import rpc
from server.gateway.rpc import Call, CallError, CallResult, ErrorCode, Malformed
from server.gateway.v16.messages import StartTransaction, StatusNotification

DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    ("raw", "code", "message_id"),
    [
        ("", ErrorCode.FORMATION, None),
        ("hello", ErrorCode.FORMATION, None),
        ("{}", ErrorCode.FORMATION, None),
        ('"text"', ErrorCode.FORMATION, None),
        ("[]", ErrorCode.FORMATION, None),
        ("[2]", ErrorCode.FORMATION, None),
        ('[2,"a","Heartbeat",{}', ErrorCode.FORMATION, "a"),
        ('[2,"a","Heartbeat",{}] more', ErrorCode.FORMATION, "a"),
        ('[2,"a","Heartbeat",{"x":NaN}]', ErrorCode.FORMATION, "a"),
        ('[2,"a","Heartbeat",{"x":-Infinity}]', ErrorCode.FORMATION, "a"),
        (f'[2,"a","Heartbeat",{DEEP}]', ErrorCode.FORMATION, "a"),
        (DEEP, ErrorCode.FORMATION, None),
        ('[2,"a"]', ErrorCode.PROTOCOL, "a"),
        ('[2,"a","Heartbeat"]', ErrorCode.PROTOCOL, "a"),
        ('[2,"a","Heartbeat",{},1]', ErrorCode.FORMATION, "a"),
        ('[2,"a","Heartbeat",[]]', ErrorCode.TYPE, "a"),
        ('[2,"a","Heartbeat",null]', ErrorCode.TYPE, "a"),
        ('[2,"a",["Heartbeat"],{}]', ErrorCode.FORMATION, "a"),
        ('[2,"a",{"x":1},{}]', ErrorCode.FORMATION, "a"),
        ('[2,7,"Heartbeat",{}]', ErrorCode.FORMATION, None),
        ('[2,null,"Heartbeat",{}]', ErrorCode.FORMATION, None),
        ('[2,"","Heartbeat",{}]', ErrorCode.FORMATION, None),
        (f'[2,"{"x" * 256}","Heartbeat",{{}}]', ErrorCode.FORMATION, None),
        ('["2","a","Heartbeat",{}]', ErrorCode.PROTOCOL, "a"),
        ('[9,"a","Heartbeat",{}]', ErrorCode.PROTOCOL, "a"),
        ('[5,"a","NotSupported","",{}]', ErrorCode.PROTOCOL, "a"),
        ('[true,"a","Heartbeat",{}]', ErrorCode.PROTOCOL, "a"),
        ('[3,"a"]', ErrorCode.FORMATION, None),
        ('[3,"a",{},{}]', ErrorCode.FORMATION, None),
    ],
)
def test_a_malformed_frame_says_what_is_wrong_and_whom_to_tell(raw, code, message_id):
    frame = rpc.decode(raw.encode())
    assert isinstance(frame, Malformed)
    assert (frame.code, frame.message_id) == (code, message_id)


def test_bytes_that_are_no_utf_8_are_malformed():
    assert rpc.decode(b'[2,"\xff","Heartbeat",{}]') == Malformed(
        ErrorCode.FORMATION, "A frame carries a message id of 1 to 255 characters."
    )


def test_frames_are_told_apart():
    call = rpc.decode(b'[2,"a","Heartbeat",{}]')
    assert isinstance(call, Call)
    assert (call.message_id, call.action, bytes(call.payload)) == ("a", "Heartbeat", b"{}")
    result = rpc.decode(b'[3,"a",{"status":"Accepted"}]')
    assert isinstance(result, CallResult)
    assert bytes(result.payload) == b'{"status":"Accepted"}'
    assert rpc.decode(b'[4,"a","NotSupported","no",{"x":1}]') == CallError("a", "NotSupported", "no")


def test_a_byte_order_mark_in_front_is_passed_over():
    assert isinstance(rpc.decode(b'\xef\xbb\xbf[2,"a","Heartbeat",{}]'), Call)


@pytest.mark.parametrize("raw", ['[4,"a"]', '[4,"a",7]', '[4,"a",null,null,null,null]', '[4,"a","",""]'])
def test_an_error_is_believed_whatever_it_lacks(raw):
    assert rpc.decode(raw.encode()) == CallError("a", "GenericError", "")


def test_long_ids_pass():
    long = "offline-" + "x" * 36
    frame = rpc.decode(json.dumps([2, long, "Heartbeat", {}]).encode())
    assert isinstance(frame, Call)
    assert frame.message_id == long


@settings(deadline=None)  # a machine that others use too
@given(st.binary())
def test_no_bytes_raise(raw):
    rpc.decode(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(st.lists(json_values))
def test_no_array_raises(elements):
    frame = rpc.decode(json.dumps(elements).encode())
    if isinstance(frame, Malformed) and frame.message_id is not None:
        assert 1 <= len(frame.message_id) <= 255


@settings(deadline=None)
@given(json_values)
def test_no_payload_raises(value):
    frame = rpc.decode(json.dumps([2, "a", "StartTransaction", value]).encode())
    if isinstance(frame, Call):
        said = rpc.read_payload(msgspec.json.Decoder(StartTransaction), frame.payload)
        assert isinstance(said, StartTransaction | rpc.Refusal)


START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-11-21T00:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"connectorId": None}, ErrorCode.TYPE),
        ({"connectorId": "1"}, ErrorCode.TYPE),
        ({"connectorId": True}, ErrorCode.TYPE),
        ({"meterStart": "0"}, ErrorCode.TYPE),
        ({"idTag": 5}, ErrorCode.TYPE),
        ({"connectorId": -1}, ErrorCode.PROPERTY),
        ({"connectorId": 2**40}, ErrorCode.PROPERTY),
        ({"idTag": "x" * 256}, ErrorCode.PROPERTY),
    ],
)
def test_the_code_tells_a_wrong_type_from_a_value_out_of_bounds(changes, code):
    payload = msgspec.Raw(json.dumps(START | changes).encode())
    said = rpc.read_payload(msgspec.json.Decoder(StartTransaction), payload)
    assert isinstance(said, rpc.Refusal)
    assert said.code is code


@pytest.mark.parametrize("field", list(START))
def test_a_missing_field_is_an_occurrence_violation(field):
    payload = {name: value for name, value in START.items() if name != field}
    said = rpc.read_payload(msgspec.json.Decoder(StartTransaction), msgspec.Raw(json.dumps(payload).encode()))
    assert said == rpc.Refusal(ErrorCode.OCCURRENCE, f"Object missing required field `{field}`")


def test_a_number_out_of_range_and_a_deep_field_that_nobody_knows_are_refused():
    decoder = msgspec.json.Decoder(StatusNotification)
    for raw in (b'{"connectorId":1e999}', b'{"zz":' + DEEP.encode() + b"}"):
        assert isinstance(rpc.read_payload(decoder, msgspec.Raw(raw)), rpc.Refusal)


def test_a_refusal_quotes_nothing_that_the_station_said():
    raw = msgspec.Raw(json.dumps(START | {"connectorId": "SECRET-TAG"}).encode())
    said = rpc.read_payload(msgspec.json.Decoder(StartTransaction), raw)
    assert "SECRET-TAG" not in said.description
    assert len(said.description) <= 255
