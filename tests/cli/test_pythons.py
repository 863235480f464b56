"""The doctor tells of a Python that would run the server faster, and only of one that could and that is worth it."""

import sys
from pathlib import Path

import pytest

from server.cli import doctor, pythons
from server.cli.doctor import State
from server.cli.pythons import NOTED, Timed

OURS = Timed("/ours/python3", (3, 11, 7), 0.030)


def other(took_s: float, version: tuple[int, int, int] = (3, 11, 2), path: str = "/usr/bin/python3") -> Timed:
    return Timed(path, version, took_s)


def test_the_fastest_that_is_worth_a_word_is_told() -> None:
    best = other(0.015, (3, 13, 0), "/usr/bin/python3.13")
    assert pythons.fastest(OURS, [other(0.020), best, other(0.016)]) == (best, 2.0)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param([], id="none beside ours"),
        pytest.param([other(0.030 / NOTED + 0.001)], id="hardly faster"),
        pytest.param([other(0.040)], id="slower"),
        pytest.param([other(0.010, (3, 10, 9))], id="too old for us"),
    ],
)
def test_nothing_is_told_where_there_is_nothing_better(found: list[Timed]) -> None:
    assert pythons.fastest(OURS, found) is None


def test_nothing_is_told_where_ours_could_not_be_timed() -> None:
    assert pythons.fastest(None, [other(0.001)]) is None


def test_a_python_is_timed_and_what_is_none_is_passed_by(tmp_path: Path) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\necho 'pyenv: no such version' >&2\nexit 127\n")
    broken.chmod(0o755)
    ours, failing, missing = pythons.timed([pythons.own(), str(broken), str(tmp_path / "nowhere")])
    assert ours is not None
    assert ours.version == sys.version_info[:3]
    assert ours.took_s > 0
    assert (failing, missing) == (None, None)


async def test_the_doctor_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pythons, "faster", lambda: (other(0.020), 1.5))
    (found,) = await doctor.faster_python()
    assert found.state is State.NOTE
    assert found.says.startswith("/usr/bin/python3 (3.11.2) computes 1.5 times as fast")
    assert "make PYTHON=/usr/bin/python3 run" in found.do
    monkeypatch.setattr(pythons, "faster", lambda: None)
    assert await doctor.faster_python() == []
