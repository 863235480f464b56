"""`dalstroom bench gateway`: small sizes run all measures, and what is measured is what it says."""

import json

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.cli.bench.gateway.goals import of_row
from server.cli.bench.gateway.run import NAMES, QUICK, Report, sizes_of


def bench(*said: str):
    return CliRunner().invoke(app, ["bench", "gateway", *said])


def test_a_quick_run_measures_everything_and_nothing_is_lost():
    sizes = "idle=100,storm=10,queued=3,seconds=0.5,fuzz=400,busy=2,starts=2"
    rows = [name for name in NAMES if name != "kill"]  # journeys/test_killed_while_charging.py is that one
    done = bench("--quick", "--json", "--sizes", sizes, "--rows", ",".join(rows))
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert set(report) == set(Report.__struct_fields__)
    rows = {row["name"]: row for row in report["rows"]}
    assert list(rows) == [name for name in NAMES if name != "kill"]
    assert rows["postgres"]["skipped"] == "no --postgres URL of an empty database"
    figures = {name: row["figures"] for name, row in rows.items()}
    assert figures["idle"]["kib_each"] > 0
    assert figures["idle-tls"]["kib_each"] > figures["idle"]["kib_each"]
    assert figures["reports"]["per_cpu_s"] > 0
    assert figures["yardstick"]["frames"] > 0
    assert 0 < figures["plug-in"]["p50_ms"] <= figures["plug-in"]["p99_ms"]
    storm = figures["storm"]
    assert (storm["back"], storm["sessions"], storm["settled"], storm["doubled"]) == (10, 3, 3, 0)
    assert {goal["figure"]: goal["met"] for goal in rows["storm"]["goals"]}.items() >= {
        "back": True,
        "doubled": True,
    }.items()
    assert figures["fuzz"]["lost"] == figures["fuzz"]["handler_failures"] == 0


@pytest.mark.postgres
def test_meter_values_go_to_postgresql_too(fresh_postgres_url):
    done = bench("--quick", "--json", "--rows", "postgres", "--sizes", "seconds=0.5", "--postgres", fresh_postgres_url)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["rows"]
    assert row["figures"]["frames"] > 0


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (("--rows", "nonsense"), "--rows: expected some of idle"),
        (("--sizes", "idle=many"), "--sizes: expected name=number"),
        (("--sizes", "idle=90000000"), "ulimit -n"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(said, heard):
    done = bench(*said)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert heard in done.stderr


def test_what_takes_too_long_is_given_up_and_says_how_far_it_came():
    done = bench("--quick", "--json", "--rows", "idle", "--sizes", "idle=5,row_s=0.05")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["passed"], row["figures"]) == (False, {})
    assert row["failed"].endswith("s: begins")


@pytest.mark.parametrize(
    ("name", "figures", "met"),
    [
        ("idle", {"kib_each": 40.0}, [True]),
        ("plug-in", {"p50_ms": 100.0, "p99_ms": 499.9}, [False, True]),
        (
            "storm",
            {"stations": 9, "queued": 4, "back": 9, "settled": 3, "sessions": 4, "doubled": 0, "block_ms": 251.0},
            [True, False, True, True, False],
        ),
        (
            "fuzz",
            {
                "lost": 0,
                "handler_failures": 1,
                "grown_mib": 0.5,
                "before_p50_ms": 4.0,
                "before_p99_ms": 10.0,
                "p50_ms": 7.0,
                "p99_ms": 14.6,
            },
            [True, False, True, True, False],
        ),
        ("yardstick", {"per_cpu_s": 1.0}, []),
    ],
)
def test_each_figure_is_judged_by_its_goal(name, figures, met):
    assert [goal.met for goal in of_row(name, figures)] == met


def test_sizes_are_taken_from_the_command_line():
    asked = sizes_of("idle=7, seconds=2.5", quick=True)
    assert (asked.idle, asked.seconds, asked.killed) == (7, 2.5, QUICK.killed)
