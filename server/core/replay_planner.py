"""How the replay charges one car: at once, with perfect foresight, or by the chance that the car is still there.

Arrays over the slots of a window: prices in micro per kWh, energies in whole Wh (differences of a rounded
cumulative, so that sums stay exact), survival as `core.departure` gives it.
"""

from enum import StrEnum

import msgspec
import numpy as np

from server.core.departure import Floats
from server.core.localtime import Ints
from shared.units import SLOT_SECONDS

MICRO = 1_000_000
NANO = 1_000_000_000
EPSILON_MICRO = 1
"""The dearest price of a window lies this much below b + delta where that has to be raised (engine A3)."""


class Rule(StrEnum):
    """Which slots a forecast takes."""

    BEST = "best"  # the best plan by both chances (chance_plan); the dial is EUR per session left short
    SLOTS = "slots"  # engine A3: by falling S(t) (b + delta - p(t)); the dial is delta, EUR per kWh
    GAP = "gap"  # engine A3: at once for a while, then the best slots up to a last one; EUR per session left short
    QUANTILE = "quantile"  # the yardstick: cheapest slots before the 20 % quantile of the driver's own past dwells


class Window(msgspec.Struct, frozen=True, eq=False):
    """The slots that a plan may use, from plug-in on; `room_wh` is what fits into each."""

    prices: Ints
    room_wh: Ints
    survival: Floats


def rooms(power_w: int, start_s: int, end_s: int) -> Ints:
    """Whole Wh that fit into each quarter hour of [start_s, end_s) at a power; first and last slot may be partial."""
    first = start_s // SLOT_SECONDS
    slots = -(-end_s // SLOT_SECONDS) - first
    ends = np.minimum((first + 1 + np.arange(slots, dtype=np.int64)) * SLOT_SECONDS, end_s)
    return np.diff(power_w * (ends - start_s) // 3_600, prepend=0)


def fill(room_wh: Ints, order: Ints, energy_wh: int) -> Ints:
    """Energy by slot: the slots filled one after another in an order, the last one partly."""
    out = np.zeros(len(room_wh), dtype=np.int64)
    out[order] = np.diff(np.minimum(np.cumsum(room_wh[order]), energy_wh), prepend=0)
    return out


def at_once(room_wh: Ints, energy_wh: int) -> Ints:
    """Energy by slot at full power from plug-in (the baseline of domain 1.2)."""
    return np.diff(np.minimum(np.cumsum(room_wh), energy_wh), prepend=0)


def cheapest(prices: Ints, room_wh: Ints, energy_wh: int) -> Ints:
    """Energy by slot in the cheapest slots, the earlier one of equals."""
    return fill(room_wh, np.argsort(prices, kind="stable"), energy_wh)


def plan(rule: Rule, window: Window, energy_wh: int, floor_wh: int, risk: float) -> Ints:
    """Energy by slot of a plan made at plug-in: the floor at once, the rest by a rule of engine A3.

    Args:
        rule: slots or gap.
        window: the slots.
        energy_wh: what the car is thought to need.
        floor_wh: what of it comes first, at full power.
        risk: the dial's number, EUR per kWh (slots) or per session (gap).
    """
    floor = at_once(window.room_wh, min(floor_wh, energy_wh))
    rest = Window(window.prices, window.room_wh - floor, window.survival)
    left_wh = energy_wh - int(floor.sum())
    if left_wh <= 0 or not rest.room_wh.any():
        return floor
    if rule is Rule.SLOTS:
        return floor + _by_slots(rest, left_wh, risk)
    return floor + _by_gap(rest, left_wh, risk)


def by_deadline(window: Window, energy_wh: int, slots: int) -> Ints:
    """Energy by slot in the cheapest of the first `slots` slots, as much as fits there."""
    planned = np.zeros(len(window.prices), dtype=np.int64)
    planned[:slots] = cheapest(window.prices[:slots], window.room_wh[:slots], energy_wh)
    return planned


def deliver(planned_wh: Ints, room_wh: Ints, energy_wh: int) -> Ints:
    """What a car takes of a plan in its stay: no more than fits and than it needs; after the plan it draws until full.

    Args:
        planned_wh: energy by slot of the plan, from plug-in on, longer or shorter than the stay.
        room_wh: what fits into each slot of the stay.
        energy_wh: what the car really takes.
    """
    asked = np.zeros(len(room_wh), dtype=np.int64)
    shared = min(len(asked), len(planned_wh))
    asked[:shared] = np.minimum(planned_wh[:shared], room_wh[:shared])
    taken = at_once(asked, energy_wh)
    used = np.flatnonzero(planned_wh)
    free = room_wh - taken
    free[: int(used[-1]) if len(used) else 0] = 0
    return taken + at_once(free, energy_wh - int(taken.sum()))


def _mean_price(window: Window, energy_wh: int) -> float:
    """What charging at once costs, micro per kWh: b of engine A3."""
    energy = at_once(window.room_wh, energy_wh)
    return float(energy @ window.prices) / max(1, int(energy.sum()))


def _by_slots(window: Window, energy_wh: int, delta_eur: float) -> Ints:
    worth = _mean_price(window, energy_wh) + delta_eur * MICRO
    score = window.survival * (worth - window.prices)
    energy = fill(window.room_wh, np.argsort(-score, kind="stable"), energy_wh)
    if (score[energy > 0] >= 0).all():
        return energy
    # The order would refuse energy: nothing in the window may be worth less than leaving it out.
    score = window.survival * (float(window.prices.max()) + EPSILON_MICRO - window.prices)
    return fill(window.room_wh, np.argsort(-score, kind="stable"), energy_wh)


def _by_gap(window: Window, energy_wh: int, mu_eur: float) -> Ints:
    """The plan with the highest sum of s(t) x(t) - mu (S(n0 - 1) - S(last used slot)) over n0 and the last slot."""
    score = window.survival * (_mean_price(window, energy_wh) - window.prices)
    order = np.argsort(-score, kind="stable")
    before = np.concatenate([[1.0], window.survival])
    baseline = at_once(window.room_wh, energy_wh)
    last = int(np.flatnonzero(baseline)[-1])
    best, best_value = baseline, float(baseline @ score)
    for head in range(last + 1):
        start = np.where(np.arange(len(baseline)) < head, baseline, 0)
        later = order[order >= head]
        tails = _tails(window.room_wh[later], later, last, energy_wh - int(start.sum()))
        used = np.where(tails > 0, later, 0).max(axis=1)
        values = tails @ score[later] - mu_eur * NANO * (before[head] - window.survival[used])
        row = int(values.argmax())
        value = float(values[row]) + float(start @ score)
        if value > best_value:
            best, best_value = start.copy(), value
            best[later] += tails[row]
    return best


def _tails(room_wh: Ints, slots: Ints, last: int, energy_wh: int) -> Ints:
    """One row a last slot (`last` and later): energy by position of `slots` when only slots up to it are filled."""
    ends = np.arange(last, int(slots.max()) + 1)
    allowed = np.where(slots <= ends[:, None], room_wh, 0)
    tails: Ints = np.diff(np.minimum(np.cumsum(allowed, axis=1), energy_wh), prepend=0, axis=1)
    return tails
