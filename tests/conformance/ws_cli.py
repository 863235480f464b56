"""npm's ocpp-ws-cli, which nobody here wrote, against a gateway: its tests and its fuzzer.

It does not sign in; a small proxy in between puts the station's name and key into each handshake.
"""

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

COMMAND = Path(__file__).parent / "node_modules" / "ocpp-ws-cli" / "dist" / "index.js"
PROTOCOLS = ("ocpp1.6", "ocpp2.0.1")
NOT_IN_2 = frozenset({"Server enforces MessageId is a string", "Server rejects missing payload in CALL"})
"""What it wants of 2.x as of 1.6; there a frame of the wrong shape is an RpcFrameworkError, its id -1 where it has none
(OCPP 2.0.1 part 4 §4.2.3)."""
HASTY, TRIES = ("WebSocket ping/pong", "No pong received within 5s"), 3
"""It hangs up after 0.1 s where it says 5: on a busy machine it hears nothing, whoever answers. So it is run again."""
SUITES = ("transport", "rpc", "security", "chaos")
FUZZERS = 4
FUZZER = "Fuzzer-{n}"
"""The identities that the fuzzer gives itself, from 1 on."""


@asynccontextmanager
async def signing_in(port: int, key: bytes) -> AsyncIterator[str]:
    """The URL of a proxy to a gateway on `port`: who asks for /ocpp/X is signed in as X with that key."""
    lines: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        lines.add(task)
        task.add_done_callback(lines.discard)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n")
            name = head.split(b" ")[1].rpartition(b"/")[2]
            said = base64.b64encode(name + b":" + key)
            there, out = await asyncio.open_connection("127.0.0.1", port)
            out.write(head + b"Authorization: Basic " + said + b"\r\n")
            await asyncio.gather(_pump(reader, out), _pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp"
    finally:
        server.close()
        for task in lines:
            task.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65_536):
            writer.write(some)
            await writer.drain()
    finally:
        writer.close()


async def run_tests(node: str, folder: Path, url: str, protocol: str) -> dict[str, str]:
    """What each of its tests found wrong, "" where it passed. Its suites sleep a lot: they run side by side."""
    return {
        name: issue for suite in await asyncio.gather(*_suites(node, folder, url, protocol)) for name, issue in suite
    }


def _suites(node: str, folder: Path, url: str, protocol: str) -> list[Coroutine[Any, Any, list[tuple[str, str]]]]:
    return [_suite(node, folder / f"{protocol}-{suite}", url, (suite, protocol)) for suite in SUITES]


async def _suite(node: str, folder: Path, url: str, which: tuple[str, str]) -> list[tuple[str, str]]:
    await asyncio.to_thread(folder.mkdir)
    words = ("test", "-e", url, "-i", f"{which[0]}-{which[1]}", "-p", which[1], "--suite", which[0])
    found: list[tuple[str, str]] = []
    for turn in range(TRIES):
        own = folder / str(turn)
        await asyncio.to_thread(own.mkdir)
        report = await _run(node, own, words, None)
        said = [(one["name"], "" if one["passed"] else one.get("issue") or "failed") for one in report["testResults"]]
        found = [(name, issue) for name, issue in said if which[1] == "ocpp1.6" or name not in NOT_IN_2]
        if [one for one in found if one[1]] != [HASTY]:
            break
    return found


async def fuzz(node: str, folder: Path, url: str, seconds: float) -> dict[str, int]:
    """Its figures after so long at full flood: anomaliesSent, serverErrors, serverDrops, serverTolerated."""
    report = await _run(node, folder, ("fuzz", "-e", url, "-w", str(FUZZERS), "--flood"), seconds)
    return dict(report["metrics"])


async def _run(node: str, folder: Path, words: tuple[str, ...], seconds: float | None) -> dict[str, Any]:
    """Run it until it ends, or so long after its first word, then interrupt it as a person would; its report."""
    reports = folder / f"reports-{words[0]}"
    said = [*words, "--report", "json", "--report-dir", str(reports)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        node, str(COMMAND), *said, cwd=folder, stdin=quiet, stdout=asyncio.subprocess.PIPE, stderr=quiet
    )
    assert process.stdout is not None
    try:
        await asyncio.wait_for(process.stdout.read(1), 60)
        rest = asyncio.create_task(process.stdout.read())
        if seconds is not None:
            await asyncio.sleep(seconds)
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(rest, 120)
        await asyncio.wait_for(process.wait(), 120)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    (file,) = reports.glob("*.json")
    return dict(json.loads(file.read_text()))


def identities() -> list[str]:
    """The stations that it plays."""
    fuzzers = [FUZZER.format(n=number) for number in range(1, FUZZERS + 1)]
    return [*fuzzers, *(f"{suite}-{protocol}" for suite in SUITES for protocol in PROTOCOLS)]


def resident_kib(process_id: int = 0) -> int:
    """The memory of a process (0: this one), KiB."""
    if sys.platform != "linux":
        return 0
    pages = int(Path(f"/proc/{process_id or 'self'}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
