"""The frontier of capture against sessions left short, on real sessions, walk-forward: docs/frontier.md and .svg.

Needs the reference shelf (DALSTROOM_SHARED, default ../shared); without it nothing is written. About a quarter of an
hour of CPU on two cores. `--dry` writes nothing.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from server.cli.replay_files import read_prices, read_sessions
from server.core import dial
from server.core.dial import Dial
from server.core.replay import replay
from server.core.replay_lessons import Visit
from server.core.replay_planner import Rule
from server.core.replay_prices import PriceRaster
from server.core.replay_report import Report, summarise
from server.core.replay_settings import EnergyKnowledge, Settings

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("DALSTROOM_SHARED") or ROOT.parent / "shared")
DOCS = ROOT / "docs"
HOMES = "trondheim_no_2018_2020", "home_private"
WORK = "asensio_us_work_2014_2015", "work"
AT_HOME = Settings(floor_wh=0, power_w=11_000, shift_weeks=261)
AT_WORK = Settings(floor_wh=0, power_w=7_400, shift_weeks=470)  # onto November 2023 to October 2024
RISKS = (0.5, 0.9, 1.35, 2.0, 3.0, 4.5, 8.0)
SHORTS = (0.02, 0.03, 0.05)
TARGETS = [(0.02, 0.50), (0.05, 0.66), (0.02, 0.68), (0.02, 0.60), (0.05, 0.70)]
"""Share short and the capture that is asked for there: estimated twice, a fifth asked, known twice."""

Job = tuple[tuple[str, str], Settings, tuple[int, int] | None]
"""Which sessions, how, and of which users: every nth from the kth (k, n), in the order of their names; None: all."""


class Point(msgspec.Struct, frozen=True):
    """One run: its number (`--risk`) and what came of it, in shares."""

    number: float
    capture: float
    short: float
    short2: float
    unmet: float


class Curve(msgspec.Struct, frozen=True):
    """The runs of one way of planning, by rising risk."""

    name: str
    colour: str
    points: list[Point]

    def at(self, short: float, figure: str = "capture") -> float | None:
        """A figure where a share of sessions is short, between two runs; None beyond them."""
        found = sorted((point.short, getattr(point, figure)) for point in self.points)
        if not found[0][0] <= short <= found[-1][0]:
            return None
        return float(np.interp(short, *np.array(found).T))


def main() -> int:
    """Run everything, write table and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dry", action="store_true", help="write nothing")
    parser.add_argument("--abreast", type=int, default=2, help="how many runs at a time")
    told = parser.parse_known_args()[0]
    if not (SHARED / "data/sessions").is_dir():
        print(f"frontier: no sessions in {SHARED}/data (DALSTROOM_SHARED); nothing measured")
        return 0
    with ProcessPoolExecutor(told.abreast) as pool:
        curves = [
            Curve(name, colour, list(pool.map(_point, [(HOMES, how, None) for how in runs])))
            for name, colour, runs in sweeps()
        ]
        dials = list(pool.map(run, dial_jobs()))
        held_out = leave_users_out(pool)
        work = list(pool.map(run, work_jobs()))
    text = "\n".join([*_frontier(curves), *_dials(dials, held_out), *_work(work)])
    print(text)
    if not told.dry:
        (DOCS / "frontier.md").write_text(text + "\n")
        (DOCS / "frontier.svg").write_text(picture(curves) + "\n")
    return 0


def sweeps() -> list[tuple[str, str, list[Settings]]]:
    """The curves at home: name, colour, runs."""
    known = [replace(AT_HOME, energy=EnergyKnowledge.KNOWN, risk=risk) for risk in (0.5, 0.9, 1.5, 2.3, 4.0, 8.0)]
    found = [("energy known", "#8a8a8a", known)]
    found.append(("energy estimated", "#0b6e5b", [replace(AT_HOME, risk=risk) for risk in RISKS]))
    for share, colour in ((0.1, "#3b8fd4"), (0.2, "#2457a6"), (0.3, "#1a2f66")):
        asked = [replace(AT_HOME, ask=share, risk=risk) for risk in (0.5, 1.0, 1.7, 3.0)]
        found.append((f"estimated, {share:.0%} asked", colour, asked))
    slots = [replace(AT_HOME, rule=Rule.SLOTS, risk=risk) for risk in (0.1, 0.17, 0.3, 0.5)]
    return [*found, ("rule slots (engine A3), estimated", "#c77700", slots)]


def dial_jobs() -> list[Job]:
    """The three stops on all homes, without and with the floor of 5 kWh that comes first by default."""
    return [(HOMES, replace(AT_HOME, dial=stop, floor_wh=floor), None) for stop in Dial for floor in (0, 5_000)]


def work_jobs() -> list[Job]:
    """The yardstick at work, then ours."""
    runs = []
    for power_w in (7_400, 11_000):
        runs.append(replace(AT_WORK, rule=Rule.QUANTILE, power_w=power_w))
        runs += [replace(AT_WORK, risk=risk, power_w=power_w) for risk in (0.15, 0.25, 0.4)]
        runs += [replace(AT_WORK, dial=stop, power_w=power_w) for stop in Dial]
    return [(WORK, one, None) for one in runs]


def leave_users_out(pool: ProcessPoolExecutor) -> list[tuple[Dial, int, float, Report]]:
    """Each stop on each half of the homes, begun with the number that its promise takes on the other half."""
    risks = [0.3, 0.6, 1.2, 2.4, 4.8, 9.6]
    found = []
    for half in (0, 1):
        other = list(pool.map(run, [(HOMES, _steady(risk), (1 - half, 2)) for risk in risks]))
        firsts = {stop: dial.CAREFUL * _least(risks, other, dial.AIM * dial.PROMISE[stop]) for stop in Dial}
        jobs: list[Job] = [(HOMES, replace(AT_HOME, dial=stop, first_risk=firsts[stop]), (half, 2)) for stop in Dial]
        reports = list(pool.map(run, jobs))
        found += [(stop, half, firsts[stop], report) for stop, report in zip(Dial, reports, strict=True)]
    return found


def run(job: Job) -> Report:
    """One replay."""
    of, how, part = job
    visits, prices = _read(of)
    if part is not None:
        users = sorted({one.user_id for one in visits if one.user_id})[part[0] :: part[1]]
        visits = [one for one in visits if one.user_id in users]
    return summarise(replay(visits, prices, how))


@lru_cache(maxsize=4)
def _read(of: tuple[str, str]) -> tuple[Sequence[Visit], PriceRaster]:
    visits = read_sessions(SHARED / "data/sessions" / f"{of[0]}.parquet").visits
    prices = read_prices(SHARED / "data/prices/nl_day_ahead_hourly.parquet")
    return [one for one in visits if one.location_type == of[1]], prices


def _steady(risk: float) -> Settings:
    """The dial's plans without its feedback."""
    return replace(AT_HOME, risk=risk, short_wh=dial.SHORT_WH)


def _least(risks: Sequence[float], reports: Sequence[Report], aim: float) -> float:
    """The least risk price that keeps to the aim, by interpolation in the logarithm."""
    shares = [report.short2_share or 0.0 for report in reports]
    order = np.argsort(shares)
    logs = np.log(np.array(risks))[order]
    return float(np.exp(np.interp(aim, np.array(shares)[order], logs)))


def _point(job: Job) -> Point:
    report = run(job)
    return Point(
        number=job[1].risk or 0.0,
        capture=report.capture or 0.0,
        short=report.short_share or 0.0,
        short2=report.short2_share or 0.0,
        unmet=_unmet(report),
    )


def _unmet(report: Report) -> float:
    return report.unmet_kwh / (report.energy_kwh + report.unmet_kwh)


def _frontier(lines: Sequence[Curve]) -> list[str]:
    out = [
        "# How much of the valley a plan captures, and whom it leaves short",
        "",
        "Written by `make bench` (`bench/frontier.py`): 3,509 real sessions of private homes in Trondheim (31",
        "users, 11 kW, no floor), moved by 261 weeks onto Dutch prices, walk-forward. At plug-in nothing is known but",
        "who, where and when (`--energy known`: also the energy). Capture: saving, of that with perfect foresight.",
        "",
        "![frontier](frontier.svg)",
        "",
        "| capture at a share of sessions more than 1 kWh short of | 2 % | 3 % | 5 % | unmet energy at 2 % |",
        "|---|---|---|---|---|",
    ]
    for line in lines:
        cells = [_number(line.at(share)) for share in SHORTS]
        unmet = line.at(SHORTS[0], "unmet")
        out.append(f"| {line.name} | {' | '.join(cells)} | {'-' if unmet is None else f'{unmet:.1%}'} |")
    out += [
        "",
        "| run | `--risk` | capture | > 1 kWh short | > 2 kWh short | unmet energy |",
        "|---|---|---|---|---|---|",
    ]
    for line in lines:
        for at in line.points:
            shares = f"{at.short:.2%} | {at.short2:.2%} | {at.unmet:.2%}"
            out.append(f"| {line.name} | {at.number:g} | {at.capture:.3f} | {shares} |")
    return out


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _row(*cells: object) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _said(report: Report) -> list[str]:
    nine = report.calibration.get("0.9")
    shares = [report.short_share or 0.0, report.short2_share or 0.0, _unmet(report)]
    figures = [f"{report.capture or 0.0:.3f}", *(f"{share:.2%}" for share in shares)]
    return [*figures, "-" if nine is None else f"{nine.said:.1%} / {nine.lasted:.1%}"]


def _dials(dials: Sequence[Report], held_out: Sequence[tuple[Dial, int, float, Report]]) -> list[str]:
    head = "capture | > 1 kWh short | > 2 kWh short | unmet energy | says 90 % / lasted"
    out = ["", "## What the dial promises", "", f"| stop | promise | homes, begun with | {head} |", "|---" * 8 + "|"]
    names = [(stop, floor) for stop in Dial for floor in (0, 5)]
    for (stop, floor), report in zip(names, dials, strict=True):
        start = f"all, floor {floor} kWh, EUR {dial.FIRST_RISK_EUR[stop]:g}"
        out.append(_row(stop.value, f"{dial.PROMISE[stop]:.0%}", start, *_said(report)))
    for stop, half, first, report in held_out:
        start = f"half {half + 1}, no floor, EUR {first:.2f} from the other half"
        out.append(_row(stop.value, f"{dial.PROMISE[stop]:.0%}", start, *_said(report)))
    return out


def _work(reports: Sequence[Report]) -> list[str]:
    head = "power | plan | capture | > 1 kWh short | > 2 kWh short | unmet energy | says 90 % / lasted"
    out = [
        "",
        "## At work",
        "",
        "Asensio: 3,340 sessions of 84 users, moved by 470 weeks onto Dutch prices, no floor.",
        "",
    ]
    out += [f"| {head} |", "|---" * 7 + "|"]
    for (_, how, _part), report in zip(work_jobs(), reports, strict=True):
        name = f"risk {how.risk:g}" if how.risk is not None else f"dial {how.dial.value}"
        told = "leave at the 20 % quantile of own dwells" if how.rule is Rule.QUANTILE else name
        out.append(_row(f"{(how.power_w or 0) / 1000:g} kW", told, *_said(report)))
    return out


WIDE, HIGH, LEFT, FOOT = 760, 460, 60, 50
MOST_SHORT = 0.08


def picture(curves: Sequence[Curve]) -> str:
    """The frontier as SVG: share of sessions short to the right, capture upwards; rings are what was asked for."""
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDE}" height="{HIGH}" fill="#ffffff"/>',
    ]
    for step in range(11):
        at = _y(step / 10)
        out.append(f'<path d="M{LEFT} {at}H{WIDE - 20}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{LEFT - 8}" y="{at + 4}" text-anchor="end">{step / 10:.1f}</text>')
    percents = range(int(MOST_SHORT * 100) + 1)
    out += [f'<text x="{_x(one / 100)}" y="{HIGH - FOOT + 18}" text-anchor="middle">{one} %</text>' for one in percents]
    out.append(f'<text x="{WIDE / 2}" y="{HIGH - 10}" text-anchor="middle">sessions left more than 1 kWh short</text>')
    out.append(f'<text x="{LEFT - 45}" y="14">capture: saving, of that with perfect foresight</text>')
    for number, curve in enumerate(curves):
        points = sorted((point.short, point.capture) for point in curve.points if point.short <= MOST_SHORT)
        line = " ".join(f"{_x(short)},{_y(capture)}" for short, capture in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{curve.colour}" stroke-width="2"/>')
        out += [f'<circle cx="{_x(x)}" cy="{_y(y)}" r="3" fill="{curve.colour}"/>' for x, y in points]
        row = _y(0.30) + 18 * number
        out.append(f'<path d="M{WIDE - 270} {row}h24" stroke="{curve.colour}" stroke-width="3"/>')
        out.append(f'<text x="{WIDE - 240}" y="{row + 4}">{curve.name}</text>')
    out += [
        f'<circle cx="{_x(x)}" cy="{_y(y)}" r="6" fill="none" stroke="#b3261e" stroke-width="1.5"/>' for x, y in TARGETS
    ]
    return "\n".join([*out, "</svg>"])


def _x(short: float) -> float:
    return round(LEFT + (WIDE - LEFT - 20) * short / MOST_SHORT, 1)


def _y(capture: float) -> float:
    return round(25 + (HIGH - FOOT - 25) * (1 - capture), 1)


if __name__ == "__main__":
    sys.exit(main())
