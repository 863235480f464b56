"""A server that does not end in its time: it is ended, and it says of whom it had to let go."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGINS = """
import asyncio, sys, threading, time
from rich.console import Console
from server.cli import stopping

def ended_late():
    time.sleep(60)

async def run():
    stopping.within(0.2, asyncio.get_running_loop(), Console(stderr=True))
"""
WAITS = """
    async def never():
        await asyncio.Event().wait()
    await asyncio.create_task(never(), name="the one that hangs")
"""
BLOCKS = "    ended_late()\n"
LEAVES_A_THREAD = """
    threading.Thread(target=ended_late, name="a thread").start()
"""
ENDS = "    await asyncio.sleep(0)\n"
RUNS = "\nasyncio.run(run())\n"


def ended(body):
    """Exit code and what such a program says; it has far less time than it would take by itself."""
    told = [sys.executable, "-c", BEGINS + body + RUNS]
    done = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (WAITS, "the one that hangs ("),
        (BLOCKS, "MainThread ("),
        (LEAVES_A_THREAD, "a thread ("),
    ],
)
def test_what_does_not_end_is_named_and_let_go_of(body, named):
    code, said = ended(body)
    assert code == 0
    assert "Not all had ended after 0.2 s; let go of: " in said
    assert named in said
    assert "Traceback" not in said


def test_who_ends_in_time_says_nothing():
    assert ended(ENDS) == (0, "")
