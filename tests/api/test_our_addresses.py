"""Where stations connect and upload to, on a server that listens on all addresses of its machine."""

import dataclasses
from types import SimpleNamespace

import pytest
from api_edge import SETTINGS, asking
from operators_desk import OPERATOR

from server import addresses
from server.main import tls_setup
from server.settings import BadSetting, Settings, TlsSettings, public_url

OURS = "ws://192.168.1.20:9000/ocpp"
UPLOADS = "http://192.168.1.20:8000/api/uploads"
GATEWAY = SimpleNamespace(port=9000, tls_port=9443)
ADDED = {"identity": "NEW-9", "location_name": "Yard"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("charge.example:8000", "ws://charge.example:9000/ocpp/NEW-9"),
        ("[2001:db8::1]:8000", "ws://[2001:db8::1]:9000/ocpp/NEW-9"),
        ("127.0.0.1:8000", f"{OURS}/NEW-9"),  # the charger is not on this machine
        ("0.0.0.0:8000", f"{OURS}/NEW-9"),
    ],
)
async def test_a_station_is_told_the_host_that_its_operator_asked(context, asked, told):
    settings = dataclasses.replace(SETTINGS, ocpp_url=OURS, upload_url=UPLOADS, any_host=True)
    async with asking(dataclasses.replace(context, settings=settings)) as api:
        answer = await api.post("/api/stations", json=ADDED, headers=OPERATOR | {"Host": asked})
    assert answer.json()["url"] == told


@pytest.mark.parametrize("header", [None, "", "a b", "[::1", "x_y", "app.localhost:8000", "127.8.8.8"])
def test_a_host_that_tells_others_nothing_is_none(header):
    assert addresses.asked_host(header) == ""


def test_uploads_go_where_the_station_connects_and_a_name_that_was_given_stays():
    settings = dataclasses.replace(SETTINGS, ocpp_url=OURS, upload_url=UPLOADS, any_host=True)
    assert settings.seen_at("charge.example").upload_url == "http://charge.example:8000/api/uploads"
    assert dataclasses.replace(settings, any_host=False).seen_at("charge.example").upload_url == UPLOADS
    secure = dataclasses.replace(settings, ocpp_url="wss://192.168.1.20:9443/ocpp")
    assert secure.seen_at("charge.example").ocpp_url == secure.ocpp_url, "which its certificate names"


@pytest.mark.parametrize(
    ("more", "host"),
    [
        ({"host": "192.168.1.7", "public_url": "https://us.example"}, "192.168.1.7"),
        ({"host": "0.0.0.0", "public_url": "https://us.example:8443"}, "us.example"),
        ({"host": "0.0.0.0", "tls": TlsSettings(hosts=("tls.example",))}, "tls.example"),
        ({"host": "0.0.0.0"}, "10.1.2.3"),
        ({"host": "::"}, "10.1.2.3"),
    ],
)
def test_nobody_is_told_to_connect_to_all_addresses(monkeypatch, tmp_path, more, host):
    monkeypatch.setattr("server.settings.own_address", lambda: "10.1.2.3")
    settings = Settings(tmp_path, **more)
    assert tls_setup.station_url(settings, GATEWAY) == f"ws://{host}:9000/ocpp"
    assert bool(settings.named_host) is (host != "10.1.2.3")


def test_a_public_url_that_is_none_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setenv("DALSTROOM_PUBLIC_URL", "http://us.example:8000/")
    assert public_url() == "http://us.example:8000"
    for wrong in ("us.example:8000", "http://", "http://[::1", "ftp://us.example"):
        monkeypatch.setenv("DALSTROOM_PUBLIC_URL", wrong)
        with pytest.raises(BadSetting, match="such as https"):
            public_url()


def test_over_tls_too(monkeypatch, tmp_path):
    monkeypatch.setattr("server.settings.own_address", lambda: "10.1.2.3")
    settings = Settings(tmp_path, host="0.0.0.0", tls=TlsSettings(port=9443))
    assert tls_setup.secure_url(settings, GATEWAY) == "wss://10.1.2.3:9443/ocpp"


def test_a_machine_without_a_network_is_called_by_its_name(monkeypatch):
    monkeypatch.setattr(addresses.socket.socket, "connect", _nowhere)
    monkeypatch.setattr(addresses.socket, "gethostname", lambda: "shed")
    assert addresses.own_address() == "shed"


def _nowhere(_socket, _address):
    raise OSError
