"""What `dalstroom up` says first: addresses that somebody can open, here and from elsewhere."""

import io

import pytest
from rich.console import Console

from server import addresses
from server.cli import up
from server.clock import RealClock
from server.main.server import Parts, Server
from server.settings import Settings
from server.workers.solve import Inline


@pytest.fixture
def greeted(tmp_path, monkeypatch):
    monkeypatch.setattr("server.settings.own_address", lambda: "192.168.1.20")
    monkeypatch.setattr(Server, "ws_url", "ws://192.168.1.20:9000/ocpp")
    monkeypatch.setattr(Server, "wss_url", "")

    def lines(host: str, public_url: str = "") -> list[str]:
        server = Server(Settings(tmp_path, host=host, public_url=public_url), Parts(clock=RealClock(), solver=Inline()))
        said = io.StringIO()
        wanted = up.Wanted(
            demo=False, speed=1, seed=None, port=8000, ocpp_port=9000, host=host, database="", browser=False
        )
        up._greet(Console(file=said), server, wanted, None)
        return said.getvalue().splitlines()

    return lines


@pytest.mark.parametrize(
    ("host", "here", "elsewhere"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", []),
        ("::1", "http://[::1]:8000", []),
        ("192.168.1.20", "http://192.168.1.20:8000", []),
        ("0.0.0.0", "http://127.0.0.1:8000", ["From elsewhere: http://192.168.1.20:8000"]),
        ("::", "http://[::1]:8000", ["From elsewhere: http://192.168.1.20:8000"]),
    ],
)
def test_nobody_is_sent_to_all_addresses(greeted, host, here, elsewhere):
    first, *more = greeted(host)
    assert first == f"Dalstroom is up: {here}   stations: ws://192.168.1.20:9000/ocpp/{{identity}}"
    assert more == elsewhere


def test_others_are_sent_where_the_owner_said(greeted):
    assert greeted("0.0.0.0", "https://us.example")[1:] == ["From elsewhere: https://us.example"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_known_by_any_of_its_addresses(host):
    assert addresses.is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "127.1", "::ffff:10.0.0.1"])
def test_nothing_else_is_loopback(host):
    assert not addresses.is_loopback(host)
