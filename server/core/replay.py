"""Real sessions against real prices, walk-forward (engine A2): what a planner would have earned, whom it left short.

At a plug-in nothing is known but who, where and when, and what stays that had ended by then teach. Prices of the
stay and of the next days count as known.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from server.core import replay_case, replay_lessons, replay_planner
from server.core.departure import Floats
from server.core.localtime import DAY_S, Ints
from server.core.replay_case import Case, Skip
from server.core.replay_lessons import Lessons, Visit
from server.core.replay_prices import PriceRaster
from server.core.replay_settings import Policy, Settings
from server.core.replay_walk import Walk
from shared.units import SLOT_SECONDS

EVENING_S = (17 * 3_600, 21 * 3_600)
LEVELS = (0.5, 0.8, 0.9, 0.95)


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
    asked: bool = False


def replay(visits: Sequence[Visit], prices: PriceRaster, settings: Settings) -> Iterator[Outcome | Skip]:
    """Every visit in the order of plug-in: what became of it, or why it was left out."""
    moved = [replay_case.shifted(one, settings.shift_weeks) for one in visits]
    refused = replay_case.refusals(moved)
    known = replay_lessons.lessons(moved, [skip not in (Skip.DUPLICATE, Skip.NO_TIMES) for skip in refused])
    walk = Walk(known, prices, settings)
    for row in sorted(range(len(moved)), key=lambda row: (moved[row].started_s or 0, row)):
        case = refused[row] or replay_case.case(moved[row], row, prices, settings.power_w)
        yield case if isinstance(case, Skip) else _session(moved[row], case, known, walk, settings.policy)


def _session(visit: Visit, case: Case, known: Lessons, walk: Walk, policy: Policy) -> Outcome:
    said: tuple[Said, ...] = ()
    asked = False
    taken = replay_planner.at_once(case.room_wh, case.energy_wh)
    if policy is Policy.PERFECT:
        taken = replay_planner.cheapest(case.prices, case.room_wh, case.energy_wh)
    elif policy is Policy.FORECAST:
        decision = walk.decide(case)
        taken = replay_planner.deliver(decision.planned_wh, case.room_wh, case.energy_wh)
        walk.learn(case, int(taken.sum()))
        said, asked = _said(case, decision.survival), decision.asked
    clock = known.clocks[visit.zone]
    starts = case.first_s + SLOT_SECONDS * np.arange(len(taken), dtype=np.int64)
    of_day = clock.local(starts) % DAY_S
    found = _outcome(visit, case, taken, (of_day >= EVENING_S[0]) & (of_day < EVENING_S[1]))
    return msgspec.structs.replace(found, said=said, asked=asked)


def _said(case: Case, survival: Floats) -> tuple[Said, ...]:
    """For each level the latest slot end that the forecast promises, and whether the car was still there then."""
    out = []
    for level in LEVELS:
        held = int(np.count_nonzero(survival >= level))
        if held:
            until = case.first_s + held * SLOT_SECONDS
            out.append(Said(level, float(survival[held - 1]), case.left_s >= until))
    return tuple(out)


def _outcome(visit: Visit, case: Case, taken: Ints, evening: npt.NDArray[np.bool_]) -> Outcome:
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
    )
