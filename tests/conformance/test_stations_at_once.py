"""Dozens of npm ocpp-rpc stations at once, with odd names, at the whole server: every session is settled."""

import sys
from pathlib import Path

import pytest
import stations_at_once as at_once

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from up_process import Up

pytestmark = pytest.mark.node
COUNT = 40


async def test_every_session_of_stations_with_odd_names_is_settled(tmp_path, node):
    home = tmp_path / "home"
    with Up(home, quiet=True) as up:
        url = f"ws://127.0.0.1:{up.ocpp_port}/ocpp"
        stations = await at_once.enter(f"sqlite:///{home / 'dalstroom.db'}", COUNT, url)
        outcome = await at_once.run(node, home, url, stations, 60)
    assert outcome.errors == []
    assert len({one.identity for one in stations}) == COUNT
    assert {one.protocol for one in stations} == {"ocpp1.6", "ocpp2.0.1"}
    assert list(outcome.settled.values()) == [at_once.ENERGY_WH] * COUNT
