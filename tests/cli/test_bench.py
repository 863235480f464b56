"""`dalstroom bench engine`: the same problems for the same seeds, all fields of each row, one line where it cannot."""

import importlib.util
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from server.cli import app
from server.cli.bench import family, judge, real, yardstick
from server.cli.bench.family import Kind
from server.cli.bench.measure import measured, yardsticks
from server.cli.bench.rows import ROWS, Measured, Row
from server.cli.bench.run import Report
from server.cli.bench.table import page
from server.workers.bulk import least_limit_w
from server.workers.solve import solve

BY_NAME = {row.name: row for row in ROWS}


@pytest.fixture(scope="module")
def rival():
    with yardsticks() as executor:
        yield executor


def bench(*said: str):
    return CliRunner().invoke(app, ["bench", "engine", *said])


# --- the family of problems ----------------------------------------------------------------------------------------


def test_the_same_kind_and_seed_give_the_same_problem():
    kind = Kind(300, least=True, mixed=True)
    assert msgspec.json.encode(family.problem(kind, 3)) == msgspec.json.encode(family.problem(kind, 3))
    assert msgspec.json.encode(family.problem(kind, 3)) != msgspec.json.encode(family.problem(kind, 4))


def test_a_seed_means_the_same_on_every_machine():
    """Written down once: what changes these numbers makes older measurements worthless."""
    cars = family.crowd(Kind(100), 0)
    assert (int(cars.energy_wh.sum()), int(cars.arrive_slot.sum()), int(cars.depart_slot.sum())) == FACTS[:3]
    assert (int(cars.price_micro_per_kwh.sum()), cars.limit_w.tolist()) == FACTS[3:]


FACTS = (2_453_609, 3099, 5798, 16757990, [100333, 101733, 113933, 94266])


def test_tight_cuts_the_limit_of_the_same_cars():
    loose, tight = family.crowd(Kind(100), 1), family.crowd(Kind(100, tight=True), 1)
    assert np.array_equal(loose.energy_wh, tight.energy_wh)
    assert np.array_equal(tight.limit_w, np.ceil(least_limit_w(loose) * 1.1))
    assert np.all(tight.limit_w < loose.limit_w)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.real], ids=lambda row: row.name)
def test_every_kind_is_what_it_says(row: Row):
    cars = family.crowd(row.quick().kind, 0)
    least, most = row.quick().kind.per_site
    sizes = np.bincount(cars.site)
    assert np.all(sizes <= most)
    assert np.all(sizes[:-1] >= least)
    assert np.all(cars.depart_slot > cars.arrive_slot)
    assert cars.depart_slot.max() <= cars.slots == 96
    assert np.all(cars.energy_wh <= cars.slot_wh() * (cars.depart_slot - cars.arrive_slot))
    assert set(cars.max_w.tolist()) <= {7_400, 11_000, 22_000}
    assert 50_000 <= cars.price_micro_per_kwh.min() <= cars.price_micro_per_kwh.max() <= 300_000


# --- the yardstick -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind(100), Kind(60, tight=True), Kind(40, (40, 40), depot=True)])
def test_highs_and_the_engine_find_the_same(kind: Kind):
    problem = family.problem(kind, 2)
    best, answer = yardstick.of_problem(problem), solve(problem)
    assert answer.unserved_wh == pytest.approx(best.unserved_wh, abs=1e-3)
    assert answer.cost_nano / 1e9 == pytest.approx(best.cost_eur, abs=1e-6 * best.gross_eur)


def test_highs_by_blocks_of_sites_finds_what_it_finds_at_once(monkeypatch):
    cars = family.crowd(Kind(200, tight=True), 5)
    at_once = yardstick.of_crowd(cars)
    monkeypatch.setattr(yardstick, "BLOCK", 30)
    by_blocks = yardstick.of_crowd(cars)
    assert by_blocks.cost_eur == pytest.approx(at_once.cost_eur, abs=1e-9)


def test_highs_keeps_each_phase():
    problem = family.problem(Kind(40, (40, 40), mixed=True), 0)
    feeder = msgspec.structs.replace(problem.sites[0].feeders[0], limit_ma=[0, 0, 30_000])
    site = msgspec.structs.replace(problem.sites[0], feeders=[feeder])
    best = yardstick.of_problem(msgspec.structs.replace(problem, sites=[site]))
    on_third = sum(one.energy_wh for one in problem.demands if one.phases == [3])
    assert 0 < sum(one.energy_wh for one in problem.demands) - best.unserved_wh <= on_third


def test_the_judge_sees_a_limit_passed_and_a_slot_below_the_least():
    problem = family.problem(Kind(40, (40, 40), mixed=True, least=True), 0)
    answer = solve(problem)
    assert (judge.over_wh(problem, answer), judge.between(problem, answer)) == (0, 0)
    plans = [msgspec.structs.replace(plan, energy_wh=[300] * problem.slots) for plan in answer.plans]
    said = msgspec.structs.replace(answer, plans=plans)
    small = [msgspec.structs.replace(site, limit_w=44_000) for site in problem.sites]
    assert judge.over_wh(msgspec.structs.replace(problem, sites=small), said) == 40 * 300 - 11_000
    assert judge.between(problem, said) == 96 * 40
    tight = [msgspec.structs.replace(problem.sites[0].feeders[0], limit_ma=[0, 10**6, 10**6])]
    sites = [msgspec.structs.replace(problem.sites[0], limit_w=10**6, feeders=tight)]
    on_first = sum(300 / len(one.phases) for one in problem.demands if 1 in one.phases)
    assert judge.over_wh(msgspec.structs.replace(problem, sites=sites), said) == pytest.approx(on_first)


def test_the_judge_and_highs_see_what_cars_put_on_feeders_above_their_own():
    kind = BY_NAME["1000-nested"].kind
    problem = next(one for seed in range(50) if len((one := family.problem(kind, seed)).sites[0].feeders) == 4)
    answer = solve(problem)
    assert judge.over_wh(problem, answer) == 0
    assert {one.feeder for one in problem.demands} - {"f"}
    shut = [
        msgspec.structs.replace(one, limit_ma=[0, 0, 0]) if one.id == "f" else one for one in problem.sites[0].feeders
    ]
    closed = msgspec.structs.replace(problem, sites=[msgspec.structs.replace(problem.sites[0], feeders=shut)])
    asked = sum(one.energy_wh for one in problem.demands)
    assert yardstick.of_problem(closed).unserved_wh == pytest.approx(asked)
    energy = np.array([plan.energy_wh for plan in answer.plans])
    on = [[energy[i] / len(one.phases) for i, one in enumerate(problem.demands) if p in one.phases] for p in (1, 2, 3)]
    assert judge.over_wh(closed, answer) == pytest.approx(max(np.sum(one, axis=0).max() for one in on))


def test_random_sites_of_mixed_phases_keep_each_phase_close_to_what_highs_finds(rival):
    row = msgspec.structs.replace(BY_NAME["1000-nested"], seeds=100, judged=100)
    said = measured(row, 1, rival)
    assert (said.seeds, said.over, said.over_wh) == (100, 0, 0.0)
    assert said.off_median <= said.off_worst <= 0.001
    assert "With a limit passed: 0 " in page([said], "")


# --- rows ----------------------------------------------------------------------------------------------------------


def test_quick_rows_have_all_fields_in_one_json_object(tmp_path: Path):
    names = ("1", "100-tight", "40-6a", "event-40-depot", "million-home", "million-sites")
    page = tmp_path / "bench.md"
    done = bench("--quick", "--json", "--rows", ",".join(names), "--page", str(page))
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert set(report) == set(Report.__struct_fields__)
    assert [row["name"] for row in report["rows"]] == list(names)
    for row in report["rows"]:
        assert set(row) == set(Measured.__struct_fields__)
        assert row["skipped"] is None
        assert row["wall_ms"] > 0
        assert row["highs_cpu_ms"] > 0
        assert row["ratio"] > 0
        assert row["peak_mib"] >= row["base_mib"] > 0
        assert row["bound_eur"] <= row["cost_eur"]
        assert row["over_wh"] == row["between"] == 0
        assert row["unserved_wh"] == row["highs_unserved_wh"] == 0
        assert abs(row["off"]) < 1e-6 or row["name"] == "40-6a"
        assert f"| {row['name']} |" in page.read_text()


def test_a_row_over_two_processes_says_how_much_faster_they_are(rival):
    said = measured(BY_NAME["million-sites-2"].quick(), 1, rival)
    assert said.processes == 2
    assert said.speedup is not None
    assert said.speedup > 0
    assert said.speedup_cpu is not None
    assert said.speedup_cpu > 0


def test_quick_rows_as_a_table():
    done = bench("--quick", "--rows", "10")
    assert done.exit_code == 0
    assert "ratio" in done.stdout
    assert "threshold" in done.stdout or "flow" in done.stdout


def test_rows_of_real_stays_are_skipped_where_there_is_no_shelf(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("DALSTROOM_SHARED", str(tmp_path))
    done = bench("--quick", "--json", "--rows", "real-homes")
    assert done.exit_code == 0
    (row,) = json.loads(done.stdout)["rows"]
    assert row["skipped"] == "no trondheim_no_2018_2020.parquet on the reference shelf (DALSTROOM_SHARED)"
    assert "skipped: no trondheim" in bench("--quick", "--rows", "real-homes").stdout


@pytest.mark.realdata
@pytest.mark.parametrize("row", [row for row in ROWS if row.real], ids=lambda row: row.name)
def test_real_stays_are_problems(row: Row, shared_dir: Path, rival, monkeypatch):
    monkeypatch.setenv("DALSTROOM_SHARED", str(shared_dir))
    cars = real.crowd(row.real, 400)
    assert len(cars.site) == 400
    assert np.all((cars.arrive_slot >= 0) & (cars.arrive_slot < cars.depart_slot) & (cars.depart_slot <= 96))
    said = measured(row.quick(), 1, rival)
    assert abs(said.off) < 1e-6


# --- bad input -----------------------------------------------------------------------------------------------------


def test_without_scipy_one_line_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = bench("--quick")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "SciPy" in done.stderr


@pytest.mark.parametrize(
    ("said", "heard"),
    [(("--rows", "12"), "--rows: expected"), (("--page", "/no/such/folder/x.md"), "--page: expected")],
)
def test_what_it_does_not_know_is_named(said, heard):
    done = bench(*said)
    assert done.exit_code == 2
    assert heard in done.stderr
