"""The same reports to the bare `ocpp` library, in a process of its own."""

import asyncio
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

from server.cli.bench.gateway.fleet import Ahead, Station, gathered, report_until
from server.cli.bench.gateway.measures import Reports
from server.cli.bench.gateway.process import cpu_s
from server.cli.bench.gateway.wire import Where


async def reports(count: int, seconds: float) -> Reports:
    """What meter values cost that library, with its defaults, from the socket to a handler that does nothing."""
    words = [sys.executable, "-m", "server.cli.bench.gateway.bare"]
    quiet = subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet)
    assert process.stdout is not None
    try:
        said = json.loads(await process.stdout.readline())
        some = [Station(number, Where("127.0.0.1", said["port"])) for number in range(count)]
        async with gathered(some):
            clock = Ahead(datetime.now(UTC))
            for station in some:
                station.began = station.read_at = clock.now()
                station.transaction_id = station.number + 1
            cpu, begun = cpu_s(said["pid"]), time.perf_counter()
            frames = await report_until(some, clock, begun + seconds)
            spent, took = cpu_s(said["pid"]) - cpu, time.perf_counter() - begun
    finally:
        process.kill()
        await process.wait()
    return Reports(count, frames, round(frames / spent, 1), round(spent, 2), round(took, 2))
