"""The demo day for many seeds, on the typical curve and on recorded days of NL 2024: `python bench/demo_sweep.py`.

Each run is a process of its own, two at a time. Prints a row a run and ends with exit code 1 where a bound is broken:
at least 25 sessions, all settled, within a minute, nothing over a limit, nothing posted twice, a ledger that sums to
zero, no stated departure missed without an injected fault, and more than 15 % saved in the median of each curve.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHELF = Path(os.environ.get("DALSTROOM_SHARED") or ROOT.parent / "shared")
NL_PRICES = SHELF / "data" / "prices" / "nl_day_ahead_hourly.parquet"
ABREAST = 2
LEAST_SESSIONS = 25
LEAST_SAVING = 0.15
MOST_SECONDS = 60.0
HEAD = "curve     seed         day sessions settled  saving cashback paid     s  notes"


@dataclass(frozen=True)
class Run:
    """One day: which, how long it took, and what `demo --once --json` said; `error` where it said nothing."""

    curve: str
    seed: int
    seconds: float
    said: dict[str, Any]
    error: str = ""

    def broken(self) -> list[str]:
        """The bounds that this run alone breaks."""
        if self.error:
            return [self.error]
        said = self.said
        unexplained = [missed["session"] for missed in said["missed_departures"] if missed["cause"] is None]
        checks = {
            f"{said['sessions']} sessions": said["sessions"] >= LEAST_SESSIONS,
            f"{said['settled']} settled": said["settled"] == said["sessions"],
            f"{said['limit_violations']} limit violations": said["limit_violations"] == 0,
            f"ledger sums to {said['ledger_sum_minor']}": said["ledger_sum_minor"] == 0,
            f"{said['duplicates_settled']} posted twice": said["duplicates_settled"] == 0,
            f"{len(unexplained)} departures missed unexplained": not unexplained,
            f"{self.seconds:.0f} s": self.seconds < MOST_SECONDS,
        }
        return [what for what, holds in checks.items() if not holds]

    def row(self) -> str:
        """The run as a line of the table."""
        said = self.said
        if self.error:
            return f"{self.curve:9}{self.seed:>5}  {self.error}"
        causes = [missed["cause"] for missed in said["missed_departures"] if missed["cause"]]
        notes = [f"BROKEN: {what}" for what in self.broken()] + [f"missed: {cause}" for cause in causes]
        return (
            f"{self.curve:9}{self.seed:>5}{said['start'][:10]:>12}{said['sessions']:>9}{said['settled']:>8}"
            f"{said['saving']:>8.3f}{said['cashback_eur']:>9.2f}{said['cashback_sessions']:>5}{self.seconds:>6.1f}  "
            + ", ".join(notes)
        )


async def run(curve: str, seed: int, prices: Path | None) -> Run:
    """Run one day in a process of its own."""
    command = [sys.executable, "-m", "server.cli", "demo", "--once", "--json", "--seed", str(seed)]
    command += ["--prices", str(prices)] if prices else []
    pipe = asyncio.subprocess.PIPE
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    took = time.monotonic() - began
    complaint = err.decode().strip()
    if process.returncode or complaint:
        last = complaint.splitlines()[-1] if complaint else "nothing said"
        return Run(curve, seed, took, {}, f"exit code {process.returncode}: {last}")
    return Run(curve, seed, took, json.loads(out))


async def sweep(seeds: range, curves: dict[str, Path | None]) -> list[Run]:
    """Every seed on every curve, two at a time; each is printed as it ends."""
    turn = asyncio.Semaphore(ABREAST)

    async def one(curve: str, seed: int) -> Run:
        async with turn:
            done = await run(curve, seed, curves[curve])
            print(done.row(), flush=True)
            return done

    return list(await asyncio.gather(*(one(curve, seed) for curve in curves for seed in seeds)))


def main() -> int:
    """Print the table and the medians; 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="from 1 to this one")
    parser.add_argument("--curve", choices=("typical", "recorded", "both"), default="both")
    wanted = parser.parse_args()
    curves: dict[str, Path | None] = {"typical": None, "recorded": NL_PRICES}
    curves = {name: path for name, path in curves.items() if wanted.curve in {name, "both"}}
    if "recorded" in curves and not NL_PRICES.exists():
        print(f"no recorded prices at {NL_PRICES} (set DALSTROOM_SHARED): the typical curve only")
        del curves["recorded"]
    print(HEAD)
    runs = asyncio.run(sweep(range(1, wanted.seeds + 1), curves))
    broken = sum(len(one.broken()) for one in runs)
    for curve in curves:
        savings = [one.said["saving"] for one in runs if one.curve == curve and one.said]
        median = statistics.median(savings) if savings else 0.0
        enough = median > LEAST_SAVING
        broken += not enough
        least, most = min(savings, default=0.0), max(savings, default=0.0)
        print(f"{curve}: saving {median:.3f} in the median ({least:.3f} to {most:.3f}){'' if enough else ' BROKEN'}")
    print(f"{broken} bounds broken" if broken else "all bounds hold")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
