"""Every official case of OCPP 1.6 and 2.0.1 (CSMS) has a test that names it, or a reason why it does not apply here."""

import ast
import builtins
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LIST = Path(__file__).with_name("every_case.txt")
ID = re.compile(r"TC_(?:[A-Z]_\d\d|\d{3}(?:_\d(?!\d))?)(?!\d)", re.IGNORECASE)
Function = ast.FunctionDef | ast.AsyncFunctionDef
OWN = frozenset(dir(builtins))
NO_ROOTS = (
    "To call a contract certificate good we would have to check its chain, or a responder's signature, against roots "
    "of mobility operators, and the cars' e-mobility ids against contracts: an installation would have to bring both. "
    "The answer is NoCertificateAvailable, and the token is judged as any other"
)
NO_POOL = (
    "A car's contract certificate comes out of a contract certificate pool of a V2G PKI, through an encoder of "
    "ISO 15118's EXI: an account at such a pool, with its client certificate, would have to be entered. The answer is "
    "Failed"
)
NOT_APPLICABLE = {
    "TC_C_50": NO_ROOTS,
    "TC_C_51": NO_ROOTS,
    "TC_C_52": NO_ROOTS,
    "TC_M_26": NO_POOL,
    "TC_M_28": NO_POOL,
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


def tells(node: Function, helpers: Mapping[str, Function]) -> bool:
    """Does a test check something that came from elsewhere, by itself or by a helper that it calls?

    That something raises is a check. An assert is one where a call, an await or a `with` gave what it is about: what
    the test wrote down itself, as constants or parameters, proves nothing.
    """
    if checks(node):
        return True
    called = {called_name(one) for one in ast.walk(node) if isinstance(one, ast.Call)} & helpers.keys()
    return any(checks(helpers[name]) for name in called)


def checks(node: Function) -> bool:
    """Has it a `raises`, or an assert on what was given to it by something else?"""
    given: set[str] = set()
    for one in ast.walk(node):
        match one:
            case ast.withitem(optional_vars=target) if target is not None:
                given |= names(target)
            case ast.Assign(targets=targets, value=value) if comes(value, given):
                given |= {name for target in targets for name in names(target)}
            case ast.For(target=target, iter=source) | ast.comprehension(target=target, iter=source):
                given |= names(target) if comes(source, given) else set()
    tests = [one.test for one in ast.walk(node) if isinstance(one, ast.Assert)]
    raises = (item for one in ast.walk(node) if isinstance(one, ast.With) for item in one.items)
    return any(comes(test, given) for test in tests) or any("raises(" in ast.unparse(one) for one in raises)


def comes(value: ast.AST, given: Collection[str]) -> bool:
    """Does a value come from a call (other than Python's own), an await, or from what did?"""
    for one in ast.walk(value):
        if isinstance(one, ast.Await) or (isinstance(one, ast.Call) and called_name(one) not in OWN):
            return True
    return not names(value).isdisjoint(given)


def names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def called_name(call: ast.Call) -> str:
    """What is called, without what it is called on."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def functions(tree: ast.AST) -> dict[str, Function]:
    return {one.name: one for one in ast.walk(tree) if isinstance(one, Function)}


@cache
def shared_helpers() -> dict[str, Function]:
    """Helpers with checks that conversations share."""
    files = ("operators_line.py", "teller_16.py", "conftest.py")
    return {
        name: one for file in files for name, one in functions(ast.parse((TESTS / "octt" / file).read_text())).items()
    }


def of_file(path: Path) -> Iterator[str]:
    """The cases that a file's tests name: in name, docstring or parameters; or as rows, which are never empty."""
    text = path.read_text()
    if not named(text):
        return
    tree = ast.parse(text)
    rows: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict | ast.List):
            rows[ast.unparse(node.targets[0])] = of_rows(node.value)
    helpers = shared_helpers() | functions(tree)
    for node in tree.body:
        if isinstance(node, Function) and node.name.startswith("test_"):
            said = " ".join([node.name, ast.get_docstring(node) or "", *map(ast.unparse, node.decorator_list)])
            ids = named(said).union(*(of for name, of in rows.items() if re.search(rf"\b{name}\b", said)))
            if ids and tells(node, helpers):
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


def test_a_case_that_nobody_names_or_checks_would_be_missed(tmp_path):
    file = tmp_path / "test_some.py"
    file.write_text(
        "ROWS = {'TC_A_01': [1], 'TC_A_02': []}\n"
        "@pytest.mark.parametrize('x', ROWS)\ndef test_rows(x):\n    assert serve(x)\n"
        "def test_tc_b_01_empty():\n    pass\n"
        "def test_tc_b_02_and_tc_b_03(case):\n    answer = case.ask()\n    assert answer == 1\n"
        "# TC_B_04 in a comment\n"
        "def test_tc_b_04_its_own_words(said):\n    assert said\n    assert len([1]) == 1\n"
        "def test_tc_b_05_of_nothing():\n    said = {'a': 1}\n    assert True\n    assert said\n"
        "async def test_tc_b_06_only_awaits(station):\n    async with station() as one:\n        await one.boot()\n"
        "def test_tc_b_07_raises():\n    with pytest.raises(ValueError):\n        run()\n"
        "def seen(case):\n    assert case.said() == 1\n"
        "def test_tc_b_08_by_a_helper(case):\n    seen(case)\n"
    )
    assert set(of_file(file)) == {"TC_A_01", "TC_B_02", "TC_B_03", "TC_B_07", "TC_B_08"}
