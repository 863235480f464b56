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
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def machine_chromium() -> Path | None:
    """A Chromium that somebody installed on this machine."""
    if chosen := os.environ.get(OVERRIDE):
        return Path(chosen)
    on_path = [found for name in NAMES if (found := shutil.which(name))]
    return next((Path(found) for found in [*on_path, *APPLICATIONS] if Path(found).exists()), None)


def playwrights_chromium() -> Path | None:
    """The Chromium that Playwright keeps for itself, if it was installed."""
    if not playwright_runs():
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = Path(playwright.chromium.executable_path)
    return found if found.exists() else None


def find_chromium() -> Path | None:
    """The Chromium that browser tests drive; None where there is none."""
    return machine_chromium() or playwrights_chromium()


def _run(*command: str) -> bool:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return (
        subprocess.run(command, check=False, env=quiet, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    )


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
        return f"{LIBRARY} (installed with apt-get); "
    return f"no Playwright that runs: browser tests will fail (does {LIBRARY} lack?); "


def provide_chromium() -> str:
    """Find or install a Chromium; says which and how."""
    if found := machine_chromium():
        return f"Chromium {found} (this machine's)"
    if found := playwrights_chromium():
        return f"Chromium {found} (Playwright's)"
    if _by_apt("chromium") and (found := machine_chromium()):
        return f"Chromium {found} (installed with apt-get)"
    if _run(sys.executable, "-m", "playwright", "install", "chromium") and (found := playwrights_chromium()):
        return f"Chromium {found} (installed by Playwright)"
    return f"no Chromium found or installable: browser tests will fail (install one, or say where in {OVERRIDE})"


def provide_postgres() -> str:
    """Find PostgreSQL binaries; says which."""
    try:
        folder, whose = postgres.find_bin()
    except postgres.NoPostgres as error:
        return str(error)
    return f"PostgreSQL {postgres.version(folder)} {folder} ({whose})"


if __name__ == "__main__":
    print(f"Tests use {provide_playwright()}{provide_chromium()}; {provide_postgres()}.")
