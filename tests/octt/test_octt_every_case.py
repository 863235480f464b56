"""Every official case of OCPP 1.6 and 2.0.1 (CSMS) has a test that names it, or a reason why it does not apply here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LIST = Path(__file__).with_name("every_case.txt")
ID = re.compile(r"TC_(?:[A-Z]_\d\d|\d{3}(?:_\d(?!\d))?)(?!\d)", re.IGNORECASE)
NO_CONTRACTS = (
    "Plug and charge needs contract certificates of a V2G PKI and a pool of them, which nobody runs for this server: "
    "it says so in the words of the standard, which the tests named here hold it to, and charges the car by card or app"
)
NOT_APPLICABLE = {
    "TC_C_50": NO_CONTRACTS,
    "TC_C_51": NO_CONTRACTS,
    "TC_C_52": NO_CONTRACTS,
    "TC_M_24": NO_CONTRACTS,
    "TC_M_26": NO_CONTRACTS,
    "TC_M_28": NO_CONTRACTS,
}
"""By id, why. The polite refusal is tested all the same: `test_octt_201_plug_and_charge.py`."""


def cases() -> dict[str, set[str]]:
    """The ids of the committed list, by version."""
    found: dict[str, set[str]] = {}
    for line in LIST.read_text().splitlines():
        if line.startswith("## "):
            ids = found.setdefault(line.removeprefix("## "), set())
        elif line.startswith("TC_"):
            ids.add(line.split(" ")[0])
    return found


def named(text: str) -> set[str]:
    return {one.upper() for one in ID.findall(text)}


def tells(node: ast.AST) -> bool:
    """Does a test check anything: an assert, or that something raises?"""
    checks = (ast.Assert, ast.Await, ast.With, ast.AsyncWith)
    return any(isinstance(one, checks) for one in ast.walk(node))


def of_file(path: Path) -> Iterator[str]:
    """The cases that a file's tests name: in name, docstring or parameters; or as rows, which are never empty."""
    tree = ast.parse(path.read_text())
    rows: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.List):
            rows[ast.unparse(node.targets[0])] = of_rows(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_") and tells(node):
            said = " ".join([node.name, ast.get_docstring(node) or "", *map(ast.unparse, node.decorator_list)])
            yield from named(said)
            for name, ids in rows.items():
                if re.search(rf"\b{name}\b", said):
                    yield from ids


def of_rows(value: ast.Dict | ast.List) -> set[str]:
    """The ids of rows: the keys of a dictionary whose values are not empty, or what a list of parameters says."""
    if isinstance(value, ast.List):
        return named(ast.unparse(value))
    full = [key for key, one in zip(value.keys, value.values, strict=True) if key is not None and not is_empty(one)]
    return {one for key in full for one in named(ast.unparse(key))}


def is_empty(value: ast.expr) -> bool:
    return isinstance(value, ast.List | ast.Tuple | ast.Dict) and not ast.unparse(value).strip("[](){} ")


def of_row_files() -> set[str]:
    """The ids in the rows of `cases_16` and `rows_201_*`, all of which the conversation tests run."""
    files = [*TESTS.glob("octt/rows_*.py"), TESTS / "octt" / "cases_16.py"]
    dicts = [node.value for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.Assign)]
    return {one for value in dicts if isinstance(value, ast.Dict) for one in of_rows(value)}


@pytest.fixture(scope="module")
def tested() -> set[str]:
    files = [*TESTS.glob("**/test_*.py")]
    return {one for file in files if file != Path(__file__) for one in of_file(file)} | of_row_files()


def test_the_list_is_whole():
    assert {version: len(ids) for version, ids in cases().items()} == {"1.6": 75, "2.0.1": 252}


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_every_case_has_a_test_that_names_it_or_a_reason(version, tested):
    assert sorted(cases()[version] - tested - NOT_APPLICABLE.keys()) == []


def test_reasons_are_of_cases_and_what_does_not_apply_is_refused_politely(tested):
    assert NOT_APPLICABLE.keys() <= cases()["2.0.1"]
    assert NOT_APPLICABLE.keys() <= tested
    assert all(len(reason) > 40 for reason in NOT_APPLICABLE.values())


def test_a_case_that_nobody_names_would_be_missed(tmp_path):
    file = tmp_path / "test_some.py"
    file.write_text(
        "ROWS = {'TC_A_01': [1], 'TC_A_02': []}\n"
        "@pytest.mark.parametrize('x', ROWS)\ndef test_rows(x):\n    assert x\n"
        "def test_tc_b_01_empty():\n    pass\n"
        "def test_tc_b_02_and_tc_b_03():\n    assert True\n"
        "# TC_B_04 in a comment\n"
    )
    assert set(of_file(file)) == {"TC_A_01", "TC_B_02", "TC_B_03"}
