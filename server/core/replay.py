"""Real sessions against real prices, walk-forward (engine A2): what a planner would have earned, whom it left short.

At a plug-in nothing is known but who, where and when, and what stays that had ended by then teach. Prices of the
stay and of the next days count as known.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import msgspec
import numpy as np
import numpy.typing as npt

from server.core import departure, replay_lessons, replay_planner
from server.core.demand import HISTORY, estimate
from server.core.departure import Floats
from server.core.localtime import DAY_S, Ints
from server.core.replay_lessons import Lessons, Visit
from server.core.replay_planner import Rule, Window
from server.core.replay_prices import PriceRaster
from shared.units import SLOT_SECONDS

HORIZON_SLOTS = 288
"""A plan looks three days ahead; what a car still needs after that it takes at once."""
ROUNDING_WH = 10
"""Meters and clocks round: this much more than fits into a stay is no contradiction."""
WEEK_S = 7 * DAY_S
EVENING_S = (17 * 3_600, 21 * 3_600)
LEVELS = (0.5, 0.8, 0.9, 0.95)


class Policy(StrEnum):
    """Who plans: nobody, one who knows the future, or the forecast."""

    PERFECT = "perfect"
    FORECAST = "forecast"
    UNCONTROLLED = "uncontrolled"


class EnergyKnowledge(StrEnum):
    """Whether the planner is told a stay's energy (it leaks the departure: engine, trap 1) or estimates it."""

    KNOWN = "known"
    ESTIMATED = "estimated"


class Dial(StrEnum):
    """The driver's choice between money and certainty."""

    SURE = "sure"
    BALANCED = "balanced"
    CHEAP = "cheap"


DIAL_RISK = {
    Rule.SLOTS: {Dial.SURE: 0.5, Dial.BALANCED: 0.3, Dial.CHEAP: 0.12},
    Rule.GAP: {Dial.SURE: 5.0, Dial.BALANCED: 3.5, Dial.CHEAP: 1.5},
}
"""The dial's numbers, by rule: about 1, 2 and 5 % of sessions over 1 kWh short, with no floor and energy estimated."""


class Settings(msgspec.Struct, frozen=True):
    """What a replay is run with. `risk`: EUR per kWh (rule slots) or per session left short (rule gap)."""

    policy: Policy = Policy.FORECAST
    energy: EnergyKnowledge = EnergyKnowledge.ESTIMATED
    rule: Rule = Rule.SLOTS
    risk: float = DIAL_RISK[Rule.SLOTS][Dial.BALANCED]
    floor_wh: int = 5_000
    power_w: int | None = None
    shift_weeks: int = 0


class Said(msgspec.Struct, frozen=True):
    """The forecast said that the car stays until a moment with at least `level`, in fact `chance`; did it?"""

    level: float
    chance: float
    lasted: bool


class Outcome(msgspec.Struct, frozen=True):
    """One session replayed. Energies in Wh, costs in nano-units; `whole` is of the energy that the car really took."""

    user_id: str | None
    ended_s: int
    wanted_wh: int
    delivered_wh: int
    baseline_nano: int
    actual_nano: int
    whole_baseline_nano: int
    perfect_nano: int
    moved_wh: int
    evening_baseline_wh: int
    evening_actual_wh: int
    stay_s: int
    needed_s: float
    said: tuple[Said, ...] = ()


class Skip(StrEnum):
    """Why a session is not replayed."""

    DUPLICATE = "duplicate"
    NO_TIMES = "no_times"
    NO_ENERGY = "no_energy"
    NO_POWER = "no_power"
    TOO_SHORT = "too_short"
    NO_PRICES = "no_prices"


def replay(visits: Sequence[Visit], prices: PriceRaster, settings: Settings) -> Iterator[Outcome | Skip]:
    """Every visit in the order of plug-in: what became of it, or why it was left out."""
    moved = [_shifted(one, settings.shift_weeks) for one in visits]
    refused = _refusals(moved)
    known = replay_lessons.lessons(moved, [skip not in (Skip.DUPLICATE, Skip.NO_TIMES) for skip in refused])
    for row in sorted(range(len(moved)), key=lambda row: (moved[row].started_s or 0, row)):
        skip = refused[row]
        yield skip if skip is not None else _session(moved[row], known, row, prices, settings)


def _shifted(visit: Visit, weeks: int) -> Visit:
    if visit.started_s is None or visit.ended_s is None:
        return visit
    start, end = visit.started_s + weeks * WEEK_S, visit.ended_s + weeks * WEEK_S
    return msgspec.structs.replace(visit, started_s=start, ended_s=end)


def _refusals(visits: Sequence[Visit]) -> list[Skip | None]:
    seen: set[str] = set()
    out: list[Skip | None] = []
    for one in visits:
        skip = None
        if one.session_id and one.session_id in seen:
            skip = Skip.DUPLICATE
        elif one.started_s is None or one.ended_s is None or one.ended_s <= one.started_s:
            skip = Skip.NO_TIMES
        elif one.energy_wh is None or one.energy_wh <= 0:
            skip = Skip.NO_ENERGY
        seen.add(one.session_id)
        out.append(skip)
    return out


class _Case(msgspec.Struct, frozen=True, eq=False):
    """A visit that can be replayed: its slots from plug-in to plug-out."""

    row: int
    arrived_s: int
    left_s: int
    power_w: int
    energy_wh: int
    room_wh: Ints
    prices: Ints

    @property
    def first_s(self) -> int:
        """The start of the first slot, on the raster."""
        return self.arrived_s // SLOT_SECONDS * SLOT_SECONDS


def _session(visit: Visit, known: Lessons, row: int, prices: PriceRaster, settings: Settings) -> Outcome | Skip:
    case = _case(visit, row, prices, settings)
    if isinstance(case, Skip):
        return case
    said: tuple[Said, ...] = ()
    taken = replay_planner.at_once(case.room_wh, case.energy_wh)
    if settings.policy is Policy.PERFECT:
        taken = replay_planner.cheapest(case.prices, case.room_wh, case.energy_wh)
    elif settings.policy is Policy.FORECAST:
        window = _window(case, known, prices)
        planned = _planned(case, known, window, settings)
        taken = replay_planner.deliver(planned, case.room_wh, case.energy_wh)
        said = _said(case, window.survival)
    clock = known.clocks[visit.zone]
    starts = case.first_s + SLOT_SECONDS * np.arange(len(taken), dtype=np.int64)
    of_day = clock.local(starts) % DAY_S
    return _outcome(visit, case, taken, (of_day >= EVENING_S[0]) & (of_day < EVENING_S[1]), said)


def _case(visit: Visit, row: int, prices: PriceRaster, settings: Settings) -> _Case | Skip:
    assert visit.started_s is not None
    assert visit.ended_s is not None
    assert visit.energy_wh is not None
    power_w = min((limit for limit in (settings.power_w, visit.max_power_w) if limit), default=0)
    if not power_w:
        return Skip.NO_POWER
    first_s = visit.started_s // SLOT_SECONDS * SLOT_SECONDS
    slots = -(-visit.ended_s // SLOT_SECONDS) - first_s // SLOT_SECONDS
    fits_wh = power_w * (visit.ended_s - visit.started_s) // 3_600
    if visit.energy_wh > fits_wh + ROUNDING_WH:
        return Skip.TOO_SHORT
    if prices.known(first_s, slots) < slots:
        return Skip.NO_PRICES
    return _Case(
        row=row,
        arrived_s=visit.started_s,
        left_s=visit.ended_s,
        power_w=power_w,
        energy_wh=min(visit.energy_wh, fits_wh),
        room_wh=replay_planner.rooms(power_w, visit.started_s, visit.ended_s),
        prices=prices.window(first_s, slots),
    )


def _window(case: _Case, known: Lessons, prices: PriceRaster) -> Window:
    """What a plan at plug-in may use: slots with known prices, with no regard to when the car will leave."""
    slots = prices.known(case.first_s, HORIZON_SLOTS)
    leaving = replay_lessons.leaving(known, case.row)
    return Window(
        prices=prices.window(case.first_s, slots),
        room_wh=replay_planner.rooms(case.power_w, case.arrived_s, case.first_s + slots * SLOT_SECONDS),
        survival=departure.chances(leaving, case.arrived_s, case.first_s, slots, SLOT_SECONDS),
    )


def _planned(case: _Case, known: Lessons, window: Window, settings: Settings) -> Ints:
    energy_wh = case.energy_wh
    if settings.energy is EnergyKnowledge.ESTIMATED:
        energy_wh, _ = estimate(replay_lessons.past_energies(known, case.row, HISTORY))
    return replay_planner.plan(settings.rule, window, energy_wh, settings.floor_wh, settings.risk)


def _said(case: _Case, survival: Floats) -> tuple[Said, ...]:
    """For each level the latest slot end that the forecast promises, and whether the car was still there then."""
    out = []
    for level in LEVELS:
        held = int(np.count_nonzero(survival >= level))
        if held:
            until = case.first_s + held * SLOT_SECONDS
            out.append(Said(level, float(survival[held - 1]), case.left_s >= until))
    return tuple(out)


def _outcome(visit: Visit, case: _Case, taken: Ints, evening: npt.NDArray[np.bool_], said: tuple[Said, ...]) -> Outcome:
    delivered_wh = int(taken.sum())
    baseline = replay_planner.at_once(case.room_wh, delivered_wh)
    whole = replay_planner.at_once(case.room_wh, case.energy_wh)
    perfect = replay_planner.cheapest(case.prices, case.room_wh, case.energy_wh)
    return Outcome(
        user_id=visit.user_id,
        ended_s=case.left_s,
        wanted_wh=case.energy_wh,
        delivered_wh=delivered_wh,
        baseline_nano=int(baseline @ case.prices),
        actual_nano=int(taken @ case.prices),
        whole_baseline_nano=int(whole @ case.prices),
        perfect_nano=int(perfect @ case.prices),
        moved_wh=int(np.maximum(taken - baseline, 0).sum()),
        evening_baseline_wh=int(baseline[evening].sum()),
        evening_actual_wh=int(taken[evening].sum()),
        stay_s=case.left_s - case.arrived_s,
        needed_s=case.energy_wh * 3_600 / case.power_w,
        said=said,
    )
