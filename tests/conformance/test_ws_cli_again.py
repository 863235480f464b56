"""When ocpp-ws-cli is run again: only where nothing failed but what it does not wait for."""

import pytest
import ws_cli

PONG, UNHEARD = ws_cli.HASTY
OTHER = "Heartbeat round-trip"


@pytest.mark.parametrize("protocol", ws_cli.PROTOCOLS)
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
async def test_it_is_run_again(tmp_path, monkeypatch, protocol, *, failing, runs, wrong):
    ran, not_in_it = [], set() if protocol == "ocpp1.6" else ws_cli.NOT_IN_2

    async def run(_node, folder, _words, _seconds):
        assert not list(folder.iterdir()), "each run has a folder of its own"
        failed = {*failing[len(ran)], *not_in_it}
        ran.append(folder)
        names = [PONG, OTHER, *ws_cli.NOT_IN_2]
        return {"testResults": [{"name": name, "passed": name not in failed, "issue": UNHEARD} for name in names]}

    monkeypatch.setattr(ws_cli, "_run", run)
    found = await ws_cli._suite("node", tmp_path / "rpc", "ws://nowhere", ("rpc", protocol))
    assert {name for name, issue in found if issue} == wrong
    assert len(ran) == len(set(ran)) == runs


async def test_a_ping_that_fails_for_another_reason_is_not_tried_again(tmp_path, monkeypatch):
    ran = []

    async def run(_node, folder, _words, _seconds):
        ran.append(folder)
        return {"testResults": [{"name": PONG, "passed": False, "issue": "Error: refused"}]}

    monkeypatch.setattr(ws_cli, "_run", run)
    found = await ws_cli._suite("node", tmp_path / "rpc", "ws://nowhere", ("rpc", "ocpp1.6"))
    assert (found, len(ran)) == ([(PONG, "Error: refused")], 1)
