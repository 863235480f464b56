"""A server that does not end in its time: it is ended, and it says of whom it had to let go."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGINS = """
import asyncio, threading, time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from server.cli import stopping
from server.clock import SteppedClock

async def waits():
    await SteppedClock(datetime(2026, 1, 1, tzinfo=UTC)).sleep_until(datetime(2026, 1, 2, tzinfo=UTC))

@asynccontextmanager
async def opened():
    yield
    await waits()

async def run():
    stopping.within(LIMIT, asyncio.get_running_loop(), CODE)
"""
A_TASK = "    await asyncio.create_task(waits(), name='outbox [/b]')\n"
INSIDE = """
    async with opened():
        pass
"""
THE_LOOP = "    time.sleep(60)\n"
A_THREAD = "    threading.Thread(target=lambda: asyncio.run(waits()), name='a thread').start()\n"
ENDS = "    await asyncio.sleep(0)\n"
RUNS = "\nasyncio.run(run())\n"
LONG_S = 20.0
HUNG_S = 40.0


def started(body, limit_s=0.2, code=0, **said_to):
    text = BEGINS.replace("LIMIT", str(limit_s)).replace("CODE", str(code)) + body + RUNS
    return subprocess.Popen(
        [sys.executable, "-c", text], cwd=ROOT, **{"stderr": subprocess.PIPE, "text": True, **said_to}
    )


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (A_TASK, "outbox [/b] in server/clock.py:"),
        (INSIDE, "Task-1 in server/clock.py:"),
        (A_THREAD, "a thread in "),
        (THE_LOOP, "MainThread in "),
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_what_does_not_end_is_let_go_of_and_named_with_its_place(body, named, code):
    process = started(body, code=code)
    _, said = process.communicate(timeout=HUNG_S)
    assert process.returncode == code
    assert said.startswith("Not all had ended after 0.2 s; let go of: ")
    assert named in said
    assert "Traceback" not in said


def test_it_ends_where_nobody_hears_what_it_says():
    reader, writer = os.pipe()
    os.close(reader)
    with started(A_TASK, stderr=writer) as process:
        os.close(writer)
        assert process.wait(HUNG_S) == 0


def test_it_ends_where_who_hears_it_reads_no_more():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(writer, True)
    with started(A_TASK, stderr=writer) as process:
        os.close(writer)
        assert process.wait(HUNG_S) == 0
    os.close(reader)


def test_who_ends_in_time_says_nothing_and_does_not_wait():
    began = time.monotonic()
    process = started(ENDS, limit_s=LONG_S)
    assert process.communicate(timeout=HUNG_S) == (None, "")
    assert process.returncode == 0
    assert time.monotonic() - began < LONG_S
