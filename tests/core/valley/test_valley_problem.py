"""Problems that are none: each error names the field and what was expected."""

import json

import pytest

from server.core.valley.problem import Problem, parse

GOOD = {
    "id": "p1",
    "start": "2026-03-28T17:00:00Z",
    "slots": 4,
    "price_micro_per_kwh": [1, 2, 3, 4],
    "sites": [{"id": "s1", "limit_w": 80_000, "feeders": [{"id": "f1"}, {"id": "f2", "parent": "f1"}]}],
    "demands": [
        {
            "id": "e1",
            "site": "s1",
            "feeder": "f2",
            "arrive_slot": 0,
            "depart_slot": 4,
            "energy_wh": 1000,
            "max_w": 11_040,
        }
    ],
}


def changed(path, value):
    """The good problem with one field set, or taken away by `...`."""
    problem = json.loads(json.dumps(GOOD))
    at = problem
    *steps, last = path
    for step in steps:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return json.dumps(problem).encode()


def errors(raw):
    found = parse(raw)
    assert isinstance(found, list), "the problem was taken"
    return {error.field: error.message for error in found}


def test_only_the_required_fields_are_needed():
    problem = parse(json.dumps(GOOD).encode())
    assert isinstance(problem, Problem)
    assert (problem.slot_seconds, problem.demands[0].phases, problem.limits.time_s) == (900, [1, 2, 3], 2.0)


REQUIRED = [
    *[(name,) for name in ("id", "start", "slots", "price_micro_per_kwh", "sites", "demands")],
    *[("sites", 0, name) for name in ("id", "limit_w")],
    *[("demands", 0, name) for name in ("id", "site", "arrive_slot", "depart_slot", "energy_wh", "max_w")],
]


def as_field(path):
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


@pytest.mark.parametrize("path", REQUIRED, ids=as_field)
def test_a_missing_field_is_named(path):
    assert errors(changed(path, ...)) == {as_field(path): "expected a value: this field is required"}


UNKNOWN = [("colour",), ("sites", 0, "colour"), ("sites", 0, "feeders", 0, "colour"), ("demands", 0, "colour")]


NULLS = [("explained",), ("demands", 0, "paid_micro_per_kwh")]
FEEDER = ("sites", 0, "feeders", 0, "external")


@pytest.mark.parametrize(
    "path",
    [*UNKNOWN, ("elapsed_s",), ("demands", 0, "any_phase"), ("demands", 0, "charging"), FEEDER, *NULLS],
    ids=as_field,
)
def test_a_field_that_the_contract_does_not_name_is_an_error(path):
    said = None if path in NULLS else path[-1] in ("any_phase", "charging", "external") or 0
    assert errors(changed(path, said)) == {as_field(path): "unknown field: expected only the fields of the contract"}


WRONG = [
    (("slots",), 0, "slots", "expected `int` >= 1"),
    (("slots",), "4", "slots", "expected `int`, got `str`"),
    (("start",), "2026-03-28T17:00:00", "start", "expected `datetime` with a timezone component"),
    (("start",), "noon", "start", "expected an RFC 3339 date-time, such as 2026-03-28T17:00:00Z"),
    (("price_micro_per_kwh",), [1, 2], "price_micro_per_kwh", "expected 4 values, one a slot, got 2"),
    (("price_micro_per_kwh", 1), 1.5, "price_micro_per_kwh[1]", "expected `int`, got `float`"),
    (("price_micro_per_kwh", 1), 10**30, "price_micro_per_kwh[1]", "expected `int` <= 1000000000"),
    (("sites", 0, "limit_w"), [1, 2, 3], "sites[0].limit_w", "expected 4 values, one a slot, got 3"),
    (("sites", 0, "limit_w"), -1, "sites[0].limit_w", "expected `int` >= 0"),
    (("sites", 0, "base_load_w"), [0], "sites[0].base_load_w", "expected 4 values, one a slot, got 1"),
    (
        ("sites", 0, "feeders", 0, "limit_ma"),
        [63_000],
        "sites[0].feeders[0].limit_ma",
        "expected 3 values, one a phase, got 1",
    ),
    (
        ("sites", 0, "feeders", 0, "parent"),
        "f9",
        "sites[0].feeders[0].parent",
        "expected the id of a feeder of this site, got 'f9'",
    ),
    (("demands", 0, "site"), "s9", "demands[0].site", "expected the id of a site, got 's9'"),
    (("demands", 0, "feeder"), "f9", "demands[0].feeder", "expected the id of a feeder of site 's1', got 'f9'"),
    (("demands", 0, "depart_slot"), 0, "demands[0].depart_slot", "expected more than arrive_slot (0), got 0"),
    (("demands", 0, "depart_slot"), 5, "demands[0].depart_slot", "expected at most 4 (slots), got 5"),
    (("demands", 0, "floor_wh"), 1001, "demands[0].floor_wh", "expected at most energy_wh (1000), got 1001"),
    (("demands", 0, "phases"), [], "demands[0].phases", "expected one to three different phases, got []"),
    (("demands", 0, "phases"), [1, 1], "demands[0].phases", "expected one to three different phases, got [1, 1]"),
    (("demands", 0, "phases"), [4], "demands[0].phases[0]", "expected `int` <= 3"),
    (
        ("demands", 0, "survival"),
        [1.0],
        "demands[0].survival",
        "expected 4 values, one for each slot of the stay, got 1",
    ),
    (("demands", 0, "survival"), [1.0, 2.0], "demands[0].survival[1]", "expected `float` <= 1.0"),
    (
        ("demands", 0, "price_micro_per_kwh"),
        [],
        "demands[0].price_micro_per_kwh",
        "expected 4 values, one a slot, got 0",
    ),
    (("carbon_g_per_kwh",), [1], "carbon_g_per_kwh", "expected 4 values, one a slot, got 1"),
    (("sites", 0, "solar_w"), [0], "sites[0].solar_w", "expected 4 values, one a slot, got 1"),
    (
        ("sites", 0, "feed_in_micro_per_kwh"),
        [0],
        "sites[0].feed_in_micro_per_kwh",
        "expected 4 values, one a slot, got 1",
    ),
    (
        ("sites", 0, "peak_price_micro_per_kw"),
        -1,
        "sites[0].peak_price_micro_per_kw",
        "expected `int` >= 0",
    ),
    (
        ("sites", 0, "battery"),
        {"capacity_wh": 1, "stored_wh": 2, "max_w": 1},
        "sites[0].battery.stored_wh",
        "expected at most capacity_wh (1), got 2",
    ),
    (("limits",), {"time_s": 0}, "limits.time_s", "expected `float` > 0.0"),
    (("switch_micro",), -1, "switch_micro", "expected `int` >= 0"),
    (("min_run_slots",), 0, "min_run_slots", "expected `int` >= 1"),
    (("demands", 0, "one_block"), 1, "demands[0].one_block", "expected `bool`, got `int`"),
]


@pytest.mark.parametrize(("path", "value", "field", "message"), WRONG)
def test_a_wrong_value_is_named_with_what_was_expected(path, value, field, message):
    assert errors(changed(path, value)) == {field: message}


def test_ids_stand_for_one_thing_only():
    twice = json.loads(json.dumps(GOOD))
    for key in ("sites", "demands"):
        twice[key] *= 2
    twice["sites"][0]["feeders"] *= 2
    assert list(errors(json.dumps(twice).encode())) == [
        "sites[1].id",
        "demands[1].id",
        *(f"sites[{site}].feeders[{feeder}].id" for site in range(2) for feeder in (2, 3)),
    ]


def test_feeders_are_a_tree():
    raw = changed(("sites", 0, "feeders", 0, "parent"), "f2")
    assert errors(raw)["sites[0].feeders[0].parent"] == "expected a tree, but 'f1' is its own ancestor"


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"nonsense", b'{"id": "\xff"}', b"[" * 100_000])
def test_what_is_no_json_is_said_so(raw):
    found = errors(raw)
    assert list(found) == ["$"]
    assert "expected" in found["$"]


@pytest.mark.parametrize("raw", [b"[]", b"3", b"null"])
def test_what_is_no_object_is_said_so(raw):
    assert errors(raw)["$"].startswith("expected `object`, got ")
