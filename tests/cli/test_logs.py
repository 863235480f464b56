"""The log quotes nobody: kinds and places of errors, no messages, no local variables, no chatter of libraries."""

import logging
import sqlite3
from collections.abc import Generator

import pytest
import structlog

from server.cli import logs
from server.storage.db import Database

SECRET = "hush"


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Generator[structlog.BoundLogger, None, None]:
    """The log as `up` sets it up; what was set up before comes back."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.configure(logging.INFO)
    yield structlog.get_logger()
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def refuse(card: str) -> None:
    raise ValueError(card)


def fail() -> None:
    card = SECRET
    try:
        refuse(card)
    except ValueError as error:
        raise KeyError(card) from error


def test_an_event_is_one_plain_line_on_standard_error(log, capsys):
    log.info("station_online", station="S")
    log.debug("not said")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.rstrip().endswith("[info] station_online station=S")
    assert "\x1b" not in said.err


@pytest.mark.parametrize("whose", ["ours", "a library's"])
def test_an_error_is_told_by_kind_and_place_alone(log, capsys, whose):
    try:
        fail()
    except KeyError:
        (log if whose == "ours" else logging.getLogger("library")).exception("failed")
    said = capsys.readouterr().err
    assert "failed" in said
    assert "Traceback" in said
    assert said.index("ValueError") < said.index("KeyError")
    assert f'"{__file__}"' in said
    assert SECRET not in said


def test_libraries_speak_up_from_warning_on(log, capsys):
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("beware")
    assert capsys.readouterr().err.rstrip().endswith("[WARNING] library: beware")


async def test_an_error_of_the_database_does_not_quote_the_row(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'some.db'}")
    assert db.engine.sync_engine.hide_parameters
    await db.close()


def test_a_fault_of_sqlite_has_its_name(log, capsys):
    try:
        sqlite3.connect(":memory:").execute("select hush from nowhere")
    except sqlite3.OperationalError:
        log.exception("failed")
    said = capsys.readouterr().err
    assert "OperationalError (SQLITE_ERROR)" in said
    assert "nowhere" not in said.partition("OperationalError")[2]
