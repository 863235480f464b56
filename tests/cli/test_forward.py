"""`dalstroom forward`: a list entered, shown and switched off by hand."""

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.settings import secret
from server.storage import forwardings
from server.storage.db import Database

KEY = "feedfacefeedface"


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DALSTROOM_HOME", str(tmp_path))
    rows = tmp_path / "stations.csv"
    rows.write_text(f"identity,key,location\nA/1,{KEY},Yard\nA-2,{KEY},Yard\n")
    return rows


def forward(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["forward", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_a_list_is_added_shown_and_switched_off(listed):
    add = ("add", str(listed), "--url", "wss://central.example/ocpp", "--name", "Ours", "--party", "Lootspaal")
    said = forward(*add, "--allow", "Reset, UnlockConnector", "--host", "us.example")
    assert re.search(r"added +A/1 +ws://us.example:9000/ocpp/A%2F1", said)
    assert "unchanged" in forward(*add)
    shown = forward("list", "--party", "Lootspaal")
    assert "may ask: nothing" in shown, "said anew, without --allow"
    assert "A-2  waiting  0 waiting, 0 delivered, 0 dropped  back: wss://central.example/ocpp/A-2" in shown
    off = forward("off", "ours", "--party", "Lootspaal", "--station", "A-2")
    assert "A-2  off" in off
    assert "A/1  waiting" in off
    assert "A/1  off  0 waiting, 0 delivered, 0 dropped  back: wss://central.example/ocpp/A%2F1" in forward(
        "off", "Ours", "--party", "Lootspaal"
    )
    assert "A/1  waiting" in forward("on", "Ours", "--party", "Lootspaal")

    async def routes():
        db = Database(f"sqlite:///{listed.parent / 'dalstroom.db'}")
        async with db.read() as tx:
            found = await forwardings.routes(tx)
        await db.close()
        return found

    (route,) = asyncio.run(routes())
    assert (route.identity, route.url) == ("A/1", "wss://central.example/ocpp")
    assert secret(listed.parent)


def test_what_is_wrong_is_one_line_and_nothing_is_entered(listed):
    listed.write_text("identity,key,location\nA:1,short,Yard\n")
    add = ("add", str(listed), "--url", "wss://central.example", "--name", "Ours")
    said = forward(*add, code=2)
    assert "nothing was entered: row 2, identity:" in said
    assert "row 2, key:" in said
    assert "ws" in forward("add", str(listed), "--url", "http://x", "--name", "Ours", code=2)
    assert "No such file" in forward("add", "none.csv", "--url", "wss://x.example", "--name", "Ours", code=2)
    assert "--ocpp-port must lie between" in forward(*add, "--ocpp-port", "70000", code=2)
    assert "no party is called" in forward("list", "--party", "Nobody", code=2)
