"""`dalstroom up` as a process of its own, as a person would start it: started, asked over HTTP, stopped by Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parents[2]
UP_WITHIN_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(home: Path, *words: str, quiet: bool = False) -> "subprocess.Popen[str]":
    """Start `dalstroom up` with these words; it keeps its things in `home`. `quiet`: nobody reads what it says."""
    env = {**os.environ, "DALSTROOM_HOME": str(home), "DALSTROOM_NO_BROWSER": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "server.cli", "up", "--no-browser", *words]
    pipe = subprocess.DEVNULL if quiet else subprocess.PIPE  # a pipe that nobody empties stops it once it is full
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True)


def refused(home: Path, *words: str) -> str:
    """The one line of an `up` that ends with exit code 2 before it serves."""
    process = start(home, *words)
    try:
        out, err = process.communicate(timeout=UP_WITHIN_S)
    finally:
        process.kill()
    assert (process.returncode, out) == (2, ""), err
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


class Up:
    """A running server. `with Up(home, "--demo") as up:` waits until it answers; leaving kills what still runs."""

    def __init__(self, home: Path, *words: str, quiet: bool = False) -> None:
        self.port, self.ocpp_port = free_port(), free_port()
        self.process = start(home, "--port", str(self.port), "--ocpp-port", str(self.ocpp_port), *words, quiet=quiet)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + UP_WITHIN_S
        while not self.answers():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline, "not up in time"
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            return self.http.get("/api/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def stop(self, name: int = signal.SIGINT) -> tuple[float, int, str]:
        """End it as Ctrl-C does: seconds, exit code, and what it said on standard error."""
        began = time.monotonic()
        self.process.send_signal(name)
        _, err = self.process.communicate(timeout=20)
        return time.monotonic() - began, self.process.returncode, err

    def sign_in_all(self) -> list[dict[str, str]]:
        """One tap each: the headers of every driver of the town."""
        pairs = [
            self.ask("POST", "/api/auth/demo", json={"account_id": driver["account_id"]})
            for driver in self.ask("GET", "/api/demo/drivers")
            if driver["role"] == "driver"
        ]
        return [{"Authorization": f"Bearer {pair['access_token']}"} for pair in pairs]

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """An answer that must be good."""
        answer = self.http.request(method, path, **more)
        assert answer.is_success, answer.text
        return answer.json()
