"""The doctor says what is there, what is missing, and what to do; it changes nothing."""

import os
import socket
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from server.cli import doctor
from server.cli.doctor import State
from server.clock import SteppedClock
from server.core.pricecurve import PriceSlot
from server.feeds.ports import FeedUnavailable, NotPublished
from server.settings import BadSetting
from server.storage import schema
from server.storage.db import Database

NOON = datetime(2026, 11, 21, 11, tzinfo=UTC)


class FeedOf:
    """A feed at the edge: gives what it was made with, or raises it."""

    name = "a_feed"

    def __init__(self, answer: list[PriceSlot] | Exception) -> None:
        self.answer = answer

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        assert (zone, day) == ("NL", date(2026, 11, 21))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DALSTROOM_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_the_packages_of_this_environment_fit() -> None:
    found = doctor.packages()
    assert found.state is State.OK, found


async def test_a_database_that_is_not_there_yet_is_no_trouble_and_is_not_made(home: Path) -> None:
    found = await doctor.database_at("")
    assert found.state is State.NOTE
    assert "not there yet" in found.says
    assert os.listdir(home) == []  # noqa: PTH208 -- a loop waits for nothing here


async def test_a_database_says_its_revision(home: Path) -> None:
    db = Database(f"sqlite:///{home / 'dalstroom.db'}")
    db.check()
    found = await doctor.database_at("")
    assert (found.state, "migrate" in found.do) == (State.NOTE, True)
    await schema.migrate(db)
    await db.close()
    found = await doctor.database_at("")
    assert found.state is State.OK
    assert "revision 0001" in found.says


async def test_a_database_out_of_reach_is_missing_and_its_password_is_not_told(home: Path) -> None:
    found = await doctor.database_at("postgresql://u:secret@127.0.0.1:1/dalstroom")
    assert found.state is State.MISSING
    assert "no server answers there" in found.says
    assert "secret" not in found.says
    assert (await doctor.database_at("oracle://x")).state is State.MISSING
    found = await doctor.database_at("postgresql://u:secret@127.0.0.1:1/dalstroom?sslmode=require")
    assert "no server answers there" in found.says
    found = await doctor.database_at("postgresql://u:secret@127.0.0.1:1/dalstroom?sslmod=require")
    assert (found.state, "did you mean sslmode?" in found.says) == (State.MISSING, True)


async def test_a_file_that_is_no_database_is_missing(home: Path) -> None:
    (home / "text.db").write_text("this is no database\n" * 100)
    found = await doctor.database_at(f"sqlite:///{home / 'text.db'}")
    assert (found.state, "file is not a database" in found.says) == (State.MISSING, True)


@pytest.mark.parametrize(("ports", "said"), [((70_000, 9_000), "--port must lie"), ((9_000, 9_000), "are both 9000")])
async def test_ports_that_cannot_be_are_one_line(home: Path, ports: tuple[int, int], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        await doctor.run("", *ports)


async def test_a_port_in_use_is_missing_and_a_free_one_is_ok(taken_port: int) -> None:
    found = await doctor.listening("Stations", taken_port, "--ocpp-port")
    assert found.state is State.MISSING
    assert "--ocpp-port" in found.do
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert (await doctor.listening("Stations", free, "--ocpp-port")).state is State.OK


async def test_a_feed_that_answers_says_how_far_its_prices_reach() -> None:
    slots = [PriceSlot(NOON + timedelta(hours=hour), 3600, 100_000, "a_feed") for hour in range(3)]
    found = await doctor.feed_now(FeedOf(slots), SteppedClock(NOON))
    assert found.state is State.OK
    assert found.says == "3 prices of NL, until 2026-11-21 15:00"


async def test_no_internet_means_typical_prices_and_is_said() -> None:
    found = await doctor.feed_now(FeedOf(FeedUnavailable("a_feed", "not reached")), SteppedClock(NOON))
    assert found.state is State.NOTE
    assert "typical prices" in found.do
    found = await doctor.feed_now(FeedOf(NotPublished("a_feed", "no prices yet")), SteppedClock(NOON))
    assert found.state is State.NOTE


def test_a_data_folder_that_cannot_be_written_is_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.home().state is State.OK
    (home / "file").touch()
    monkeypatch.setenv("DALSTROOM_HOME", str(home / "file"))
    assert doctor.home().state is State.MISSING


def test_the_table_has_a_line_for_each_finding(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.show([doctor.python(), doctor.entsoe_token(), doctor.chromium(), doctor.postgres_for_tests()])
    said = capsys.readouterr().out
    assert all(what in said for what in ("Python", "ENTSO-E", "Chromium", "PostgreSQL"))
