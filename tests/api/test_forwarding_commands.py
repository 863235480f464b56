"""What another central system asks of a station of ours: passed on where it is allowed, refused in OCPP's words."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from api_edge import eventually
from forwarding_desk import AT, LIST, boot, opened, start
from operators_desk import OPERATOR
from other_system import NOW, Billing
from small_town import STATION_KEY, make_plan
from websockets.asyncio.client import connect

from server.flows.forwarding import SHARED, STEERED
from server.gateway import schemas
from server.gateway.actions import ASKED
from server.gateway.forwarding import commands
from server.gateway.rpc import ErrorCode, Refusal
from server.gateway.versions import Version
from server.storage import sessions, stations

ACCEPTED = {"status": "Accepted"}
BOOT_201 = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
PROFILE = {
    "connectorId": 1,
    "csChargingProfiles": {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}]},
    },
}


@pytest.fixture
async def office(context):
    async with opened(context) as office:
        yield office


@asynccontextmanager
async def talking(office, allowed, identity="LOOTS/1", answers=None, **more):
    """Another system that may ask some things of a station that agrees to all, and the line between them."""
    billing = Billing()
    billing.keys[identity] = STATION_KEY
    rows = f"identity,key,location\n{identity},{STATION_KEY},Yard\n"
    agreeing = dict.fromkeys(ASKED["1.6"], ACCEPTED) | (answers or {})
    async with billing.listening():
        said = await office.upload(billing, stations=rows, allowed=allowed, **more)
        assert said.status_code == 200, said.text
        async with office.station(identity, agreeing) as box:
            await boot(box)
            await eventually(lambda: billing.told("StatusNotification"))
            yield billing, billing.stations[identity], box


async def test_what_is_not_allowed_is_refused_and_the_station_hears_nothing_of_it(office):
    async with talking(office, []) as (_, other, box):
        assert await other.asks("Reset", {"type": "Hard"}) == [3, "theirs", {"status": "Rejected"}]
        frame = await other.asks("GetConfiguration", {})
        assert (frame[0], frame[2]) == (4, "NotSupported")
        assert (await other.asks("Nonsense", {}))[2] == "NotImplemented"
        assert box.heard == []
        await office.until_listed(note="Refused Nonsense: " + commands.NOT_ALLOWED)


async def test_what_is_allowed_reaches_the_station_and_its_answer_goes_back(office):
    keys = {"configurationKey": [{"key": "X", "readonly": True, "value": "1"}], "unknownKey": []}
    answers = {"GetConfiguration": keys, "UnlockConnector": [4, "NotSupported", "no lock", {}]}
    async with talking(office, ["GetConfiguration", "UnlockConnector"], answers=answers) as (_, other, box):
        assert await other.asks("GetConfiguration", {"key": ["X"]}) == [3, "theirs", keys]
        assert (await other.asks("UnlockConnector", {"connectorId": 1}))[2:4] == ["NotSupported", "no lock"]
        assert (await other.asks("UnlockConnector", {"connectorId": "one"}))[2] == "FormationViolation"
        assert box.heard == [("GetConfiguration", {"key": ["X"]}), ("UnlockConnector", {"connectorId": 1})]


async def test_a_start_of_theirs_charges_by_their_card_and_their_number_ends_it(office):
    allowed = ["RemoteStartTransaction", "RemoteStopTransaction"]
    async with talking(office, allowed, their_cards=False) as (billing, other, box):
        wanted = {"connectorId": 1, "idTag": "THEIRS-1", "chargingProfile": PROFILE["csChargingProfiles"]}
        assert (await other.asks("RemoteStartTransaction", wanted))[2] == ACCEPTED
        assert box.heard == [("RemoteStartTransaction", {"connectorId": 1, "idTag": "THEIRS-1"})]
        ours, status = await start(box, "THEIRS-1")
        assert status == "Accepted"
        await office.until_listed(delivered=1)
        assert (await other.asks("RemoteStopTransaction", {"transactionId": ours}))[2] == {"status": "Rejected"}
        assert (await other.asks("RemoteStopTransaction", {"transactionId": 7001}))[2] == ACCEPTED
        assert box.heard[1:] == [("RemoteStopTransaction", {"transactionId": ours})]
        assert billing.told("StartTransaction")[0]["idTag"] == "THEIRS-1"
        office.context.clock.advance_to(office.context.now() + timedelta(minutes=11))
        assert (await start(box, "THEIRS-1", "later", 30))[1] == "Invalid"


async def test_a_start_that_the_station_refuses_lets_no_card_charge(office):
    answers = {"RemoteStartTransaction": {"status": "Rejected"}}
    async with talking(office, ["RemoteStartTransaction"], answers=answers, their_cards=False) as (_, other, box):
        wanted = {"connectorId": 1, "idTag": "THEIRS-1"}
        assert (await other.asks("RemoteStartTransaction", wanted))[2] == {"status": "Rejected"}
        assert await office.forwarder.keeper.flush()
        assert (await start(box, "THEIRS-1"))[1] == "Invalid"


async def test_our_profiles_come_first(office, context):
    allowed = ["SetChargingProfile", "ClearChargingProfile"]
    async with talking(office, allowed, "NEW-1") as (_, other, box):  # on its own, and nobody charges
        assert (await other.asks("SetChargingProfile", PROFILE))[2] == ACCEPTED
        box.heard.clear()
        await start(box)
        async with context.db.read() as tx:
            (running,) = await sessions.all_open(tx)
        await make_plan(context.db, running.location_id, context.now())
        for action, body, no in (("SetChargingProfile", PROFILE, "Rejected"), ("ClearChargingProfile", {}, "Unknown")):
            assert (await other.asks(action, body))[2] == {"status": no}
        assert [action for action, _ in box.heard if "ChargingProfile" in action] == []
        await office.until_listed("NEW-1", note=f"Refused ClearChargingProfile: {STEERED}")


async def test_behind_a_shared_limit_nobody_else_sets_profiles_at_all(office):
    async with talking(office, ["SetChargingProfile"]) as (_, other, box):
        assert (await other.asks("SetChargingProfile", PROFILE))[2] == {"status": "Rejected"}
        await office.until_listed(note=f"Refused SetChargingProfile: {SHARED}")
        assert box.heard == []


async def test_what_would_take_the_station_from_us_never_passes(office):
    allowed = ["ChangeConfiguration", "CertificateSigned"]
    async with talking(office, allowed) as (_, other, box):
        for key in ("AuthorizationKey", "SecurityProfile", "CentralSystemUrl"):
            assert (await other.asks("ChangeConfiguration", {"key": key, "value": "1"}))[2] == {"status": "Rejected"}
        assert (await other.asks("CertificateSigned", {"certificateChain": "x"}))[2] == {"status": "Rejected"}
        assert box.heard == []
        assert (await other.asks("ChangeConfiguration", {"key": "Light", "value": "1"}))[2] == ACCEPTED


@pytest.mark.parametrize(
    ("component", "variable", "passes"),
    [
        ("SecurityCtrlr", "Identity", False),
        ("securityctrlr ", "Identity", False),
        ("OCPPCOMMCTRLR", "HeartbeatInterval", False),
        ("Other", " BasicAuthPassword", False),
        ("Other", "securityprofile", False),
        ("Other", "NetworkConfigurationPriority", False),
        ("", "Light", False),
        ("AlignedDataCtrlr", "Interval", True),
    ],
)
def test_names_of_2x_know_no_case_and_ours_are_refused_in_any(component, variable, passes):
    one = {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": "1"}
    other = {"component": {"name": "X"}, "variable": {"name": "Y"}, "attributeValue": "1"}
    verdict = commands.judge("SetVariables", {"setVariableData": [other, one]}, frozenset(["SetVariables"]))
    assert (verdict.payload is not None) is passes


@pytest.mark.parametrize("version", list(Version))
def test_every_refusal_is_what_the_specification_allows(version):
    number = version.removeprefix("ocpp")
    errors = []
    for action in ASKED[number]:
        said = commands.refusal(version, action, "not now")
        if isinstance(said, Refusal):
            assert said.code is ErrorCode.NOT_SUPPORTED
            errors.append(action)
        else:
            assert schemas.complaints(number, action, said, answer=True) == [], action
            assert said["status"] not in {"Accepted", "Unlocked", "Scheduled"}
    assert len(errors) < len(ASKED[number]) / 3, errors
    assert isinstance(commands.refusal(version, "Nonsense", ""), Refusal)


@asynccontextmanager
async def speaking_201(office):
    """LOOTS/1 by hand, in 2.0.1."""
    key = base64.b64encode(f"LOOTS/1:{STATION_KEY}".encode()).decode()
    url = f"ws://127.0.0.1:{office.gateway.port}/ocpp/LOOTS%2F1"
    headers = {"Authorization": f"Basic {key}"}
    async with connect(url, subprotocols=["ocpp2.0.1"], additional_headers=headers, compression=None) as socket:
        yield socket


async def until_spoken(office, station_id, subprotocol):
    """Who calls is written a moment after it is let in."""
    async with asyncio.timeout(30):
        while True:
            async with office.context.db.read() as tx:
                if (await stations.get(tx, station_id)).ocpp == subprotocol:
                    return
            await asyncio.sleep(0.01)


async def test_in_201_the_stations_own_names_of_transactions_count_on_both_sides(office):
    billing = Billing()
    billing.keys["LOOTS/1"] = STATION_KEY
    event = {"eventType": "Started", "timestamp": NOW, "triggerReason": "Authorized", "seqNo": 0, "offline": False}
    event |= {"transactionInfo": {"transactionId": "tx-1"}, "evse": {"id": 1, "connectorId": 1}}
    event["idToken"] = {"idToken": "THEIRS-1", "type": "ISO14443"}
    station = BOOT_201["chargingStation"]
    async with billing.listening(), speaking_201(office) as socket:
        await office.upload(billing, allowed=["RequestStopTransaction"])
        for action, payload in (
            ("BootNotification", BOOT_201),
            ("TransactionEvent", event),
        ):
            await socket.send(json.dumps([2, action, action, payload]))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 30))
        assert answer[2]["idTokenInfo"]["status"] == "Accepted"
        await office.until_listed(delivered=1, waiting=0)
        await eventually(lambda: billing.told("BootNotification")[-1]["chargingStation"] == station)
        assert billing.told("TransactionEvent") == [event]
        other = billing.stations["LOOTS/1"]
        asking = asyncio.create_task(other.asks("RequestStopTransaction", {"transactionId": "tx-1"}))
        call = json.loads(await asyncio.wait_for(socket.recv(), 30))
        assert call[2:] == ["RequestStopTransaction", {"transactionId": "tx-1"}]
        await socket.send(json.dumps([3, call[1], ACCEPTED]))
        assert (await asking)[2] == ACCEPTED
        refused = (await other.asks("Reset", {"type": "Immediate"}))[2]
        assert (refused["status"], refused["statusInfo"]["additionalInfo"]) == ("Rejected", commands.NOT_ALLOWED)


def told_by_station(kind, seq_no, **more) -> dict:
    """An event of the transaction that everything here is about."""
    said = {
        "eventType": kind,
        "timestamp": AT.format(seq_no),
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "tx-1"},
    }
    return said | {"triggerReason": "Authorized" if kind == "Started" else "MeterValuePeriodic"} | more


async def test_in_201_a_session_that_runs_when_it_begins_is_told_from_its_begin(office):
    billing = Billing()
    billing.keys["LOOTS/1"] = STATION_KEY
    register = [{"timestamp": AT.format(0), "sampledValue": [{"value": 1_000, "context": "Transaction.Begin"}]}]
    token = {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"}
    begun = told_by_station("Started", 0, evse={"id": 1, "connectorId": 1}, idToken=token, meterValue=register)

    async def say(said, socket):
        await socket.send(json.dumps([2, f"{said['seqNo']}", "TransactionEvent", said]))
        assert json.loads(await asyncio.wait_for(socket.recv(), 30))[0] == 3

    async with billing.listening(), speaking_201(office) as socket:
        await socket.send(json.dumps([2, "b", "BootNotification", BOOT_201]))
        await socket.recv()
        await say(begun, socket)
        made = (await office.upload(billing)).json()["forwarding"]
        await say(updated := told_by_station("Updated", 1), socket)
        await office.until_listed(delivered=2, waiting=0)
        path = f"{LIST}/{made['id']}"
        assert (await office.api.patch(path, json={"allowed": ["Reset"]}, headers=OPERATOR)).is_success
        await say(ended := told_by_station("Ended", 2), socket)
        await office.until_listed(delivered=3, waiting=0)
    told = billing.told("TransactionEvent")
    assert told == [begun | {"offline": True}, updated, ended]


async def test_one_request_undoes_it_and_2x_stations_are_told_the_way_back(office):
    billing = Billing()
    async with billing.listening():
        made = (await office.upload(billing)).json()["forwarding"]
        path, station_id = f"{LIST}/{made['id']}/undo", UUID(made["stations"][0]["id"])
        async with office.station() as box:  # 1.6
            await boot(box)
            said = (await office.api.post(path, json={"write_back": True}, headers=OPERATOR)).json()
            assert said == {"back_urls": {"LOOTS/1": f"{billing.url}/LOOTS%2F1"}, "outcomes": {"LOOTS/1": "by_hand"}}
            assert box.heard == []
        assert (await office.listed())["state"] == "off"
        async with speaking_201(office) as socket:
            asking = asyncio.create_task(office.api.post(path, json={"write_back": True}, headers=OPERATOR))
            variable = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "NetworkConfigurationPriority"}}
            calls = []
            for answer in (ACCEPTED, {"setVariableResult": [variable | {"attributeStatus": "Accepted"}]}, ACCEPTED):
                calls.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
                await socket.send(json.dumps([3, calls[-1][1], answer]))
            assert (await asking).json()["outcomes"] == {"LOOTS/1": "told"}
        await until_spoken(office, station_id, "ocpp2.0.1")
        await eventually(lambda: office.gateway.version(station_id) is None)
        away = await office.api.post(path, json={"write_back": True}, headers=OPERATOR)
        assert away.json()["outcomes"] == {"LOOTS/1": "offline"}, "it spoke 2.0.1 when it was here"
    assert [call[2] for call in calls] == ["SetNetworkProfile", "SetVariables", "Reset"]
    assert calls[0][3]["connectionData"]["ocppCsmsUrl"] == billing.url
    assert [schemas.complaints("2.0.1", call[2], call[3]) for call in calls] == [[], [], []]
