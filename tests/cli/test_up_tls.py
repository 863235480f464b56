"""A charger is secured on a server as a user starts it: from a key in the clear to a certificate, and no way back."""

import asyncio
import base64
import json
import re
import ssl
import stat
from contextlib import asynccontextmanager

import pytest
from command import dalstroom, refused
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from up_process import Up, free_port
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

PASSWORD = "correct horse battery"
OWNER, OPERATOR = "you@example.org", "op@example.org"
BOOT = {"chargePointVendor": "Maker", "chargePointModel": "Box"}


class Charger:
    """A station of a few lines: it boots, and does what it is told to its keys and certificates."""

    def __init__(self, identity, port, ca, key=None, paper=None):
        self.identity, self.port, self.ca, self.key, self.paper = identity, port, ca, key, paper
        self.told = asyncio.Queue()

    @asynccontextmanager
    async def connected(self, scheme="wss"):
        said = {}
        if self.key is not None:
            said["Authorization"] = "Basic " + base64.b64encode(self.identity.encode() + b":" + self.key).decode()
        more = {}
        if scheme == "wss":
            more["ssl"] = ssl.create_default_context(cafile=str(self.ca))
            if self.paper:
                more["ssl"].load_cert_chain(*self.paper)
        url = f"{scheme}://127.0.0.1:{self.port}/ocpp/{self.identity}"
        async with connect(url, additional_headers=said, subprotocols=["ocpp1.6"], compression=None, **more) as socket:
            self.socket, self.answers = socket, asyncio.Queue()
            reading = asyncio.create_task(self.read())
            yield self
            reading.cancel()

    async def read(self):
        try:
            while True:
                kind, message_id, *rest = json.loads(await self.socket.recv())
                if kind == 2:
                    self.told.put_nowait(rest)
                    await self.socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
                else:
                    self.answers.put_nowait(rest[0])
        except ConnectionClosed:
            self.answers.put_nowait(None)

    async def ask(self, action, payload):
        await self.socket.send(json.dumps([2, "1", action, payload]))
        return await asyncio.wait_for(self.answers.get(), 20)

    async def hears(self, action):
        async with asyncio.timeout(20):
            while True:
                said, payload = await self.told.get()
                key = payload.get("key", "")
                if action in (said, key):
                    return payload

    async def refused_with(self, scheme="wss"):
        with pytest.raises(InvalidStatus) as caught:
            async with self.connected(scheme):
                pass
        return caught.value.response.status_code


def signed_in(up, email):
    pair = up.ask("POST", "/api/auth/sign-in", json={"email": email, "password": PASSWORD})
    return {"Authorization": f"Bearer {pair['access_token']}"}


def accepted(up, path, headers, **body):
    answer = up.http.post(path, headers=headers, **({"json": body} if body else {}))
    assert answer.status_code == 202, answer.text


async def eventually(what):
    async with asyncio.timeout(20):
        while not (found := what()):  # noqa: ASYNC110 -- a test looks in from outside
            await asyncio.sleep(0.1)
    return found


def without_authority(home):
    asked = ("up", "--no-browser")
    assert "dalstroom ca init" in refused(home, *asked, "--ocpps-port", "0")
    assert "no port is left" in refused(home, *asked, "--no-plain")
    assert "belong together" in refused(home, *asked, "--ocpps-port", "0", "--tls-cert", "x.pem")


async def from_password_to_certificate(up, home, tls_port):
    """Profile 1, then 2, a new key, a certificate, then 3: each step by the API; and nothing lower any more."""
    added = dalstroom(home, "station", "add", "SQ-1", "--location", "Square", "--ocpps-port", str(tls_port))
    assert f"wss://127.0.0.1:{tls_port}/ocpp/SQ-1" in added
    key = re.search(r"\b[0-9a-f]{40}\b", added)[0].encode()
    operator, ca = signed_in(up, OPERATOR), home / "ca" / "ca.pem"
    station_id = up.ask("GET", "/api/stations", headers=operator)[0]["id"]
    plain = Charger("SQ-1", up.ocpp_port, ca, key)
    async with plain.connected("ws"):
        await plain.ask("BootNotification", BOOT)
        accepted(up, f"/api/stations/{station_id}/security-profile", operator, profile=2)
        assert await plain.hears("SecurityProfile") == {"key": "SecurityProfile", "value": "2"}
    charger = Charger("SQ-1", tls_port, ca, key)
    async with charger.connected():
        await charger.ask("BootNotification", BOOT)
        accepted(up, f"/api/stations/{station_id}/key", operator)
        fresh = (await charger.hears("AuthorizationKey"))["value"]
    async with charger.connected():  # the old key works until the new one was used
        pass
    charger.key = bytes.fromhex(fresh)
    async with charger.connected():
        await charger.ask("BootNotification", BOOT)
    assert await Charger("SQ-1", tls_port, ca, key).refused_with() == 401
    assert await Charger("SQ-1", up.ocpp_port, ca, charger.key).refused_with("ws") == 403
    answer = up.http.post(f"/api/stations/{station_id}/security-profile", headers=operator, json={"profile": 3})
    assert answer.json()["code"] == "no_certificate"
    await to_profile_3(up, home, charger, operator, station_id)
    kinds = {one["kind"] for one in up.ask("GET", "/api/stations/notices", headers=operator)}
    assert kinds == {"downgrade"}


async def to_profile_3(up, home, charger, operator, station_id):
    secret = rsa.generate_private_key(65_537, 2_048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SQ-1")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(secret, hashes.SHA256())
    async with charger.connected():
        await charger.ask("BootNotification", BOOT)
        pem = request.public_bytes(serialization.Encoding.PEM).decode()
        assert (await charger.ask("SignCertificate", {"csr": pem})) == {"status": "Accepted"}
        chain = (await charger.hears("CertificateSigned"))["certificateChain"]
    paper = home / "sq.pem", home / "sq.key"
    paper[0].write_text(chain)
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paper[1].write_bytes(secret.private_bytes(serialization.Encoding.PEM, *plain))
    certificates = await eventually(
        lambda: [
            one for one in up.ask("GET", "/api/stations/certificates", headers=operator) if one["state"] == "installed"
        ]
    )
    accepted(up, f"/api/stations/{station_id}/security-profile", operator, profile=3)
    charger.paper, key, charger.key = paper, charger.key, None
    async with charger.connected():
        assert (await charger.ask("BootNotification", BOOT))["status"] == "Accepted"
    assert await Charger("SQ-1", charger.port, charger.ca, key).refused_with() == 403
    assert (
        up.http.post(f"/api/stations/certificates/{certificates[0]['id']}/revoke", headers=operator).status_code == 204
    )
    assert await charger.refused_with() == 401
    shown = dalstroom(home, "ca", "list")
    assert certificates[0]["serial"] in shown
    assert "revoked" in shown


async def from_stranger_to_home(up, home, tls_port):
    """A charger that nobody added waits; a driver takes it home by the code that the operator reads out."""
    operator, driver = signed_in(up, OPERATOR), signed_in(up, OWNER)
    charger = Charger("WALL-7", tls_port, home / "ca" / "ca.pem", b"its own long secret")
    async with charger.connected():
        assert (await charger.ask("BootNotification", BOOT))["status"] == "Pending"
        (one,) = up.ask("GET", "/api/stations/pending", headers=operator)
        assert (one["identity"], one["vendor"], one["security_profile"]) == ("WALL-7", "Maker", 2)
        said = {"identity": "WALL-7", "code": "WRONGWRONG"}
        assert up.http.post("/api/pairing", headers=driver, json=said).status_code == 404
        taken = up.ask("POST", "/api/pairing", headers=driver, json={**said, "code": one["pairing_code"]})
        assert taken == {"identity": "WALL-7", "location_name": "Home"}
        await charger.ask("BootNotification", BOOT)
        assert await asyncio.wait_for(charger.answers.get(), 10) is None  # let go, to come back
    async with charger.connected():
        assert (await charger.ask("BootNotification", BOOT))["status"] == "Accepted"
    places = up.ask("GET", "/api/locations?public=false", headers=driver)
    assert [place["name"] for place in places] == ["Home"]


async def by_hand(up, home, tls_port):
    """`ca issue` for a charger that cannot make a request, and `ca revoke`."""
    dalstroom(home, "station", "add", "SQ-2", "--location", "Square")
    said = dalstroom(home, "ca", "issue", "SQ-2", "--out", str(home))
    assert stat.S_IMODE((home / "SQ-2.key").stat().st_mode) == 0o600
    paper = home / "SQ-2.pem", home / "SQ-2.key"
    charger = Charger("SQ-2", tls_port, home / "ca" / "ca.pem", None, paper)
    async with charger.connected():
        assert (await charger.ask("BootNotification", BOOT))["status"] == "Accepted"
    dalstroom(home, "ca", "revoke", re.search(r"Serial (\w+)", said)[1])
    assert await charger.refused_with() == 401
    assert "SQ-2" in dalstroom(home, "ca", "list")


async def test_a_charger_goes_from_a_key_in_the_clear_to_a_certificate_and_never_back(tmp_path):
    home = tmp_path / "home"
    tls_port = free_port()
    await asyncio.to_thread(without_authority, home)
    dalstroom(home, "ca", "init")
    dalstroom(home, "account", "add", OWNER, "--name", "You")
    dalstroom(home, "account", "add", OPERATOR, "--name", "Op", "--role", "operator", "--party", "Dalstroom")
    with Up(home, "--ocpps-port", str(tls_port), "--hold-unknown", "Dalstroom") as up:
        await from_password_to_certificate(up, home, tls_port)
        await from_stranger_to_home(up, home, tls_port)
        await by_hand(up, home, tls_port)
