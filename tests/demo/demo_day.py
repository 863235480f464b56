"""Runs one demo day in a process of its own and writes down what the tests look at: `demo_day.py FOLDER SEED [PRICES]`.

FOLDER gets `summary.json` (the bytes that `dalstroom demo --once --json` prints), `receipts.json` (by station and
transaction), `expected.json` (by session: how its last plan knew the departure), `findings.json` (what the watch found)
and `frames.jsonl` (the OCPP messages).
"""

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec

from server.cli import logs
from server.cli.commands import runner
from server.cli.demo import said
from server.cli.demo_run import Expected, Outcome, run_once
from server.core.remedy import Finding
from server.simulator.log import MessageLog
from shared.cdrs import Receipt

ROOT = Path(__file__).parents[2]
CHOSEN_DAYS = Path(__file__).parent / "nl_2024-03-12_to_14.csv"
"""Three days of NL day-ahead prices as recorded (Ember, CC BY 4.0)."""


@dataclass(frozen=True)
class Day:
    """What a finished day left in its folder."""

    folder: Path
    seed: int

    @property
    def printed(self) -> bytes:
        """What the command line prints."""
        return (self.folder / "summary.json").read_bytes()

    @property
    def summary(self) -> dict[str, object]:
        """The same, read."""
        return msgspec.json.decode(self.printed, type=dict[str, object])

    @property
    def receipts(self) -> dict[tuple[str, int], Receipt]:
        """The server's receipts, by the station's identity and the transaction's number."""
        rows = msgspec.json.decode((self.folder / "receipts.json").read_bytes(), type=list[tuple[str, int, Receipt]])
        return {(station, transaction): receipt for station, transaction, receipt in rows}

    @property
    def expected(self) -> dict[UUID, Expected]:
        """How each session's last plan knew when the car would leave."""
        return msgspec.json.decode((self.folder / "expected.json").read_bytes(), type=dict[UUID, Expected])

    @property
    def findings(self) -> dict[str, list[Finding]]:
        """What the watch found, by the station's identity."""
        return msgspec.json.decode((self.folder / "findings.json").read_bytes(), type=dict[str, list[Finding]])

    @property
    def frames(self) -> list[str]:
        """The message log, a JSON line each."""
        return (self.folder / "frames.jsonl").read_text().splitlines()


def begin(folder: Path, seed: int, prices: Path | None = None) -> "subprocess.Popen[str]":
    """Start a day in a fresh process, whose hashes differ from ours."""
    folder.mkdir()
    words = [sys.executable, __file__, str(folder), str(seed), *([str(prices)] if prices else [])]
    return _process(words)


def begin_command(seed: int) -> "subprocess.Popen[str]":
    """Start `dalstroom demo --once --json`."""
    return _process([sys.executable, "-m", "server.cli", "demo", "--once", "--json", "--seed", str(seed)])


def _process(words: list[str]) -> "subprocess.Popen[str]":
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "random", "PYTHONWARNINGS": "default"}
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=ROOT, env=env, stdout=pipe, stderr=pipe, text=True)


def ended(process: "subprocess.Popen[str]", within_s: float = 180) -> str:
    """What a process printed; it must have said nothing on standard error."""
    out, err = process.communicate(timeout=within_s)
    assert (process.returncode, err) == (0, "")
    return out


async def _run(folder: Path, seed: int, prices: Path | None) -> Outcome:
    with (folder / "frames.jsonl").open("w") as sink:
        return await run_once(seed, prices, MessageLog(sink))


def main(folder: Path, seed: int, prices: Path | None) -> None:
    """Run the day and write its files."""
    logs.configure(logging.WARNING)
    outcome = runner()(_run(folder, seed, prices))
    receipts = {receipt.session_id: receipt for receipt in outcome.receipts}
    rows = [(*key, receipts[session]) for key, session in outcome.sessions.items() if session in receipts]
    (folder / "receipts.json").write_bytes(msgspec.json.encode(rows))
    (folder / "expected.json").write_bytes(msgspec.json.encode(outcome.expected))
    (folder / "findings.json").write_bytes(msgspec.json.encode(outcome.findings))
    (folder / "summary.json").write_text(said(outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
