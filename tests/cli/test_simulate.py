"""`dalstroom simulate` against a real server: what it enters itself connects, charges, and is settled to the Wh."""

import json
import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from server.cli import app
from server.cli.simulate import SimulationWanted, exit_code, run
from server.clock import RealClock
from server.feeds.charger_ca import FOLDER, create
from server.main.server import Parts, Server
from server.settings import BadSetting, Settings, TlsSettings
from server.simulator.fleet import quirks
from server.simulator.fleet.figures import Figures
from server.simulator.fleet.plan import FleetPlan
from server.storage import certificates, sessions
from server.workers.solve import Inline


@asynccontextmanager
async def served(home: Path, monkeypatch, **more):
    monkeypatch.setenv("DALSTROOM_HOME", str(home))
    server = Server(Settings(home=home, port=0, ocpp_port=0, **more), Parts(clock=RealClock(), solver=Inline()))
    async with server.running(pages=False):
        yield server


def wanted(url: str, *, enter: bool = True, as_json: bool = True, **more) -> SimulationWanted:
    usual = {"stations": 3, "seconds": 1.0, "reading_s": 0.3, "charging": 1.0}
    return SimulationWanted(FleetPlan(url=url, **{**usual, **more}), enter=enter, as_json=as_json)


def reported(capsys) -> dict:
    """The JSON object that was printed, between lines of the server's log, which runs in this process too."""
    return reported_in(capsys.readouterr().out)


def reported_in(said: str) -> dict:
    (line,) = [line for line in said.splitlines() if line.startswith("{")]
    return json.loads(line)


async def compared(server, told) -> None:
    """Every session of the fleet is settled once, with the energy of the station's own meter."""
    await server.settle()
    async with server.db.read() as tx:
        kept = await sessions.in_order(tx)
    assert {one.state.value for one in kept} == {"settled"}
    assert len(kept) == len(told)
    ours = {one.transaction_ref or str(one.transaction_id): one.energy_wh for one in kept}
    assert ours == {one["reference"]: one["stop_wh"] - one["start_wh"] for one in told}


async def test_entered_stations_of_both_versions_connect_charge_and_leave(tmp_path, monkeypatch, capsys) -> None:
    async with served(tmp_path, monkeypatch) as server:
        await run(wanted(server.ws_url, version="mixed", seconds=3.0), "")
        said = reported(capsys)
        figures = said["figures"]
        assert [figures[name] for name in ("most_connected", "refused", "started", "ended")] == [3, 0, 3, 3]
        assert [figures[name] for name in ("denied", "errors", "unanswered", "untold")] == [0, 0, 0, 0]
        assert 0 < figures["latency"]["p50_ms"] <= figures["latency"]["p99_ms"]
        assert said["plan"]["key"] == ""
        await compared(server, said["sessions"])
        with pytest.raises(typer.Exit) as left:
            await run(wanted(server.ws_url, key="wrong", enter=False, as_json=False, seconds=0.2), "")
        assert left.value.exit_code == 1
        printed = capsys.readouterr()
        assert re.search(r"Refused +│ 3\b", printed.out)
        assert "use --enter" in printed.err


async def test_chaos_and_every_quirk_settle_each_session_once_and_to_the_watt_hour(
    tmp_path, monkeypatch, capsys
) -> None:
    async with served(tmp_path, monkeypatch) as server:
        storm = {"stations": 20, "seconds": 4.0, "version": "mixed", "chaos": "storm", "stay_s": 2.5}
        await run(wanted(server.ws_url, **storm), "")
        said = reported(capsys)
        assert len(said["sessions"]) >= 10
        assert said["figures"]["dropped"] >= 3
        assert min(said["figures"]["chaos"][what] for what in ("said twice", "held back")) >= 3
        await compared(server, said["sessions"])
        count = max(len(quirks.dealt_to(version)) for version in quirks.BOTH)
        odd = {"stations": 2 * count, "version": "mixed", "quirks": ("each",), "identity": "ODD-{n:03d}"}
        await run(wanted(server.ws_url, **odd, seconds=1.5), "")
        await compared(server, said["sessions"] + reported(capsys)["sessions"])


async def test_profile_3_with_certificates_that_it_made_itself(tmp_path, monkeypatch, capsys) -> None:
    create(tmp_path / FOLDER, "Dalstroom", RealClock().now())
    tls = TlsSettings(port=0, hosts=("127.0.0.1",))
    async with served(tmp_path, monkeypatch, tls=tls) as server:
        for security in (2, 3, 3):
            await run(wanted(server.wss_url, security=security, seconds=1.0), "")
            figures = reported(capsys)["figures"]
            assert (figures["most_connected"], figures["untold"]) == (3, 0)
        async with server.db.read() as tx:
            made = await certificates.everybodys(tx)
        assert sorted(one.identity for one in made) == ["SIM-00001", "SIM-00002", "SIM-00003"]  # once, used twice
        with pytest.raises(typer.Exit):  # a station that has used profile 3 does not come back with less
            await run(wanted(server.wss_url, security=2, enter=False, key="00", seconds=0.2), "")


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (wanted("http://127.0.0.1:9000"), "--url"),
        (wanted("ws://127.0.0.1:9000/ocpp", security=2), "--url"),
        (wanted("ws://127.0.0.1:9000/ocpp", enter=False), "--key"),
        (wanted("wss://127.0.0.1:9000/ocpp", enter=False, security=3), "--certificates"),
        (wanted("ws://127.0.0.1:9000/ocpp", key="{identity}"), "only {n}"),
        (wanted("ws://127.0.0.1:9000/ocpp", version="2.2"), "--version"),
        (wanted("ws://127.0.0.1:9000/ocpp", chaos="total"), "--chaos-level"),
        (wanted("ws://127.0.0.1:9000/ocpp", quirks=("shy",)), "shy is no quirk"),
        (wanted("ws://127.0.0.1:9000/ocpp", quirks=("key_as_bytes",), key="no hex"), "hexadecimal"),
        (wanted("ws://127.0.0.1:9000/ocpp", quirks=("each",), key="no hex"), "hexadecimal"),
        (wanted("ws://127.0.0.1:9000/ocpp", identity="ONE"), "must be in it"),
        (wanted("wss://127.0.0.1:1/ocpp", security=3), "dalstroom ca init"),
        (wanted("wss://127.0.0.1:1/ocpp", security=3, enter=False, certificates=Path("/none")), "ca issue SIM-00001"),
        (wanted("wss://127.0.0.1:1/ocpp", security=2, enter=False, key="00", ca=Path("/none")), "--ca"),
    ],
)
async def test_what_cannot_be_simulated_is_one_line(one, says, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DALSTROOM_HOME", str(tmp_path))
    with pytest.raises(BadSetting, match=re.escape(says)):
        await run(one, "")


def test_all_quirks_are_listed_with_a_sentence() -> None:
    said = CliRunner().invoke(app, ["simulate", "--quirk", "list"])
    assert said.exit_code == 0
    for quirk in quirks.QUIRKS:
        assert re.search(rf"^ *{quirk.number} +{quirk.name} .*{re.escape(quirk.says)}$", said.stdout, re.MULTILINE)


def test_options_are_what_is_simulated_and_a_server_that_is_not_there_is_exit_code_1() -> None:
    words = "--stations 2 --url ws://127.0.0.1:1 --key ab --seconds 1 --json --version mixed --chaos --seed 7 --stay 3"
    done = CliRunner().invoke(app, ["simulate", *words.split(), "--quirk", "deaf", "--quirk", "no_pong"])
    assert done.exit_code == 1
    plan = reported_in(done.stdout)["plan"]
    told = [plan[name] for name in ("stations", "version", "chaos", "seed", "stay_s", "quirks", "charging")]
    assert told == [2, "mixed", "rough", 7, 3, ["deaf", "no_pong"], 0.5]
    assert "use --enter" in done.stderr


@pytest.mark.parametrize(
    ("figures", "code"),
    [
        (Figures(most_connected=1), 0),
        (Figures(), 1),
        (Figures(most_connected=1, dropped=3, late=2), 0),
        (Figures(most_connected=1, refused=1), 3),
        (Figures(most_connected=1, untold=1), 3),
        (Figures(most_connected=1, errors=1), 3),
    ],
)
def test_exit_codes_say_how_it_went(figures, code) -> None:
    assert exit_code(figures) == code
