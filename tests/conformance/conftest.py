"""Stations that we did not write: npm's ocpp-rpc and ocpp-ws-cli, installed on first use from the lock file here."""

import asyncio
import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPT = HERE / "ocpp_rpc_station.mjs"
CLIENTS = ("ocpp-rpc", "ocpp-ws-cli")
sys.path.insert(0, str(HERE.parent / "gateway"))  # gateway_town: a gateway with flows in memory

Heard = dict
Station = Callable[..., Awaitable[Heard]]


@pytest.fixture(scope="session")
def node() -> str:
    """The node that runs the script, with its packages in place."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("node and npm are not installed")
    with (HERE / "package-lock.json").open() as lock:  # workers of one test run, one after the other
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((HERE / "node_modules" / client / "package.json").exists() for client in CLIENTS):
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=HERE, check=True, capture_output=True, timeout=300)
    return found


@pytest.fixture
def ocpp_rpc_station(node: str) -> Station:
    """Runs one station through one session and returns what it heard: see the head of the script."""

    async def run(url: str, identity: str, password: str, *more: str, timeout_s: float = 60) -> Heard:
        said = ["--url", url, "--identity", identity, "--password", password, *more]
        process = await asyncio.create_subprocess_exec(
            node, str(SCRIPT), *said, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), timeout_s)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert out, err.decode()
        return json.loads(out)

    return run
