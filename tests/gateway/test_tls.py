"""Security profiles 2 and 3 on real TLS sockets: who gets in, who is refused, and where."""

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_town import KEY, ask, station_of
from test_signin import refused
from tls_town import LONG_AGO, OWNER, WALL, tls_town
from websockets.exceptions import ConnectionClosed, InvalidStatus

from server.core.certificate import Subject
from server.feeds.charger_ca import create
from server.gateway.door import Entry

CP1 = station_of("CP1")


@pytest.fixture
async def town(tmp_path):
    async with tls_town(tmp_path) as made:
        yield made


async def status_of(socket) -> int:
    with pytest.raises(InvalidStatus) as caught:
        async with socket:
            pass
    return caught.value.response.status_code


async def never_in(socket):
    """In TLS 1.3 a client hears after its handshake that its certificate was refused: what breaks then differs."""
    with pytest.raises(Exception) as caught:
        async with socket:
            pass
    assert not isinstance(caught.value, InvalidStatus), "refused before the upgrade, not in the handshake"


async def test_profile_2_a_key_over_tls_with_our_certificate_tc_086_tc_a_04(town):
    async with town.secure() as socket:
        assert (await ask(socket, "Heartbeat", {}))[0] == 3
    assert town.door.entries == [(CP1, Entry(2))]


async def test_profile_2_with_a_wrong_key_is_401_tc_085_tc_a_03(town):
    assert await status_of(town.secure(key=b"wrong")) == 401
    assert await status_of(town.secure(key=None)) == 401
    assert town.flows.heard == []


async def test_profile_2_needs_the_identity_as_user_tc_a_02(town):
    town.flows.keys["CP2"] = KEY
    response = await refused(f"ws://127.0.0.1:{town.gateway.port}/ocpp/CP1", {})
    assert response.status_code == 401


async def test_profile_3_the_certificate_names_the_station_tc_087_tc_a_07(town):
    async with town.secure(town.paper(), key=None) as socket:
        assert (await ask(socket, "Heartbeat", {}))[0] == 3
    assert town.door.entries == [(CP1, Entry(3))]


async def test_profile_3_another_stations_certificate_is_refused_even_with_the_right_key_tc_a_08(town):
    for subject in (Subject("CP2", OWNER), Subject("cp1", OWNER), Subject("CP1", "Somebody else")):
        assert await status_of(town.secure(town.paper(subject), key=None)) == 401, subject
        assert await status_of(town.secure(town.paper(subject), key=KEY)) == 401, subject
    assert town.flows.heard == []


async def test_profile_3_a_certificate_that_ended_is_refused_in_the_handshake_tc_a_08(town):
    await never_in(town.secure(town.paper(now=LONG_AGO), key=None))
    assert town.flows.heard == []


async def test_profile_3_another_authoritys_certificate_is_refused_in_the_handshake_tc_a_08(town, tmp_path):
    other = create(tmp_path / "other", OWNER, WALL)
    await never_in(town.secure(town.paper(ca=other), key=KEY))
    assert town.flows.heard == []


async def test_profile_3_a_self_signed_certificate_is_refused_in_the_handshake_tc_a_08(town, tmp_path):
    key, cert = tmp_path / "self.key", tmp_path / "self.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "9"]
    command += ["-subj", f"/CN=CP1/O={OWNER}"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    await never_in(town.secure((cert, key), key=KEY))
    assert town.flows.heard == []


async def test_profile_3_the_gateways_own_certificate_is_no_stations(town):
    paper = (town.ca.folder / "server.pem", town.ca.folder / "server.key")
    await never_in(town.secure(paper, key=KEY))


async def test_profile_3_a_revoked_certificate_is_refused_before_the_upgrade_tc_a_08(town):
    key, signed = town.ca.make_station(Subject("CP1", OWNER), WALL)
    paths = town.folder / "r.pem", town.folder / "r.key"
    paths[0].write_text(signed.chain_pem)
    paths[1].write_bytes(key)
    town.door.gone.add(signed.fingerprint)
    assert await status_of(town.secure(paths, key=None)) == 401
    town.door.gone.clear()
    async with town.secure(paths, key=None) as open_line:
        town.door.gone.add(signed.fingerprint)
        assert town.gateway.drop(CP1)
        with pytest.raises(ConnectionClosed):
            await open_line.recv()
    assert await status_of(town.secure(paths, key=None)) == 401
    assert not town.gateway.drop(CP1)


async def test_a_station_never_goes_back_to_a_lower_profile_tc_a_19(town):
    town.flows.profiles["CP1"] = 3
    assert await status_of(town.secure()) == 403
    assert (await refused(town.url("CP1"), {})).status_code == 401
    assert town.door.turned == [(CP1, "downgrade", 2)]
    assert town.gateway.counts["downgrades_refused"] == 1
    async with town.secure(town.paper(), key=None):
        pass
    town.flows.profiles["CP1"] = 2
    with pytest.raises(InvalidStatus) as caught:
        async with town.station():
            pass
    assert caught.value.response.status_code == 403
    assert town.door.turned[-1] == (CP1, "downgrade", 1)
    async with town.secure():
        pass


async def test_who_only_guesses_is_not_told_that_a_profile_was_too_low(town):
    town.flows.profiles["CP1"] = 3
    assert await status_of(town.secure(key=b"wrong")) == 401
    assert town.door.turned == []


async def test_a_port_of_its_own_requires_certificates_and_then_the_other_does_not_ask(tmp_path):
    async with tls_town(tmp_path, mtls_port=0) as town:
        await never_in(town.secure(port=town.gateway.mtls_port))
        async with town.secure(town.paper(), key=None, port=town.gateway.mtls_port):
            pass
        async with town.secure(
            town.paper(Subject("CP2", "maker")), key=KEY
        ):  # a maker's own certificate disturbs nobody
            pass
    assert [entry.profile for _, entry in town.door.entries] == [3, 2]


async def test_the_plain_port_can_be_off(tmp_path):
    async with tls_town(tmp_path, port=None) as town:
        with pytest.raises(AssertionError):
            assert town.gateway.port
        async with town.secure():
            pass


def s_client(port: int, *more: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *more]
    return subprocess.run(command, input=said, capture_output=True, text=True, timeout=20, check=False)


def refused_by(done: subprocess.CompletedProcess[str]) -> bool:
    """OpenSSL spoke first and got no handshake out of us. (Asyncio sends no alert; that it can, other tests show.)"""
    sent = "Verification: OK" in done.stdout and "SSL handshake has read" in done.stdout
    nothing = "Cipher is (NONE)" in done.stdout and "no peer certificate available" in done.stdout
    return sent and nothing and done.returncode != 0


async def openssl(port: int, *more: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(s_client, port, *more, said=said)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_openssl_shakes_hands_in_tls_1_2_and_1_3_tc_086(town, version):
    trusted = ("-CAfile", str(town.ca.root_path), "-verify_return_error", "-verify_ip", "127.0.0.1")
    done = await openssl(town.gateway.tls_port, version, *trusted)
    assert "Verify return code: 0 (ok)" in done.stdout, done.stderr
    paper = town.paper()
    done = await openssl(town.gateway.tls_port, version, *trusted, "-cert", str(paper[0]), "-key", str(paper[1]))
    assert "Verify return code: 0 (ok)" in done.stdout, done.stderr


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
async def test_openssl_is_refused_below_tls_1_2_tc_a_06(town, version):
    done = await openssl(town.gateway.tls_port, version, "-cipher", "DEFAULT@SECLEVEL=0")
    assert refused_by(done), done.stdout


@pytest.mark.parametrize("cipher", ["AES128-SHA", "AES256-SHA256", "ECDHE-RSA-AES128-SHA", "AES128-GCM-SHA256"])
async def test_openssl_is_refused_with_ciphers_that_are_not_sane(town, cipher):
    done = await openssl(town.gateway.tls_port, "-tls1_2", "-cipher", f"{cipher}@SECLEVEL=0")
    assert refused_by(done), done.stdout


async def test_the_whitepapers_ciphers_without_key_exchange_are_there_for_who_asks(tmp_path):
    async with tls_town(tmp_path, static_rsa=True) as town:
        done = await openssl(town.gateway.tls_port, "-tls1_2", "-cipher", "AES128-GCM-SHA256")
        assert "Cipher is AES128-GCM-SHA256" in done.stdout, done.stderr


async def test_the_authoritys_keys_are_its_owners_to_read_and_it_is_made_once(town):
    for name in ("ca.key", "server.key"):
        assert stat.S_IMODE((town.ca.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(town.ca.folder.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        create(town.ca.folder, OWNER, WALL)
    before = (town.ca.folder / "server.pem").read_bytes()
    town.ca.server_files(["127.0.0.1", "localhost"], WALL)
    assert (town.ca.folder / "server.pem").read_bytes() == before
    town.ca.server_files(["csms.example", "127.0.0.1"], WALL)
    assert (town.ca.folder / "server.pem").read_bytes() != before


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_tls_connection_takes_less_than_120_kib(loop):
    script = Path(__file__).with_name("tls_memory.py")
    done = subprocess.run([sys.executable, script, loop], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert 5 < float(done.stdout.splitlines()[-1]) < 120
