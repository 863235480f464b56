"""A process that is measured from outside: its CPU seconds and its memory, as the kernel counts them."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from server.cli.bench.gateway.node import Said

TICKS = os.sysconf("SC_CLK_TCK")
STARTS_WITHIN_S = 60.0


def cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process, in user and in kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_kib(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


class Node:
    """A server of ours in a process of its own. `with Node(url, home) as node:` waits until it stands."""

    def __init__(self, database: str, home: Path, port: int = 0, *, over_tls: bool = False) -> None:
        words = [sys.executable, "-m", "server.cli.bench.gateway.node", database, str(home), str(port)]
        words += ["tls"] if over_tls else []
        self._log = (home / "node.log").open("ab")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=self._log)  # noqa: S603 -- ourselves
        self.said = self._hear()
        self.port = self.said.port

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def tell(self, word: str) -> Said:
        """Have it do something; how it stands then."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()
        return self._hear()

    def _hear(self) -> Said:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ChildProcessError(f"the server ended with {self._process.wait()}")
        return msgspec.json.decode(line, type=Said)

    @property
    def runs(self) -> bool:
        """Is it alive?"""
        return self._process.poll() is None

    def kill(self) -> None:
        """As a power cut does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process.stdout.close()
        self._log.close()
