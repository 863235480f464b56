"""When ocpp-ws-cli is run again: only where nothing failed but what it does not wait for."""

import pytest
import ws_cli

PONG = "WebSocket ping/pong"
OTHER = "Heartbeat round-trip"


@pytest.mark.parametrize(
    ("failing", "runs", "wrong"),
    [
        ([[]], 1, set()),
        ([[PONG], []], 2, set()),
        ([[PONG], [PONG], [PONG]], 3, {PONG}),
        ([[PONG], [OTHER]], 2, {OTHER}),
        ([[PONG, OTHER]], 1, {PONG, OTHER}),
    ],
)
async def test_it_is_run_again(tmp_path, monkeypatch, failing, runs, wrong):
    ran = []

    async def run(_node, folder, _words, _seconds):
        assert not list(folder.iterdir()), "each run has a folder of its own"
        failed = failing[len(ran)]
        ran.append(folder)
        names = [PONG, OTHER]
        return {"testResults": [{"name": name, "passed": name not in failed, "issue": "why"} for name in names]}

    monkeypatch.setattr(ws_cli, "_run", run)
    found = await ws_cli._suite("node", tmp_path / "rpc", "ws://nowhere", ("rpc", "ocpp1.6"))
    assert {name for name, issue in found if issue} == wrong
    assert len(ran) == len(set(ran)) == runs
