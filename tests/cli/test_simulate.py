"""`dalstroom simulate` against a real server: stations that it entered itself connect, charge and leave."""

import re
from pathlib import Path

import pytest
import typer

from server.cli.simulate import SimulationWanted, run
from server.clock import RealClock
from server.main.server import Parts, Server
from server.settings import BadSetting, Settings
from server.storage import sessions
from server.workers.solve import Inline


def wanted(url: str, *, key: str = "", enter: bool = True) -> SimulationWanted:
    return SimulationWanted(3, url, key, "SIM-{n:05d}", "SIMULATOR", seconds=3, charging=1.0, enter=enter)


def figure(said: str, name: str) -> int:
    found = re.search(rf"{name} +│ (\d+)", said)
    assert found is not None, said
    return int(found[1])


async def test_entered_stations_connect_charge_and_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DALSTROOM_HOME", str(tmp_path))
    server = Server(Settings(home=tmp_path, port=0, ocpp_port=0), Parts(clock=RealClock(), solver=Inline()))
    async with server.running(pages=False):
        await run(wanted(server.ws_url), "")
        said = capsys.readouterr().out
        assert [figure(said, name) for name in ("Connected", "Refused", "Charging", "Cards denied")] == [3, 0, 3, 0]
        await server.settle()
        async with server.db.read() as tx:
            states = [session.state.value for session in await sessions.in_order(tx)]
        assert states == ["settled"] * 3
        with pytest.raises(typer.Exit):
            await run(wanted(server.ws_url, key="wrong", enter=False), "")
        said = capsys.readouterr()
        assert figure(said.out, "Refused") == 3
        assert "use --enter" in said.err


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (wanted("http://127.0.0.1:9000"), "--url"),
        (wanted("ws://127.0.0.1:9000/ocpp", enter=False), "--key"),
        (wanted("ws://127.0.0.1:9000/ocpp", key="{identity}"), "only {n}"),
    ],
)
async def test_what_cannot_be_simulated_is_one_line(one: SimulationWanted, says: str) -> None:
    with pytest.raises(BadSetting, match=re.escape(says)):
        await run(one, "")
