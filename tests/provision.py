"""What tests need besides Python packages: a Chromium, what Playwright's driver runs on, and PostgreSQL binaries.

`make test` runs this first. It looks on the machine, installs what is missing, and says in one line what it did.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import postgres

OVERRIDE = "DALSTROOM_CHROMIUM"
LIBRARY = "libatomic1"
WHERE = "from playwright.sync_api import sync_playwright as s\nwith s() as one: print(one.chromium.executable_path)"
BROWSERLESS = ".venv/bin/python -m pytest -m 'not browser'"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


class Missing(Exception):
    """What tests need is not here and could not be installed; the message says what to do."""


def machine_chromium() -> Path | None:
    """A Chromium that somebody installed on this machine and that starts; one that is named is taken as it is."""
    if chosen := os.environ.get(OVERRIDE):
        return Path(chosen)
    on_path = [found for name in NAMES if (found := shutil.which(name))]
    return next((Path(found) for found in [*on_path, *APPLICATIONS] if starts(Path(found))), None)


def playwrights_chromium() -> Path | None:
    """The Chromium that Playwright keeps for itself, if it was installed."""
    # In a process of its own: browser tests ask while their Playwright runs, and there cannot be two.
    told = subprocess.run([sys.executable, "-c", WHERE], check=False, capture_output=True, text=True)
    found = Path(told.stdout.strip())
    return found if told.returncode == 0 and found.is_file() else None


def find_chromium() -> Path | None:
    """The Chromium that browser tests drive; None where there is none."""
    return machine_chromium() or playwrights_chromium()


def _run(*command: str) -> bool:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return (
        subprocess.run(command, check=False, env=quiet, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    )


def starts(chromium: Path) -> bool:
    """Whether it is there, is more than a hint that a snap is wanted, and finds the libraries it needs."""
    try:
        return shutil.which(chromium) is not None and _run(str(chromium), "--version")
    except OSError:  # one for another processor
        return False


def playwright_runs() -> bool:
    """Whether the Node that Playwright brings can run here: it needs a library that a bare Debian does not have."""
    return _run(sys.executable, "-m", "playwright", "--version")


def _by_apt(package: str) -> bool:
    if os.name != "posix" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    install = ("apt-get", "install", "-y", "--no-install-recommends", package)
    return _run(*install) or (_run("apt-get", "update") and _run(*install))


def provide_playwright() -> str:
    """Make Playwright's driver run; says what that took, nothing where it took nothing."""
    if playwright_runs():
        return ""
    if _by_apt(LIBRARY) and playwright_runs():
        return f"{LIBRARY} (installed with apt-get)"
    raise Missing(f"Playwright does not run: install {LIBRARY}, which its Node needs")


def provide_chromium() -> str:
    """Find or install a Chromium that starts; says which and how."""
    if found := machine_chromium():
        if not starts(found):
            raise Missing(f"{found}, which {OVERRIDE} names, does not start")
        return f"Chromium {found} (this machine's)"
    if (found := playwrights_chromium()) and starts(found):
        return f"Chromium {found} (Playwright's)"
    print("No Chromium on this machine: installing one, which may take minutes.", flush=True)
    if _by_apt("chromium") and (found := machine_chromium()):
        return f"Chromium {found} (installed with apt-get)"
    return _by_playwright()


def _by_playwright() -> str:
    # Its exit code also tells of the ffmpeg for films, which nothing here needs.
    _run(sys.executable, "-m", "playwright", "install", "--no-shell", "chromium")
    found = playwrights_chromium()
    if found is None:
        raise Missing(
            "no Chromium on this machine, and Playwright could not fetch its own (is the network up?): install one, "
            f"or name one in {OVERRIDE}, or test without: {BROWSERLESS}"
        )
    if not starts(found):
        install = f"{sys.executable} -m playwright install-deps chromium"
        raise Missing(f"Chromium {found} (installed by Playwright) lacks libraries: as root, `{install}` installs them")
    return f"Chromium {found} (installed by Playwright)"


def provide_postgres() -> str:
    """Find PostgreSQL binaries; says which."""
    folder, whose = postgres.find_bin()
    return f"PostgreSQL {postgres.version(folder)} {folder} ({whose})"


def provide() -> str:
    """All that tests need, in one line.

    Raises:
        Missing: with all that lacks, and what to do.
    """
    here, lacking = [], []
    for one in (provide_playwright, provide_chromium, provide_postgres):
        try:
            here.append(one())
        except (Missing, postgres.NoPostgres) as error:
            lacking.append(str(error))
    if lacking:
        raise Missing(f"Tests cannot all run: {'; '.join(lacking)}")
    return f"Tests use {'; '.join(filter(None, here))}."


if __name__ == "__main__":
    try:
        print(provide())
    except Missing as missing:
        sys.exit(str(missing))
