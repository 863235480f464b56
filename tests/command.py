"""Our command with a home of its own; the process is the tests', for to start one takes longer than most commands."""

import logging
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import structlog
from click.testing import Result
from typer.testing import CliRunner

from server.cli import app


def dalstroom(home: Path, *words: str) -> str:
    """Run a command that is expected to succeed; what it printed."""
    result = _run(home, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(home: Path, *words: str) -> str:
    """The one line of a command that cannot do what is asked; its exit code is 2, and it printed nothing else."""
    result = _run(home, words)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def _run(home: Path, words: tuple[str, ...]) -> Result:
    env = {"DALSTROOM_HOME": str(home), "DALSTROOM_PASSWORD": "correct horse battery"}
    with _own_log(), ThreadPoolExecutor(1) as beside:  # a command runs a loop, and a thread has one at a time
        return beside.submit(CliRunner().invoke, app, list(words), env=env).result()


@contextmanager
def _own_log() -> Generator[None, None, None]:
    """What a command sets up of the log ends with it."""
    root, log = logging.getLogger(), structlog.get_config()
    before, level = list(root.handlers), root.level
    try:
        yield
    finally:
        structlog.configure(**log)
        root.handlers[:] = before
        root.setLevel(level)
