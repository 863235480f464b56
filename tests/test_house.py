"""The house rules that no linter knows: layers that break when violated, style, and what a phone can install."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CODE = ("app", "server", "shared")
LINES_A_FILE, LINES_A_FUNCTION = 400, 50
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base"}
GENERATED = ROOT / "server" / "storage" / "migrations" / "versions"
TABLES = Path("server/storage/tables")  # a table is what the glossary says under its name
Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*tops: str) -> list[Path]:
    """Python files under some folders, generated ones left out."""
    found = [path for top in tops for path in (ROOT / top).rglob("*.py")]
    return sorted(path for path in found if GENERATED not in path.parents and "node_modules" not in path.parts)


def tracked() -> list[Path]:
    """What is in the repository; in an unpacked archive everything that could be."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    tops = [*ROOT.glob("*.*"), *ROOT.glob("requirements/*"), *ROOT.glob("docs/*")]
    return [*sources(*CODE, "tests", "bench"), *(path for path in tops if path.is_file())]


# --- layers -------------------------------------------------------------------------------------------------------


def lint_imports(folder: Path, *arguments: str) -> str:
    script = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-W", "ignore", "-c", script, "--no-cache", *arguments]
    wide = {**os.environ, "COLUMNS": "200"}  # a contract's name on one line
    done = subprocess.run(command, cwd=folder, env=wide, check=False, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy_of_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    for top in CODE:
        shutil.copytree(ROOT / top, folder / top, ignore=shutil.ignore_patterns("__pycache__", "assets"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    return found


def contract_ids() -> list[str]:
    return [contract["id"] for contract in contracts()]


VIOLATIONS = [
    ("two-halves", "app/state.py", "import server.settings"),
    ("two-halves", "server/main/server.py", "import app.web"),
    ("shared-is-small", "shared/units.py", "import httpx"),
    ("server-layers", "server/core/session.py", "import server.storage.db"),
    ("server-layers", "server/flows/wallets.py", "import server.api.context"),
    ("server-layers", "server/gateway/link.py", "import server.api.context"),
    ("server-layers", "server/storage/db.py", "import server.flows.wallets"),
    ("server-layers", "server/workers/runner.py", "import server.main.server"),
    ("core-is-pure", "server/core/session.py", "import random"),
    ("core-is-pure", "server/core/timegrid.py", "import asyncio"),
    ("ortools-in-valley", "server/flows/plans.py", "import ortools"),
    ("solver-in-the-pool", "server/flows/plans.py", "import server.core.valley.plan"),
    ("tables-in-storage", "server/flows/plans.py", "import server.storage.tables"),
    ("engine-and-money-apart", "server/core/valley/problem.py", "import server.core.ledger"),
    ("engine-and-money-apart", "server/core/cashback.py", "import server.core.ledger"),
    ("no-second-framework", "server/api/health.py", "import fastapi"),
    ("no-second-framework", "app/state.py", "import flet_web"),
    ("app-layers", "app/state.py", "import app.client"),
    ("app-layers", "app/widgets/cards.py", "import app.views"),
    ("simulator-apart", "server/simulator/town.py", "import server.core.timegrid"),
]


def test_every_contract_is_shown_a_violation() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == set(contract_ids())


def test_the_layers_are_kept(copy_of_house: Path) -> None:
    said = lint_imports(copy_of_house)
    assert f"{len(contract_ids())} kept, 0 broken" in said, said[-3000:]


@pytest.fixture(scope="module")
def what_breaks(copy_of_house: Path) -> dict[str, str]:
    """What the linter says of each broken contract, by its name, of a house with all violations at once."""
    violated = copy_of_house.parent / "violated"
    shutil.copytree(copy_of_house, violated)
    for _, path, line in VIOLATIONS:
        with (violated / path).open("a") as file:
            file.write(f"{line}\n")
    said = lint_imports(violated)
    _, _, broken = said.partition("Broken contracts")
    names = {one["name"]: one["id"] for one in contracts()}
    parts = re.split(rf"^({'|'.join(re.escape(name) for name in names)})$", broken, flags=re.MULTILINE)
    assert len(parts) > 1, said[-3000:]
    return {names[name]: text for name, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.mark.parametrize(("contract", "path", "line"), VIOLATIONS)
def test_a_violated_contract_breaks(
    copy_of_house: Path, what_breaks: dict[str, str], contract: str, path: str, line: str
) -> None:
    last = len((copy_of_house / path).read_text().splitlines())
    module = path.removesuffix(".py").replace("/", ".")
    seen = re.findall(rf"{re.escape(module)} -> (\S+) \(.*?l\.(\d+)", what_breaks[contract])
    assert any(int(number) > last and line.removeprefix("import ").startswith(name) for name, number in seen), (
        what_breaks[contract]
    )


def test_the_simulators_contract_names_every_neighbour() -> None:
    named = next(one for one in contracts() if one["id"] == "simulator-apart")["forbidden_modules"]
    neighbours = {path.stem for path in (ROOT / "server").iterdir() if path.suffix in ("", ".py")}
    neighbours -= {"__init__", "__pycache__", "simulator"}
    assert {f"server.{name}" for name in neighbours} <= set(named)


# --- style --------------------------------------------------------------------------------------------------------


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def lines_of(function: Function) -> int:
    """Lines from `def` to the end, less the docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        said = function.body[0]
        assert said.end_lineno is not None
        lines -= said.end_lineno - said.lineno + 1
    return lines


def test_no_file_is_longer_than_400_lines() -> None:
    counted = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources(*CODE, "tests")}
    assert {path: lines for path, lines in counted.items() if lines > LINES_A_FILE} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {function.name} {lines_of(function)}"
        for path in sources(*CODE, "tests", "bench")
        for function in functions(ast.parse(path.read_text()))
        if lines_of(function) > LINES_A_FUNCTION
    ]
    assert long == []


def test_nothing_is_called_utils_helpers_common_manager_or_base() -> None:
    parts = {part for path in sources(*CODE, "tests", "bench") for part in path.relative_to(ROOT).with_suffix("").parts}
    assert parts & FORBIDDEN_NAMES == set()


def undocumented(path: Path) -> Iterator[str]:
    """Public names of a module that say nothing of themselves; an OCPP handler says it by its message's name."""
    tree = ast.parse(path.read_text())
    if ast.get_docstring(tree) is None:
        yield "the module"
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    owners = [("", tree.body), *((f"{one.name}.", one.body) for one in classes if not one.name.startswith("_"))]
    for prefix, body in owners:
        for node in body:
            named = isinstance(node, Function | ast.ClassDef) and not node.name.startswith(("_", "on_"))
            if named and ast.get_docstring(node) is None:
                yield prefix + node.name


def test_every_public_name_says_what_it_means() -> None:
    owed = {path: list(undocumented(path)) for path in sources(*CODE, "bench")}
    exempt = sources(str(TABLES))
    assert {str(path.relative_to(ROOT)): names for path, names in owed.items() if names and path not in exempt} == {}


def test_broad_excepts_stand_in_two_places_only() -> None:
    catching = {
        str(path.relative_to(ROOT))
        for path in sources("server", "shared")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    }
    assert catching <= {"server/gateway/link.py", "server/gateway/listener.py", "server/workers/runner.py"}


def test_core_never_asks_for_the_time() -> None:
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in [*sources("server/core"), *sources("shared"), *sources("server/flows"), *sources("server/storage")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ("now", "utcnow", "today", "monotonic", "time_ns")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("datetime", "date", "time", "dt")
    ]
    assert asked == []


# Written in pieces, so that this file does not find itself.
HOSTS = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "registry." + "npmjs",
    "deb." + "debian.org",
    "debian" + ".org/debian",
)
MACHINES = ("/" + "work/", "/" + "root/", "/opt/" + "pypi", "/opt/" + "wheels")


def test_no_tracked_file_names_a_package_host_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        if path.suffix in (".png", ".ttf", ".woff2", ".parquet", ".ico"):
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in (*HOSTS, *MACHINES) if word in text]
    assert found == []


# --- what a phone can install (flet.md: binary wheels) ---------------------------------------------------------------

MOBILE_WHEELS = {"msgpack": "1.1.2", "msgspec": "0.21.1"}
"""Packages with compiled code for which Flet's mobile index has wheels, and the newest of each."""


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", text, flags=re.MULTILINE))


def is_pure(name: str) -> bool:
    return "Root-Is-Purelib: true" in (distribution(name).read_text("WHEEL") or "")


def test_the_base_set_is_pure_python_or_has_mobile_wheels() -> None:
    phone = locked("phone.txt")
    compiled = {name: version for name, version in phone.items() if not is_pure(name)}
    assert compiled == MOBILE_WHEELS


def test_the_phones_entry_point_is_the_folder_that_flet_packages() -> None:
    flet = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["flet"]
    assert (ROOT / "main.py").is_file()
    assert flet["app"]["path"] == "."
    assert {"server", "tests", "docs"} <= set(flet["app"]["exclude"])


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports, at whatever depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def modules_of(name: str) -> set[str]:
    files = distribution(name).files or []
    return {file.parts[0].removesuffix(".py") for file in files if file.parts and file.suffix in (".py", ".so")}


def test_app_and_shared_import_only_what_a_phone_has() -> None:
    at_hand = {"app", "shared", *sys.stdlib_module_names}
    for name in locked("phone.txt"):
        at_hand |= modules_of(name)
    web_only = ROOT / "app" / "web.py"  # mounts the app on the server; no phone imports it
    missing = {
        str(path.relative_to(ROOT)): imported(path) - at_hand
        for path in [*sources("app", "shared"), ROOT / "main.py"]
        if path != web_only and imported(path) - at_hand
    }
    assert missing == {}


def test_shared_imports_msgspec_and_the_standard_library_only() -> None:
    allowed = {"shared", "msgspec", *sys.stdlib_module_names}
    assert {name for path in sources("shared") for name in imported(path)} <= allowed


def test_lock_files_have_a_hash_for_everything() -> None:
    for name in ("phone.txt", "server.txt", "dev.txt", "uv.txt"):
        text = (ROOT / "requirements" / name).read_text()
        requirements = re.findall(
            r"^[A-Za-z0-9_.-]+==.*?(?=^[A-Za-z0-9_.-]+==|\Z)", text, flags=re.MULTILINE | re.DOTALL
        )
        assert len(requirements) >= len(locked(name)) > 0
        assert all("--hash=sha256:" in requirement for requirement in requirements), name


def test_the_lock_files_agree_with_each_other() -> None:
    server, dev = locked("server.txt"), locked("dev.txt")
    assert {name: version for name, version in server.items() if dev.get(name) != version} == {}


def test_what_drives_a_browser_lies_where_make_test_looks_for_it() -> None:
    marked = [path for path in sources("tests") if re.search(r"pytest\.mark\.(browser|screen)\b", path.read_text())]
    assert {path.parent for path in marked} == {ROOT / "tests" / "browser"}
