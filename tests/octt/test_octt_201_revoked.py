"""OCTT 2.0.1, CSMS: is a certificate revoked? The responder is asked that the station names (TC_M_24)."""

import base64
import hashlib
from datetime import timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID
from gateway_town import ask
from small_town import NOW
from v2_station import judge_result

from server.core.ocsp import ANSWER_MAX
from server.feeds.null import NoResponders
from server.feeds.ocsp import HttpResponders

VERSION, URL = "ocpp2.0.1", "HTTP://127.0.0.1:8081/ocsp?of=v2g"
KEY = ec.generate_private_key(ec.SECP256R1())
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "V2G root")])
DER, SHA256 = serialization.Encoding.DER, hashes.SHA256()


def issued(number: int) -> x509.Certificate:
    built = x509.CertificateBuilder().subject_name(NAME).issuer_name(NAME).public_key(KEY.public_key())
    built = built.serial_number(number).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90))
    return built.sign(KEY, SHA256)


ROOT, LEAF, OTHER = issued(1), issued(0xABC123), issued(0xABC124)


def asked(url: str = URL, **more) -> dict:
    """As a station tells it: hashes in hex."""
    point = KEY.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    of = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": hashlib.sha256(NAME.public_bytes()).hexdigest(),
        "issuerKeyHash": hashlib.sha256(point).hexdigest(),
        "serialNumber": "abc123",
        "responderURL": url,
    }
    return {"ocspRequestData": of | more}


def answer(certificate=LEAF, status=ocsp.OCSPCertStatus.GOOD) -> bytes:
    revoked = {"revocation_time": NOW, "revocation_reason": None}
    gone = revoked if status is ocsp.OCSPCertStatus.REVOKED else dict.fromkeys(revoked)
    said = {"cert": certificate, "issuer": ROOT, "algorithm": SHA256, "cert_status": status}
    built = ocsp.OCSPResponseBuilder().add_response(**said, **gone, this_update=NOW, next_update=None)
    return built.responder_id(ocsp.OCSPResponderEncoding.NAME, ROOT).sign(KEY, SHA256).public_bytes(DER)


class World:
    """The responder, as the server's client reaches it: what it was asked, and what it says."""

    def __init__(self) -> None:
        self.heard: list[httpx.Request] = []
        self.says: httpx.Response | Exception = httpx.Response(200, content=answer())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
async def world(edge):
    """A world with one responder, for a gateway whose other flows are in memory."""
    world = World()
    async with httpx.AsyncClient(transport=httpx.MockTransport(world)) as web:
        responders = HttpResponders(web, inside=True)
        edge.flows.certificate_status = lambda _station_id, of: responders.ask(of)
        yield world


async def told(edge, payload) -> dict:
    """What a station hears that asks; the official schema judges it."""
    async with edge.station("CP1", [VERSION]) as socket:
        kind, _, said = await ask(socket, "GetCertificateStatus", payload)
        assert kind == 3
        judge_result(VERSION, "GetCertificateStatus", said)
        return said


@pytest.mark.parametrize("status", [ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED])
async def test_tc_m_24_csms_the_responders_answer_comes_back_as_it_was(edge, world, status):
    der = answer(status=status)
    world.says = httpx.Response(200, content=der)
    assert await told(edge, asked()) == {"status": "Accepted", "ocspResult": base64.b64encode(der).decode()}
    (request,) = world.heard
    assert (request.method, str(request.url), request.headers["Host"]) == (
        "POST",
        "http://127.0.0.1:8081/ocsp?of=v2g",
        "127.0.0.1:8081",
    )
    of = ocsp.load_der_ocsp_request(request.content)
    wanted = asked()["ocspRequestData"]
    assert (of.serial_number, of.issuer_name_hash.hex(), of.issuer_key_hash.hex()) == (
        0xABC123,
        wanted["issuerNameHash"],
        wanted["issuerKeyHash"],
    )


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (httpx.Response(200, content=answer(OTHER)), "another certificate"),
        (httpx.Response(200, content=b"<html>"), "no OCSP answer"),
        (httpx.Response(200, content=b"x" * (ANSWER_MAX + 1)), "longer"),
        (httpx.Response(302, headers={"Location": "http://127.0.0.1/"}), "HTTP 302"),
        (
            httpx.Response(
                200,
                content=ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED).public_bytes(
                    DER
                ),
            ),
            "UNAUTHORIZED",
        ),
        (httpx.ConnectTimeout("slow"), "not reached"),
    ],
)
async def test_what_is_no_answer_to_it_is_failed_and_why(edge, world, says, why):
    world.says = says
    said = await told(edge, asked())
    assert (said["status"], "ocspResult" in said) == ("Failed", False)
    assert why in said["statusInfo"]["additionalInfo"]


@pytest.mark.parametrize(
    "of", [asked("ftp://127.0.0.1/"), asked("nonsense"), asked("http://[::1"), asked(serialNumber="xyz")]
)
async def test_a_question_that_is_none_goes_nowhere(edge, world, of):
    assert (await told(edge, of))["status"] == "Failed"
    assert world.heard == []


async def test_a_responder_inside_our_own_network_is_not_called(edge, world):
    async with httpx.AsyncClient(transport=httpx.MockTransport(world)) as web:
        edge.flows.certificate_status = lambda _station_id, of: HttpResponders(web).ask(of)
        said = await told(edge, asked())
    assert (said["status"], said["statusInfo"]["additionalInfo"]) == ("Failed", "the responder's address is not public")
    assert world.heard == []


async def test_a_server_without_a_world_says_so(case):
    async with case.station() as station:
        said = await station.tell("GetCertificateStatus", **asked())
    assert said["status"] == "Failed"
    assert said["statusInfo"] == {"reasonCode": "NoOcspAnswer", "additionalInfo": "this server asks no responders"}
    assert (await NoResponders().ask(None)).der is None
