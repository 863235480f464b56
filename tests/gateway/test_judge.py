"""The official schemas judge every frame after the fact, whatever it holds."""

import json
from itertools import islice

import pytest
from gateway_town import ask, station_of
from v2_station import event

from server.cli.bench.gateway import fuzz
from server.gateway import judge, rpc
from server.gateway.languages import LANGUAGES
from server.gateway.v16 import commands as v16
from server.gateway.v201 import upkeep as v201

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def call(action, payload, message_id="1"):
    return json.dumps([2, message_id, action, payload])


@pytest.mark.parametrize(
    ("kind", "action", "frame", "said"),
    [
        ("call", "StatusNotification", call("StatusNotification", STATUS), ""),
        ("call", "StatusNotification", call("StatusNotification", STATUS | {"status": "Odd"}), "status: it is not one"),
        ("call", "StatusNotification", call("StatusNotification", {}), '"connectorId" is a required property; "errorC'),
        ("call", "StatusNotification", call("StatusNotification", STATUS, "i" * 37), judge.LONG_ID),
        ("call", "Authorize", call("Authorize", {"idTag": "x" * 21}), "idTag: it is longer than 20 characters"),
        ("call", "Heartbeat", call("Heartbeat", {"a": 1}), "Additional properties are not allowed"),
        ("call", "Nonsense", call("Nonsense", {}), "no action of OCPP 1.6"),
        ("call", "Heartbeat", call("Heartbeat", []), 'it is not of type "object"'),
        ("result", "Reset", '[3,"1",{"status":"Accepted"}]', ""),
        ("result", "Reset", '[3,"1",{"status":"Perhaps"}]', "status: it is not one of"),
        ("result", "", '[3,"1",{"status":"Perhaps"}]', ""),  # nobody knows to what
        ("result", "Nonsense", '[3,"1",{}]', ""),
        ("error", "Reset", '[4,"1","FormationViolation","",{}]', ""),
        ("malformed", "", "hello", judge.NO_FRAME),
        ("call", "Reset", "*** (900 bytes that may hold a key and are not JSON)", ""),
        ("call", "Reset", "[2]", ""),
    ],
)
def test_what_is_said_of_a_frame(kind, action, frame, said):
    found = judge.complaints("ocpp1.6", kind, action, frame)
    assert found.startswith(said)
    assert bool(found) is bool(said)


CODE, TEXT, DETAILS = "no error code of OCPP ", "error description: a text", "error details: an object"


@pytest.mark.parametrize(
    ("version", "frame", "said"),
    [
        ("ocpp1.6", '[4,"1","Whatever","",{}]', [f"{CODE}1.6"]),
        ("ocpp1.6", '[4,"1","FormatViolation","",{}]', [f"{CODE}1.6"]),
        ("ocpp1.6", f'[4,"1","GenericError","{"x" * 256}",{{}}]', []),
        ("ocpp2.0.1", f'[4,"1","GenericError","{"x" * 256}",{{}}]', ["error description: longer than 255"]),
        ("ocpp2.0.1", '[4,"1","OccurenceConstraintViolation","",{}]', []),
        ("ocpp2.0.1", '[4,"1","OccurrenceConstraintViolation","",{}]', []),
        ("ocpp2.0.1", '[4,"1","FormationViolation",null,"s3cret"]', [f"{CODE}2.0.1", TEXT, DETAILS]),
        ("ocpp2.0.1", '[4,"1"]', [f"{CODE}2.0.1", TEXT, DETAILS]),
        ("ocpp2.0.1", '[4,"1",["GenericError"],"",{},0]', [f"{CODE}2.0.1", "an error has five elements"]),
        ("ocpp2.1", '[5,"1","TypeConstraintViolation","",{}]', []),
        ("ocpp2.1", '[5,"1","NoSuchThing","",[]]', [f"{CODE}2.1", DETAILS]),
        ("ocpp2.1", f'[4,"{"i" * 37}","GenericError","",{{}}]', [judge.LONG_ID]),
        ("", '[4,"1","Whatever"]', []),
        ("ocpp2.1", "*** (900 bytes that may hold a key and are not JSON)", []),
    ],
)
def test_errors_have_a_code_of_their_version_a_text_and_details(version, frame, said):
    found = judge.complaints(version, "error", "Reset", frame)
    assert [one[: len(other)] for one, other in zip(found.split("; "), said, strict=False)] == said
    assert len(found.split("; ")) == max(1, len(said))
    assert bool(found) is bool(said)
    assert "s3cret" not in found


def test_a_time_without_a_zone_is_no_time_and_a_tenth_is_a_multiple_of_a_tenth():
    said = judge.complaints("ocpp1.6", "call", "StatusNotification", call("", STATUS | {"timestamp": "2026-11-21"}))
    assert said.startswith('timestamp: it is not a "date-time"')
    steps = [{"startPeriod": at, "limit": at / 10} for at in range(1, 400)]
    schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": steps}
    profile = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
    }
    frame = call("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    assert judge.complaints("ocpp1.6", "call", "SetChargingProfile", frame) == ""


@pytest.mark.parametrize(("version", "number"), [("ocpp2.0.1", "2.0.1"), ("ocpp2.1", "2.1")])
def test_2_x_is_held_against_its_own_schemas(version, number):
    said = event("Started", 0)
    assert judge.complaints(version, "call", "TransactionEvent", call("TransactionEvent", said)) == ""
    del said["seqNo"]
    frame = call("TransactionEvent", said)
    assert judge.complaints(version, "call", "TransactionEvent", frame) == '"seqNo" is a required property'
    frame = call("StartTransaction", {})
    assert judge.complaints(version, "call", "StartTransaction", frame) == f"no action of OCPP {number}"
    assert judge.complaints("", "call", "Heartbeat", call("Heartbeat", {"a": 1})) == ""


def test_no_value_is_quoted():
    secret = {"key": "AuthorizationKey", "value": "s3cret" * 100}
    said = judge.complaints("ocpp1.6", "call", "ChangeConfiguration", call("ChangeConfiguration", secret))
    assert said == "value: it is longer than 500 characters"


@pytest.mark.parametrize("version", list(LANGUAGES))
def test_no_frame_raises(version):
    """What the fuzzer says, and nests as deep and numbers as long as the frame layer lets pass."""
    deep = [f'[2,"1","DataTransfer",{{"vendorId":"x","data":{"[" * n}{"]" * n}}}]' for n in (100, 240, 260, 900, 5000)]
    long = [f'[2,"1","MeterValues",{{"connectorId":{"9" * n}}}]' for n in (19, 40, 400)]
    frames = [body for _, body in islice(fuzz.frames(7), 600)]
    for raw in [*frames, *(one.encode() for one in [*deep, *long])]:
        frame = rpc.decode(raw, version=version)
        kind = "malformed" if isinstance(frame, rpc.Malformed) else "call"
        said = judge.complaints(version, kind, getattr(frame, "action", ""), raw.decode("utf-8", "replace"))
        assert len(said) <= judge.TEXT_MAX


async def test_what_we_say_ourselves_is_as_the_specification_says(town):
    """Answers and calls, good and bad, of every version: the gateway's own frames give no cause for complaint."""
    async with town.station() as socket:
        await ask(socket, "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        await ask(socket, "StartTransaction", {"connectorId": 1, "idTag": "T"})
        await ask(socket, "StopTransaction", {})
        await ask(socket, "Authorize", {"idTag": "T"})
        await town.gateway.call(station_of("CP1"), v16.Reset("Soft"), 0.05)
    async with town.station("CP1", ["ocpp2.1"]) as socket:
        await ask(socket, "TransactionEvent", {})
        await ask(socket, "TransactionEvent", event("Started", 0))
        await town.gateway.call(station_of("CP1"), v201.GetLocalListVersion(), 0.05)
    ours = [one for one in town.flows.said if one.direction == "out"]
    assert {one.version for one in ours} == {"ocpp1.6", "ocpp2.1"}
    assert len(ours) == 8
    for one in ours:
        assert judge.complaints(one.version, one.kind, one.action, one.raw.decode()) == "", one


def test_a_name_that_no_database_takes_is_made_visible():
    said = judge.complaints("ocpp1.6", "call", "StatusNotification", call("", STATUS | {"a\x00b": 1}))
    assert "a\ufffdb" in said
    assert "\x00" not in said
