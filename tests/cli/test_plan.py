"""`dalstroom plan`: problems in, plans out, in order, whatever stands between them."""

import io
import json
import subprocess
import sys

import pytest

from server.cli.plan import run

PROBLEM = {
    "id": "depot-1",
    "start": "2026-03-28T17:00:00Z",
    "slots": 3,
    "price_micro_per_kwh": [300_000, 100_000, 200_000],
    "sites": [{"id": "s1", "limit_w": 80_000}],
    "demands": [{"id": "e1", "site": "s1", "arrive_slot": 0, "depart_slot": 3, "energy_wh": 3000, "max_w": 11_040}],
}
BAD = {**PROBLEM, "id": "bad", "colour": "red"}


def line(problem):
    return json.dumps(problem)


@pytest.fixture
def plan(tmp_path):
    def planned(text):
        source, out = tmp_path / "problems", io.StringIO()
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        code = run(str(source), out)
        return code, [json.loads(answer) for answer in out.getvalue().splitlines()]

    return planned


def test_a_problem_over_many_lines_is_answered_on_one(plan):
    code, [answer] = plan(json.dumps(PROBLEM, indent=2) + "\n")
    assert code == 0
    assert answer["plans"] == [{"id": "e1", "energy_wh": [0, 2760, 240], "shortfall_wh": 0, "reason": None}]
    assert answer["cost_nano"] == answer["bound_nano"] == 2760 * 100_000 + 240 * 200_000
    assert (answer["status"], answer["solver"]) == ("optimal", "threshold")
    assert answer["solve_ms"] > 0
    assert list(answer) == [
        *["id", "status", "cost_nano", "bound_nano", "gap", "unserved_wh", "solver", "solve_ms", "plans", "sites"]
    ]


def test_lines_are_answered_in_order(plan):
    code, answers = plan("\n".join(line({**PROBLEM, "id": f"p{number}"}) for number in range(5)))
    assert code == 0
    assert [answer["id"] for answer in answers] == ["p0", "p1", "p2", "p3", "p4"]


def test_a_bad_line_is_named_and_the_others_are_answered(plan, capsys):
    text = "\n".join([line(PROBLEM), line(BAD), "{nonsense", "", line({**PROBLEM, "id": "last"})])
    code, answers = plan(text)
    assert code == 2
    assert [answer["id"] for answer in answers] == ["depot-1", "bad", None, "last"]
    assert answers[1] == {
        "id": "bad",
        "line": 2,
        "errors": [{"field": "colour", "message": "unknown field: expected only the fields of the contract"}],
    }
    assert answers[2]["line"] == 3
    assert answers[2]["errors"][0]["field"] == "$"
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "line 2: colour: unknown field: expected only the fields of the contract"
    assert said[1].startswith("line 3: $: expected one JSON object in UTF-8")


def test_a_bad_first_line_does_not_hide_the_others(plan):
    code, answers = plan("{nonsense\n" + line(PROBLEM) + "\n")
    assert code == 2
    assert [answer.get("line") for answer in answers] == [1, None]


def test_every_error_of_a_problem_is_told(plan):
    demand = {**PROBLEM["demands"][0], "site": "s9", "depart_slot": 9}
    _, [answer] = plan(line({**PROBLEM, "demands": [demand]}))
    assert [error["field"] for error in answer["errors"]] == ["demands[0].site", "demands[0].depart_slot"]


@pytest.mark.parametrize("text", ["", "\n\n", "[]", "{", '{"id": 7}', b"\xff\xfe", "[" * 200_000])
def test_what_is_no_problem_gets_one_refusal(plan, text):
    code, answers = plan(text)
    assert code == 2
    assert len(answers) == 1
    assert answers[0]["errors"]


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path, capsys):
    assert run(str(tmp_path / "nothing"), io.StringIO()) == 2
    assert capsys.readouterr().err.endswith(
        "No such file or directory; expected a readable file, or - for standard input\n"
    )


def test_a_stream_is_answered_while_it_comes():
    command = [sys.executable, "-c", "import sys; from server.cli.plan import run; sys.exit(run('-', sys.stdout))"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for name in ("first", "second"):
            process.stdin.write(line({**PROBLEM, "id": name}) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == name
        process.stdin.close()
        assert process.wait(timeout=10) == 0
