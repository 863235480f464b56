"""OCTT 2.0.1, CSMS: what needs contract certificates is refused in the standard's own words, and the line stays."""

import pytest
from gateway_town import ask
from v2_station import judge_result

VERSION = "ocpp2.0.1"
HASH = {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
ASKED = HASH | {"responderURL": "https://ocsp.example"}
EMAID = {"idToken": "NL-DAL-C12345678-9", "type": "eMAID"}
CERTIFICATES = {
    "TC_C_50_CSMS TC_C_51_CSMS by its hashes": {"iso15118CertificateHashData": [ASKED]},
    "TC_C_52_CSMS by itself": {"certificate": "-----BEGIN CERTIFICATE-----"},
}
UPKEEP = {
    "TC_M_26_CSMS": (
        "Get15118EVCertificate",
        {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "AAAA"},
    ),
    "TC_M_28_CSMS": (
        "Get15118EVCertificate",
        {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Update", "exiRequest": "AAAA"},
    ),
}


@pytest.mark.parametrize("certificate", CERTIFICATES.values(), ids=CERTIFICATES.keys())
async def test_a_contract_certificate_cannot_be_judged(edge, certificate):
    async with edge.station("CP1", [VERSION]) as socket:
        kind, _, answer = await ask(socket, "Authorize", {"idToken": EMAID} | certificate)
        assert kind == 3
        judge_result(VERSION, "Authorize", answer)
        assert answer["certificateStatus"] == "NoCertificateAvailable"
    assert edge.flows.told("authorize") == [EMAID["idToken"]]  # the token itself is judged as any other


@pytest.mark.parametrize(("action", "payload"), UPKEEP.values(), ids=UPKEEP.keys())
async def test_no_certificate_comes_from_here(edge, action, payload):
    async with edge.station("CP1", [VERSION]) as socket:
        kind, _, answer = await ask(socket, action, payload)
        assert (kind, answer["status"]) == (3, "Failed")
        judge_result(VERSION, action, answer)
        assert (await ask(socket, "Heartbeat", {}, "next"))[0] == 3
