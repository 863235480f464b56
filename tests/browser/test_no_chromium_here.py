"""A machine without a Chromium whose user is not root: Playwright fetches its own, here from a host on the loopback."""

import os
import shlex
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import provision
import pytest

pytestmark = pytest.mark.browser
DRAW = """
import provision
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=provision.find_chromium(), args=["--no-sandbox"])
    page = browser.new_page()
    page.set_content("<h1>Drawn</h1>")
    print(page.inner_text("h1"), len(page.screenshot()))
    browser.close()
"""
"""As browser tests do it: the Chromium is looked for while a Playwright runs already."""


def python(bare: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=bare, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """What a process sees where neither a Chromium nor apt-get is to be found, and nothing answers downloads."""
    (tmp_path / "nothing").mkdir()
    drop = ("PLAYWRIGHT_", "DALSTROOM_CHROMIUM", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return {
        **{name: value for name, value in os.environ.items() if not name.upper().startswith(drop)},
        "PATH": str(tmp_path / "nothing"),
        "PYTHONPATH": str(Path(provision.__file__).parent),
        "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "browsers"),
        "PLAYWRIGHT_DOWNLOAD_HOST": "http://127.0.0.1:9",
    }


def wanted(bare: dict[str, str]) -> tuple[str, Path]:
    """Where the pinned Playwright downloads its Chromium from, below the host, and where it expects the executable."""
    dry = python(bare, "-m", "playwright", "install", "--dry-run", "--no-shell", "chromium")
    url = next(line.split()[-1] for line in dry.stdout.splitlines() if "Download url" in line)
    return urlsplit(url).path.lstrip("/"), Path(python(bare, "-c", provision.WHERE).stdout.strip())


@pytest.fixture
def mirror(bare: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """A download host with one archive, shaped as the official one; its executable starts the Chromium found here."""
    real = provision.find_chromium()
    assert real is not None, "no Chromium: `make test` finds or installs one"
    path, executable = wanted(bare)
    archive = tmp_path / "mirror" / path
    archive.parent.mkdir(parents=True)
    inside = executable.relative_to(tmp_path / "browsers")
    with zipfile.ZipFile(archive, "w") as packed:
        entry = zipfile.ZipInfo(str(PurePosixPath(*inside.parts[1:])))
        entry.external_attr = 0o100755 << 16
        packed.writestr(entry, f'#!/bin/sh\nPATH=/usr/bin:/bin exec {shlex.quote(str(real))} "$@"\n')
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "mirror"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_playwrights_own_is_fetched_named_and_draws(bare: dict[str, str], mirror: str, tmp_path: Path) -> None:
    on_loopback = {**bare, "PLAYWRIGHT_DOWNLOAD_HOST": mirror}
    for how in ("installed by Playwright", "Playwright's"):  # fetched once, then found
        told = python(on_loopback, provision.__file__)
        assert (told.returncode, told.stderr) == (0, "")
        said = told.stdout.splitlines()[-1]
        assert said.startswith(f"Tests use Chromium {tmp_path}/browsers/chromium-")
        assert f"({how}); PostgreSQL" in said
    drawn = python(on_loopback, "-c", DRAW)
    assert drawn.returncode == 0, drawn.stderr
    words, size = drawn.stdout.split()
    assert words == "Drawn"
    assert int(size) > 1_000


def test_a_host_out_of_reach_is_said_in_one_line(bare: dict[str, str]) -> None:
    told = python(bare, provision.__file__)
    assert told.returncode == 1
    [line] = told.stderr.splitlines()
    assert line.startswith("Tests cannot all run: no Chromium on this machine, and Playwright could not fetch its own")
    assert provision.OVERRIDE in line
    assert provision.BROWSERLESS in line


def test_a_chromium_that_cannot_start_is_not_taken(bare: dict[str, str], tmp_path: Path) -> None:
    hint = tmp_path / "nothing" / "chromium-browser"
    hint.write_text("#!/bin/sh\necho requires the snap\nexit 1\n")
    hint.chmod(0o755)
    assert python(bare, "-c", "import provision; print(provision.machine_chromium())").stdout == "None\n"
    told = python({**bare, provision.OVERRIDE: str(hint)}, provision.__file__)
    assert told.returncode == 1
    assert f"{hint}, which {provision.OVERRIDE} names, does not start" in told.stderr
