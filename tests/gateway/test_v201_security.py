"""What 2.0.1 stations and we say about certificates, keys and security, judged by the official schemas."""

import asyncio
import json

import pytest
from gateway_town import ask, station_of
from ocpp.messages import get_validator
from tls_town import tls_town

from server.gateway.door import Entry
from server.main.security_port import GatewaySecurity

CP1 = station_of("CP1")
PEM = "-----BEGIN CERTIFICATE REQUEST-----"
URL = "wss://csms.example:9443/ocpp"


def fits(action: str, payload: object, kind: int = 2) -> None:
    get_validator(kind, action, "2.0.1").validate(payload)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"csr": PEM, "certificateType": "ChargingStationCertificate"}, "station"),  # TC_A_11
        ({"csr": PEM, "certificateType": "V2GCertificate"}, "v2g"),  # TC_A_12
        ({"csr": PEM}, "both"),  # TC_A_13: one for both uses
    ],
)
async def test_a_request_for_a_certificate_is_accepted_tc_a_11_tc_a_12_tc_a_13(town, said, kind):
    fits("SignCertificate", said)
    async with town.station(subprotocols=["ocpp2.0.1"]) as socket:
        good = await ask(socket, "SignCertificate", said)
        bad = await ask(socket, "SignCertificate", {"csr": "nonsense"}, "2")
    assert (good[2], bad[2]) == ({"status": "Accepted"}, {"status": "Rejected"})
    fits("SignCertificate", good[2], 3)
    assert town.flows.told("sign") == [(PEM, kind), ("nonsense", "both")]


async def test_security_events_are_heard(town):
    said = {"type": "InvalidCsmsCertificate", "timestamp": "2026-11-21T04:05:06Z"}
    async with town.station(subprotocols=["ocpp2.0.1"]) as socket:
        assert (await ask(socket, "SecurityEventNotification", said))[2] == {}
    (notice,) = town.flows.told("notice")
    assert (notice.kind, notice.status, notice.detail) == ("security", "InvalidCsmsCertificate", "")


@pytest.mark.parametrize(
    ("action", "kind"), [("FirmwareStatusNotification", "firmware"), ("LogStatusNotification", "log")]
)
async def test_how_far_upkeep_is_is_kept_tc_l_01_tc_n_25(town, action, kind):
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        assert (await ask(socket, action, {"status": "Downloading", "requestId": 7}))[2] == {}
    (notice,) = town.flows.told("notice")
    assert (notice.kind, notice.status, notice.request_no) == (kind, "Downloading", 7)


async def asked(socket, work, answer):
    """What the station was asked, once it answered, and what the port made of it."""
    running = asyncio.create_task(work)
    call = json.loads(await asyncio.wait_for(socket.recv(), 30))
    fits(call[2], call[3])
    await socket.send(json.dumps([3, call[1], answer]))
    return call[2], call[3], await running


def variable(status):
    part = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    return {"setVariableResult": [{"attributeStatus": status, **part}]}


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("Accepted", "accepted"),
        ("RebootRequired", "accepted"),
        ("Rejected", "rejected"),
        ("UnknownVariable", "not_supported"),
    ],
)
async def test_a_new_key_is_the_basic_auth_password_tc_a_09_tc_a_10(town, status, word):
    port = GatewaySecurity(town.gateway)
    async with town.station(subprotocols=["ocpp2.0.1"]) as socket:
        action, payload, heard = await asked(socket, port.set_key(CP1, "ab" * 20), variable(status))
    (data,) = payload["setVariableData"]
    assert (action, data["attributeValue"], data["variable"]) == (
        "SetVariables",
        "ab" * 20,
        {"name": "BasicAuthPassword"},
    )
    assert heard.status == word


async def test_a_certificate_goes_with_its_type_and_renewal_is_triggered_tc_a_11_tc_a_12_tc_a_14(town):
    port = GatewaySecurity(town.gateway)
    async with town.station(subprotocols=["ocpp2.0.1"]) as socket:
        for kind, name in (("station", "ChargingStationCertificate"), ("v2g", "V2GCertificate")):
            answer = {"status": "Rejected" if kind == "v2g" else "Accepted"}
            action, payload, heard = await asked(socket, port.send_certificate(CP1, "PEM", kind), answer)
            assert (action, payload) == ("CertificateSigned", {"certificateChain": "PEM", "certificateType": name})
            assert heard.accepted == (kind == "station")
        action, payload, _ = await asked(socket, port.ask_for_request(CP1), {"status": "Accepted"})
    assert (action, payload) == ("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"})


async def test_a_profile_is_raised_by_a_new_way_to_us_its_priority_and_a_reset_tc_a_19(town):
    port = GatewaySecurity(town.gateway, lambda: URL)
    async with town.station(subprotocols=["ocpp2.0.1"]) as socket:
        running = asyncio.create_task(port.set_profile(CP1, 3))
        said = []
        for answer in ({"status": "Accepted"}, variable("Accepted"), {"status": "Scheduled"}):
            call = json.loads(await asyncio.wait_for(socket.recv(), 30))
            fits(call[2], call[3])
            said.append(call[2])
            if call[2] == "SetNetworkProfile":
                data = call[3]["connectionData"]
            await socket.send(json.dumps([3, call[1], answer]))
        assert (await running).accepted
    assert said == ["SetNetworkProfile", "SetVariables", "Reset"]
    assert (data["securityProfile"], data["ocppCsmsUrl"]) == (3, URL)


async def test_where_a_step_is_refused_or_there_is_no_tls_the_rest_is_not_said(town):
    async with town.station(subprotocols=["ocpp2.0.1"]) as socket:
        assert (await GatewaySecurity(town.gateway).set_profile(CP1, 2)).status == "not_supported"
        port = GatewaySecurity(town.gateway, lambda: URL)
        _, _, heard = await asked(socket, port.set_profile(CP1, 2), {"status": "Failed"})
        assert heard.status == "rejected"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.1)


async def test_a_2_0_1_station_comes_in_with_profile_3_tc_a_07(tmp_path):
    async with tls_town(tmp_path) as town:
        async with town.secure(town.paper(), key=None, subprotocol="ocpp2.0.1") as socket:
            assert socket.subprotocol == "ocpp2.0.1"
            assert (await ask(socket, "Heartbeat", {}))[0] in (3, 4)
        assert town.door.entries == [(CP1, Entry(3))]
