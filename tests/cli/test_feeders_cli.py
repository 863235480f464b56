"""`dalstroom feeder`: limits entered by hand, and one line where they cannot be."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app

SHARED = """Main: 25000 W, 63 A; 3 sockets below
  building 07:00-19:00 6900 W
  building 00:00-24:00 500 W
  CP-3
  alone: 8.7 A a socket
  Garage: 32/32/26 A; 2 sockets below
    CP-1
    CP-2
    alone: 8.7 A a socket
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DALSTROOM_HOME", str(tmp_path))
    return tmp_path


def run(*words):
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def feeder(*words):
    code, said = run("feeder", *words, "--location", "Street")
    assert code == 0, said
    return said


def refusal(*words):
    code, said = run("feeder", *words)
    assert code == 2, said
    assert len(said.strip().splitlines()) == 1, said
    return said


def test_a_tree_of_limits_is_entered_changed_shown_and_removed():
    for number in (1, 2, 3):
        assert run("station", "add", f"CP-{number}", "--location", "Street")[0] == 0
    said = feeder("add", "Main", "--limit-a", "63", "--base-load", "07:00-19:00=6900", "--base-load", "500")
    assert "alone: 17.6 A a socket" in said  # 63 A less 10 A, for three
    feeder("add", "Garage", "--parent", "main", "--limit-a", "32,32,26", "--station", "CP-1", "--station", "CP-2")
    assert "25000 W" in feeder("change", "main", "--limit-w", "25000")
    assert feeder("list") == SHARED
    assert "alone: nothing" in feeder("change", "Garage", "--limit-a", "11.5")
    assert feeder("remove", "garage") == "Removed garage.\n"
    assert "  CP-1\n  CP-2\n  CP-3\n" in feeder("list")
    feeder("change", "Main", "--without", "CP-1", "--without", "CP-2")
    assert "Main: 25000 W, 63 A; 1 socket below" in feeder("list")
    feeder("remove", "Main")
    assert feeder("list") == "No limit is shared here: each station has its own.\n"


def test_what_cannot_be_is_one_line():
    assert run("station", "add", "CP-1", "--location", "Street")[0] == 0
    here = ("--location", "Street")
    assert "say which place" in refusal("list")
    assert "has no place Nowhere" in refusal("list", "--location", "Nowhere")
    assert "has a home" in refusal("list", "--owner", "nobody@example.org")
    assert "limit_w, limit_ma or both" in refusal("add", "Main", *here)
    assert "takes A" in refusal("add", "Main", *here, "--limit-a", "lots")
    assert "one value for all phases, or three" in refusal("add", "Main", *here, "--limit-a", "63,63")
    assert "--base-load takes W" in refusal("add", "Main", *here, "--limit-a", "63", "--base-load", "much")
    assert "times are HH:MM" in refusal("add", "Main", *here, "--limit-a", "63", "--base-load", "7-19=5000")
    assert "no station CP-9" in refusal("add", "Main", *here, "--limit-a", "63", "--station", "CP-9")
    assert "it has: none" in refusal("add", "Inner", *here, "--limit-a", "63", "--parent", "Main")
    assert feeder("list").startswith("No limit")
