"""What OCPP 1.6 stations and we say about certificates, keys and security, judged by the official schemas."""

import asyncio
import json

import msgspec
import pytest
from gateway_town import ask, station_of, until
from ocpp.messages import get_validator

from server.gateway.v16 import commands as c
from server.gateway.v16 import security as s
from server.main.security_port import GatewaySecurity

CP1 = station_of("CP1")
HASHES = s.HashData("SHA256", "ab", "cd", "0f")


def fits(action: str, payload: object, kind: int = 2) -> None:
    get_validator(kind, action, "1.6").validate(payload)


async def test_a_request_for_a_certificate_is_accepted_or_rejected_tc_074(town):
    async with town.station() as socket:
        good = await ask(socket, "SignCertificate", {"csr": "-----BEGIN CERTIFICATE REQUEST-----"})
        bad = await ask(socket, "SignCertificate", {"csr": "nonsense"})
    assert (good[2], bad[2]) == ({"status": "Accepted"}, {"status": "Rejected"})
    fits("SignCertificate", good[2], 3)
    assert town.flows.told("sign") == [("-----BEGIN CERTIFICATE REQUEST-----", "station"), ("nonsense", "station")]


@pytest.mark.parametrize(
    ("kind", "case"),
    [("InvalidChargePointCertificate", "TC_077"), ("InvalidCentralSystemCertificate", "TC_078"), ("MakersOwn", "")],
)
async def test_security_events_are_always_heard(town, kind, case):
    said = {"type": kind, "timestamp": "2026-11-21T04:05:06Z", "techInfo": "chain"}
    async with town.station() as socket:
        assert (await ask(socket, "SecurityEventNotification", said))[2] == {}
    (notice,) = town.flows.told("notice")
    assert (notice.kind, notice.status, notice.detail) == ("security", kind, "chain"), case


@pytest.mark.parametrize(
    ("command", "answer", "read"),
    [
        (s.InstallCertificate("ManufacturerRootCertificate", "PEM"), {"status": "Accepted"}, "Accepted"),  # TC_075_1
        (s.InstallCertificate("CentralSystemRootCertificate", "PEM"), {"status": "Failed"}, "Failed"),  # TC_075_2
        (s.DeleteCertificate(HASHES), {"status": "NotFound"}, "NotFound"),  # TC_076
        (s.CertificateSigned("PEM"), {"status": "Rejected"}, "Rejected"),  # TC_074
        (s.ExtendedTriggerMessage("SignChargePointCertificate"), {"status": "NotImplemented"}, "NotImplemented"),
    ],
)
async def test_what_we_ask_fits_the_schema_and_its_answer_is_read_tc_074_tc_075_tc_076(town, command, answer, read):
    fits(c.action(command), json.loads(msgspec.json.encode(command)))
    async with town.station() as socket:
        asked, call = await _asked(town, socket, command)
        await socket.send(json.dumps([3, call[1], answer]))
        assert (await asked).answer.status == read
    assert call[2] == c.action(command)


async def test_the_roots_of_a_station_are_read_tc_076(town):
    found = {"hashAlgorithm": "SHA256", "issuerNameHash": "ab", "issuerKeyHash": "cd", "serialNumber": "0f"}
    async with town.station() as socket:
        asked, call = await _asked(town, socket, s.GetInstalledCertificateIds("CentralSystemRootCertificate"))
        await socket.send(json.dumps([3, call[1], {"status": "Accepted", "certificateHashData": [found]}]))
        assert (await asked).answer.certificate_hash_data == (HASHES,)
    fits("DeleteCertificate", {"certificateHashData": found})


async def _asked(town, socket, command):
    asked = asyncio.create_task(town.gateway.call(CP1, command, 5))
    return asked, json.loads(await asyncio.wait_for(socket.recv(), 30))


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("Accepted", "accepted"),
        ("RebootRequired", "accepted"),
        ("Rejected", "rejected"),
        ("NotSupported", "not_supported"),
    ],
)
async def test_a_key_and_a_profile_are_configuration_keys_tc_073_tc_083(town, answer, word):
    port = GatewaySecurity(town.gateway)
    async with town.station() as socket:
        for work, key, value in (
            (port.set_key(CP1, "ab" * 20), "AuthorizationKey", "ab" * 20),
            (port.set_profile(CP1, 2), "SecurityProfile", "2"),
        ):
            asked = asyncio.create_task(work)
            call = json.loads(await asyncio.wait_for(socket.recv(), 30))
            assert call[2:] == ["ChangeConfiguration", {"key": key, "value": value}]
            fits("ChangeConfiguration", call[3])
            await socket.send(json.dumps([3, call[1], {"status": answer}]))
            assert (await asked).status == word
    await until(lambda: not town.gateway.online(CP1))
    assert (await port.send_certificate(CP1, "PEM", "station")).status == "offline"
    assert (await port.ask_for_request(CP1)).status == "offline"
