"""`dalstroom replay`: real sessions against real prices, walk-forward (engine A2)."""

import math
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from server.cli.replay_files import BadInputError, read_prices, read_sessions
from server.core.dial import Dial
from server.core.replay import Outcome, replay
from server.core.replay_case import Skip
from server.core.replay_lessons import Visit
from server.core.replay_planner import Rule
from server.core.replay_prices import PriceRaster
from server.core.replay_report import Report, summarise
from server.core.replay_settings import EnergyKnowledge, Policy, Settings

BAD_INPUT = 2
MOST_WEEKS = 5_000
MOST_KW = 1_000.0
Choice = TypeVar("Choice", bound=StrEnum)


def run(
    sessions: Path,
    prices: Path,
    *,
    policy: str = "forecast",
    energy: str = "estimated",
    floor_kwh: float = 5.0,
    dial: str | None = None,
    risk: float | None = None,
    rule: str = "best",
    ask: float | None = None,
    power_kw: float | None = None,
    location_type: str | None = None,
    shift_weeks: int = 0,
    as_json: bool = False,
) -> int:
    """Replays a file of sessions and prints the figures; 0, or 2 with one line on stderr that says what is wrong.

    Args:
        sessions: CSV or Parquet, columns as in engine A2.
        prices: CSV or Parquet with ts_utc, price_eur_mwh.
        policy: perfect, forecast or uncontrolled.
        energy: known or estimated: what the forecast's planner is told.
        floor_kwh: what is charged first, at once.
        dial: sure (default), balanced or cheap: its promise is kept by what became of the sessions that ended.
        risk: the dial's number instead, EUR per session left short (rules best and gap) or EUR per kWh (rule slots).
        rule: best, or for comparison slots, gap (engine A3) or quantile.
        ask: share of sessions in which the driver is asked (rule best): those where the answer is worth most.
        power_kw: the power at which a session's energy flows; else its own max_power_kw.
        location_type: only sessions of this type.
        shift_weeks: moves the sessions by whole weeks onto other prices.
        as_json: one JSON object on stdout instead of a table.
    """
    try:
        chosen = _choice("--rule", Rule, rule)
        settings = Settings(
            policy=_choice("--policy", Policy, policy),
            energy=_choice("--energy", EnergyKnowledge, energy),
            rule=chosen,
            dial=_choice("--dial", Dial, dial or Dial.SURE),
            risk=_risk(dial, risk),
            ask=_asked(chosen, ask),
            floor_wh=round(_between("--floor-kwh", floor_kwh, 0.0, MOST_KW) * 1_000),
            power_w=None if power_kw is None else round(_between("--power-kw", power_kw, 0.001, MOST_KW) * 1_000),
            shift_weeks=int(_between("--shift-weeks", shift_weeks, -MOST_WEEKS, MOST_WEEKS)),
        )
        visits, curve = _visits(sessions, location_type), read_prices(prices)
    except BadInputError as error:
        print(f"dalstroom: {error}", file=sys.stderr)
        return BAD_INPUT
    report = summarise(_watched(visits, curve, settings))
    if report.skipped.get(Skip.NO_POWER) and power_kw is None:
        print("note: sessions without max_power_kw were skipped (no_power); --power-kw replays them", file=sys.stderr)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        _show(report)
    return 0


def _asked(rule: Rule, share: float | None) -> float | None:
    if share is None:
        return None
    if rule is not Rule.BEST:
        raise BadInputError(f"--ask: only rule best knows what an answer is worth; found --rule {rule}")
    return _between("--ask", share, 0.0, 1.0)


def _choice(option: str, kind: type[Choice], value: str) -> Choice:
    try:
        return kind(value)
    except ValueError as error:
        names = ", ".join(kind)
        raise BadInputError(f"{option}: expected one of {names}, found {value!r}") from error


def _between(option: str, value: float, low: float, high: float) -> float:
    if not math.isfinite(value) or not low <= value <= high:
        raise BadInputError(f"{option}: expected a number from {low:g} to {high:g}, found {value:g}")
    return value


def _risk(dial: str | None, risk: float | None) -> float | None:
    if risk is None:
        return None
    if dial is not None:
        raise BadInputError("--dial, --risk: expected one of the two, found both")
    return _between("--risk", risk, 0.0, 1_000_000.0)


def _visits(path: Path, location_type: str | None) -> list[Visit]:
    read = read_sessions(path)
    for zone in read.unknown_zones:
        print(f"note: {path}: tz {zone!r} is no time zone that this machine knows; it counts as UTC", file=sys.stderr)
    if location_type is None:
        return read.visits
    kept = [visit for visit in read.visits if visit.location_type == location_type]
    if not kept:
        there = ", ".join(sorted({visit.location_type for visit in read.visits if visit.location_type})) or "none"
        raise BadInputError(f"--location-type: no session of type {location_type!r} in {path}; its types: {there}")
    return kept


def _watched(visits: Sequence[Visit], prices: PriceRaster, settings: Settings) -> Iterator[Outcome | Skip]:
    """The replay with a progress bar, where somebody watches."""
    results = replay(visits, prices, settings)
    if not sys.stderr.isatty():
        return results
    return iter(track(results, "Replaying", total=len(visits), console=Console(stderr=True), transient=True))


def _show(report: Report) -> None:
    table = Table(show_header=False)
    for name, value in msgspec.to_builtins(report).items():
        lines = value if isinstance(value, dict) else {"": value}
        for key, part in lines.items():
            table.add_row(f"{name} {key}".strip(), _text(part))
    Console().print(table)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items())
    return "-" if value is None else str(value)
