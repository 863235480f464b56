"""What OCPP 2.0.1 stations and we say about certificates, keys and security, judged by the official schemas."""

import asyncio
import json

import pytest
from gateway_town import ask, station_of
from ocpp.messages import get_validator

from server.main.security_port import GatewaySecurity

CP1 = station_of("CP1")
CSR = "-----BEGIN CERTIFICATE REQUEST-----"
PART = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
DONE = {"status": "Accepted"}


def fits(action: str, payload: object, kind: int = 2) -> None:
    get_validator(kind, action, "2.0.1").validate(payload)


async def test_a_request_for_a_certificate_is_accepted_or_rejected_tc_a_11_tc_a_12(town):
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        good = await ask(socket, "SignCertificate", {"csr": CSR})
        car = await ask(socket, "SignCertificate", {"csr": CSR, "certificateType": "V2GCertificate"}, "2")
        bad = await ask(socket, "SignCertificate", {"csr": "nonsense"}, "3")
    assert [one[2]["status"] for one in (good, car, bad)] == ["Accepted", "Accepted", "Rejected"]
    fits("SignCertificate", good[2], 3)
    assert town.flows.told("sign") == [(CSR, "station"), (CSR, "v2g"), ("nonsense", "station")]


async def test_security_events_are_heard_tc_a_20(town):
    said = {"type": "InvalidCsmsCertificate", "timestamp": "2026-11-21T04:05:06Z", "techInfo": "chain"}
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        assert (await ask(socket, "SecurityEventNotification", said))[2] == {}
    (notice,) = town.flows.told("notice")
    assert (notice.kind, notice.status, notice.detail) == ("security", "InvalidCsmsCertificate", "chain")


@pytest.mark.parametrize(
    ("action", "kind"), [("FirmwareStatusNotification", "firmware"), ("LogStatusNotification", "log")]
)
async def test_how_far_upkeep_is_is_kept_tc_l_01_tc_n_25(town, action, kind):
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        assert (await ask(socket, action, {"status": "Downloading", "requestId": 7}))[2] == {}
    (notice,) = town.flows.told("notice")
    assert (notice.kind, notice.status, notice.request_no) == (kind, "Downloading", 7)


@pytest.mark.parametrize(("status", "word"), [("Accepted", "accepted"), ("UnknownVariable", "not_supported")])
async def test_a_key_and_certificates_are_told_in_its_words_tc_a_09_tc_a_10(town, status, word):
    port = GatewaySecurity(town.gateway)
    asks = [
        (port.set_key(CP1, "ab" * 20), "SetVariables", {"setVariableResult": [PART | {"attributeStatus": status}]}),
        (port.send_certificate(CP1, "PEM", "v2g"), "CertificateSigned", DONE),
        (port.ask_for_request(CP1), "TriggerMessage", DONE),
    ]
    heard, told = [], []
    async with town.station("CP1", ["ocpp2.0.1"]) as socket:
        for work, action, answer in asks:
            asked = asyncio.create_task(work)
            call = json.loads(await asyncio.wait_for(socket.recv(), 5))
            assert call[2] == action
            fits(action, call[3])
            await socket.send(json.dumps([3, call[1], answer]))
            heard.append((await asked).status)
            told.append(call[3])
        assert (await port.set_profile(CP1, 2)).status == "not_supported"
    assert heard == [word, "accepted", "accepted"]
    assert told == [
        {"setVariableData": [PART | {"attributeValue": "ab" * 20}]},
        {"certificateChain": "PEM", "certificateType": "V2GCertificate"},
        {"requestedMessage": "SignChargingStationCertificate"},
    ]
