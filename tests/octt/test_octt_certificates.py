"""A station's certificate from its request to its answer: 1.6 (TC_074), 2.0.1 (TC_A_11 to TC_A_14)."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gateway_town import basic
from operators_line import judge
from small_town import HOME_STATION, NOW, PROVIDER, STATION_KEY
from websockets.asyncio.client import connect

from server.feeds.charger_ca import create
from server.flows import certificates, entering, station_events
from server.main.security_port import GatewaySecurity
from server.storage import outbox
from server.workers import security

CARRY = pytest.mark.parametrize(
    ("version", "kind"),
    [
        pytest.param("1.6", None, id="TC_074_CSMS"),
        pytest.param("2.0.1", "ChargingStationCertificate", id="TC_A_11_CSMS"),
        pytest.param("2.0.1", None, id="TC_A_13_CSMS one for both uses"),
    ],
)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return create(tmp_path_factory.mktemp("ca") / "ca", "Lootspaal", NOW)


def a_request() -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "HOME-1")])
    built = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = built.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


class Line:
    """The station's end, judged by the official schemas, and the worker at the other."""

    def __init__(self, case, socket, version, ca) -> None:
        self.case, self.socket, self.version = case, socket, version
        port = GatewaySecurity(case.gateway)
        self.context = SimpleNamespace(db=case.db, clock=case.clock, signer=ca, security=port)

    async def says(self, action, payload) -> dict:
        judge(self.version, 2, action, payload)
        await self.socket.send(json.dumps([2, action, action, payload]))
        kind, _, answer = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
        judge(self.version, 3, action, answer)
        assert kind == 3
        return answer

    async def is_asked(self, work, action, status) -> tuple[dict, object]:
        """We ask while `work` goes on; what it is asked, and what came of the work."""
        working = asyncio.create_task(work)
        _, message_id, asked, payload = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
        assert asked == action
        judge(self.version, 2, action, payload)
        await self.socket.send(json.dumps([3, message_id, {"status": status}]))
        return payload, await working

    async def due(self, kind) -> object:
        """The task of that kind, which waits no longer."""
        async with self.case.db.begin() as tx:
            (task,) = [one for one in await outbox.due(tx, NOW) if one.kind == kind]
            await outbox.done(tx, [task.id], NOW)
        return task

    async def requests(self, kind) -> None:
        """Asked for a request, it makes one, and that is signed."""
        await self.says("SignCertificate", {"csr": a_request()} | ({"certificateType": kind} if kind else {}))
        assert await security.sign(self.context, await self.due(certificates.SIGN)) == "signed"

    async def known(self):
        async with self.case.db.read() as tx:
            (one,) = await certificates.of_party(tx, PROVIDER)
            return one


@pytest.fixture
async def at(case, ca):
    """A line in a version."""
    url = f"ws://127.0.0.1:{case.gateway.port}/ocpp/HOME-1"
    sockets = []

    async def opened(version):
        headers = basic("HOME-1", STATION_KEY.encode())
        sockets.append(await connect(url, additional_headers=headers, subprotocols=[f"ocpp{version}"]))
        return Line(case, sockets[-1], version, ca)

    yield opened
    for one in sockets:
        await one.close()


@CARRY
async def test_a_station_is_asked_for_a_request_and_gets_its_certificate(at, version, kind):
    line = await at(version)
    trigger = "ExtendedTriggerMessage" if version == "1.6" else "TriggerMessage"
    asked, _ = await line.is_asked(line.context.security.ask_for_request(HOME_STATION), trigger, "Accepted")
    assert asked["requestedMessage"] in {"SignChargePointCertificate", "SignChargingStationCertificate"}
    await line.requests(kind)
    delivering = security.deliver(line.context, await line.due(certificates.DELIVER))
    told, outcome = await line.is_asked(delivering, "CertificateSigned", "Accepted")
    leaf = x509.load_pem_x509_certificate(told["certificateChain"].encode())
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "HOME-1"
    assert (told.get("certificateType"), outcome) == (kind, "installed")
    one = await line.known()
    assert (one.identity, one.state, one.not_after) == ("HOME-1", "installed", leaf.not_valid_after_utc)


async def test_tc_a_12_csms_a_v2g_certificate_is_another_authoritys_and_goes_out_as_that(at, ca):
    line = await at("2.0.1")
    pem = a_request()
    await line.says("SignCertificate", {"csr": pem, "certificateType": "V2GCertificate"})
    assert await security.sign(line.context, await line.due(certificates.SIGN)) == "held"
    async with line.case.db.begin() as tx:
        (one,) = await certificates.of_party(tx, PROVIDER)
        asked = await certificates.question(tx, one.id)
        signed = await ca.sign(pem, asked.subject, NOW)
        assert await certificates.paste(tx, PROVIDER, one.id, signed.chain_pem, NOW) is None
    delivering = security.deliver(line.context, await line.due(certificates.DELIVER))
    told, outcome = await line.is_asked(delivering, "CertificateSigned", "Accepted")
    assert (told["certificateType"], outcome) == ("V2GCertificate", "installed")


async def test_tc_a_14_csms_one_that_the_station_finds_invalid_is_not_sent_again_and_somebody_is_told(at):
    line = await at("2.0.1")
    await line.requests("ChargingStationCertificate")
    delivering = security.deliver(line.context, await line.due(certificates.DELIVER))
    _, outcome = await line.is_asked(delivering, "CertificateSigned", "Rejected")
    alarm = {"type": "InvalidChargingStationCertificate", "timestamp": "2025-01-15T18:00:00Z"}
    assert await line.says("SecurityEventNotification", alarm) == {}
    assert (outcome, (await line.known()).state) == ("failed:rejected", "failed")
    async with line.case.db.read() as tx:
        assert "certificate_not_installed" in {one.kind for one in await entering.noticed(tx, PROVIDER)}
        told = await station_events.page(tx, HOME_STATION, None, 5)
        assert told.items[0].status == alarm["type"]
        assert not [one for one in await outbox.due(tx, NOW) if one.kind == certificates.DELIVER]
