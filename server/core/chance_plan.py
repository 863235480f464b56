"""The best plan for a car that may leave at any moment and be full at any moment: exact, by dynamic programming.

Slots weigh by both chances: that the car is still there at their end, and that the energy is still wanted. With D the
slot in which the car leaves, E what it wants, and x(t) = 1 where it is let draw in slot t, the plan maximises

    sum over t of x(t) P(D > t) E[taken in t] (b(n) - p(t))  -  risk * P(left more than `short_wh` short)

where n counts the slots charged so far, and b(n) is what the same energy costs when charged at once (engine A3: b). A
state is (slot, n); who is still drawing has taken all that was offered, so the state knows all that can be known. The
first slot may be partial, hence two rows of states: with and without it. Of two equal values the car draws.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from server.core.appetite import Appetite
from server.core.departure import Floats
from server.core.localtime import Ints
from shared.units import SLOT_SECONDS

MICRO = 1_000_000
MOST_MICRO = 450_000
"""No two slots differ by as much as a charge at once pays for a quarter hour's delay: it goes first all the same."""
HOUR_SLOTS, DAY_SLOTS = 4, 96
"""An answer of a driver is right to half an hour either way: it tells the hour (after a day: four hours)."""

Bools = npt.NDArray[np.bool_]


class Ahead(msgspec.Struct, frozen=True, eq=False):
    """What lies ahead of a car that is plugged in now.

    `prices`: micro per kWh by slot, all known. `first_wh`, `slot_wh`: what fits into the first slot, which may have
    begun, and into every other. `survival`: the chance that the car is there at each slot's end. `appetite`: what it
    still wants.
    """

    prices: Ints
    first_wh: int
    slot_wh: int
    survival: Floats
    appetite: Appetite


class Stakes(msgspec.Struct, frozen=True):
    """What is at stake: `risk_eur` for each session that leaves more than `short_wh` short; `floor_wh` comes first."""

    risk_eur: float
    short_wh: int = 1_000
    floor_wh: int = 0


class Charging(msgspec.Struct, frozen=True, eq=False):
    """A plan by slot, as long as the car is there and draws.

    `charges`: whether it is let draw; after the last such slot it always is. `advantage_eur`: by how much drawing in
    this slot is better than not, all later choices being the best ones; once all is offered, for one who missed a slot,
    and never above 0. `short`: the chance to be left short.
    """

    charges: Bools
    advantage_eur: Floats
    short: float


def ahead(
    prices: Sequence[int], survival: Sequence[float], wanted: Appetite, max_w: int, left_s: float = SLOT_SECONDS
) -> Ahead:
    """What lies ahead, from a grid of quarter hours whose first has `left_s` seconds left.

    Args:
        prices: micro per kWh by slot.
        survival: the chance that the car is there at each slot's end (`departure`).
        wanted: what it still wants.
        max_w: the power at which it charges.
        left_s: seconds of the first slot that are still to come.
    """
    return Ahead(
        prices=np.array(prices, dtype=np.int64),
        first_wh=int(max_w * min(left_s, SLOT_SECONDS) // 3_600),
        slot_wh=max_w * SLOT_SECONDS // 3_600,
        survival=np.array(survival, dtype=np.float64),
        appetite=wanted,
    )


class _Tables(msgspec.Struct, frozen=True, eq=False):
    """Axes: slot (one more for "later"), row (without, with the first slot), n further slots charged.

    `leaves`: the chance to leave in a slot. `taken_kwh`: what who leaves then takes in the mean of the next slot's
    energy. `short`: the chance of who leaves then to be left short. `at_once_eur`: the price per kWh of the next
    slot's energy, charged at once. `before_wh`: what was offered so far.
    """

    leaves: Floats
    taken_kwh: Floats
    short: Floats
    at_once_eur: Floats
    before_wh: Floats


class _Solved(msgspec.Struct, frozen=True, eq=False):
    """The best choices.

    `value`: EUR by group of departures, row and n, at the end of the first slot. `better`: EUR by which charging is
    better than not, by slot, row and n, of the first group.
    """

    value: Floats
    better: Floats


def plan(ahead: Ahead, stakes: Stakes) -> Charging:
    """The best plan: looked up slot by slot from the best choice in every state."""
    tables = _tables(ahead, stakes)
    solved = _solve(ahead, tables, stakes, np.zeros(len(ahead.prices) + 1, dtype=np.int64))
    slots, states = len(ahead.prices), tables.before_wh.shape[1]
    with_first = float(solved.value[0, 1, 0] - solved.value[0, 0, 0])
    row = int(with_first >= 0 or stakes.floor_wh > 0)
    charges, advantage = np.ones(slots, dtype=np.bool_), np.zeros(slots)
    charges[0], advantage[0] = bool(row), with_first
    short, n = float(tables.leaves[0] * tables.short[0, 0, 0]), 0
    for slot in range(1, slots):
        if n == states:
            break  # all that is hardly ever exceeded was offered; who draws on is not stopped
        short += float(tables.leaves[slot] * tables.short[slot, row, n])
        advantage[slot] = solved.better[slot, row, n]
        charges[slot] = advantage[slot] >= 0 or tables.before_wh[row, n] < stakes.floor_wh
        n += int(charges[slot])
    last = max(0, int(np.count_nonzero(tables.before_wh[row] < ahead.appetite.most_wh)) - 1)
    done = _after_nth(charges, last + 1)
    advantage[done:] = np.minimum(solved.better[done:, row, last], 0.0)
    return Charging(charges, advantage, short)


def worth_of_asking(ahead: Ahead, stakes: Stakes) -> float:
    """What it would be worth to know the hour of the departure, EUR, never negative.

    The mean, over the hours in which the car may leave, of the best plan's value for that hour, less the value of the
    best plan that must do for all of them.
    """
    tables, slots = _tables(ahead, stakes), len(ahead.prices)
    one = _solve(ahead, tables, stakes, np.zeros(slots + 1, dtype=np.int64))
    leaves = np.arange(slots + 1, dtype=np.int64)
    near, far = np.minimum(leaves, DAY_SLOTS) // HOUR_SLOTS, np.maximum(leaves - DAY_SLOTS, 0) // (4 * HOUR_SLOTS)
    each = _solve(ahead, tables, stakes, near + far)
    return max(0.0, _best(each, stakes) - _best(one, stakes))


def engine_prices(ahead: Ahead, charging: Charging, asked_wh: int | None = None, lost_micro: int = 0) -> list[int]:
    """The plan as prices by slot (micro per kWh) for the engine: the least of them are the plan's slots.

    A price is what drawing in that slot costs against the best plan without it, so that behind a limit that cars share
    the engine gives a slot to who would lose most without it.

    Args:
        ahead: what was planned for.
        charging: the plan.
        asked_wh: what the engine is asked for, where that is less than the plan offers: its first slots come first.
        lost_micro: what a kWh costs that the car leaves without, micro. One slot less is always made up for in the next
            one, so advantages alone would let a crowded feeder put a charge off, slot by slot, until the car is gone.
    """
    held_wh = np.full(len(ahead.prices), max(1, ahead.slot_wh), dtype=np.int64)
    held_wh[0] = max(1, ahead.first_wh)
    micro = np.clip(np.rint(-charging.advantage_eur / (held_wh / 1_000) * MICRO), -MOST_MICRO, MOST_MICRO)
    planned = charging.charges
    if asked_wh is not None:
        offered = np.where(planned, held_wh, 0)
        planned = planned & (np.cumsum(offered) - offered < asked_wh)
    later = np.minimum(np.maximum(micro, 0.0) + np.rint(lost_micro * (1.0 - ahead.survival)), MOST_MICRO)
    return [int(value) for value in np.where(planned, micro, later)]


def _after_nth(charges: Bools, nth: int) -> int:
    """The slot after the nth one that charges, the first slot aside."""
    used = np.flatnonzero(charges[1:]) + 1
    return int(used[nth - 1]) + 1 if nth <= len(used) else len(charges)


def _best(solved: _Solved, stakes: Stakes) -> float:
    start = solved.value[:, :, 0]
    return float((start[:, 1] if stakes.floor_wh else start.max(axis=1)).sum())


def _solve(ahead: Ahead, tables: _Tables, stakes: Stakes, group: Ints) -> _Solved:
    """The best choices; `group`: which departures are planned for together, rising.

    A group's values count its departures only, weighted with their chance, so groups add up. From the last n back: with
    V(t, n) the value before slot t, c(t, n) that of drawing in it, and F(t, n) the fines from t on of who never draws
    again, V(t, n) + F(t, n) is the greatest c(s, n) + F(s + 1, n) of all s >= t: a running maximum.
    """
    slots, states = len(ahead.prices), tables.before_wh.shape[1]
    ends = np.searchsorted(group, np.arange(group[-1] + 2))
    at = np.clip(np.arange(slots + 2), ends[:-1, None], ends[1:, None])
    value = np.zeros((2, len(at), slots + 1))
    found = _Solved(np.zeros((len(at), 2, states)), np.zeros((slots, 2, states)))
    for n in range(states - 1, -1, -1):
        taken, fines = _onward(tables.leaves, tables.taken_kwh[:, :, n]), _onward(tables.leaves, tables.short[:, :, n])
        coming = taken[:, at[:, 1:-1]] - taken[:, ends[1:, None]]
        fined = stakes.risk_eur * (fines[:, at[:, :-1]] - fines[:, ends[1:, None]])
        draw = value[:, :, 1:] + coming * (tables.at_once_eur[:, n, None, None] - ahead.prices / MICRO)
        value = np.zeros_like(fined)
        value[:, :, :-1] = np.maximum.accumulate((draw + fined[:, :, 1:])[:, :, ::-1], axis=2)[:, :, ::-1]
        value = np.maximum(value, 0.0) - fined
        forced = tables.before_wh[:, n] < stakes.floor_wh
        value[forced, :, :-1] = (draw + fined[:, :, 1:] - fined[:, :, :-1])[forced]
        found.value[:, :, n] = value[:, :, 1].T
        found.better[:, :, n] = (draw - value[:, :, 1:])[:, 0].T
    return found


def _onward(leaves: Floats, figure: Floats) -> Floats:
    """By row: the sums of a figure over those who leave in a slot or later, times their chance."""
    sums = np.cumsum((leaves[:, None] * figure)[::-1], axis=0)[::-1]
    return np.concatenate([sums, np.zeros((1, 2))]).T


def _tables(ahead: Ahead, stakes: Stakes) -> _Tables:
    slots, slot_wh, wanted = len(ahead.prices), max(1, ahead.slot_wh), ahead.appetite
    assert slots, "a plan needs a slot"
    states = int(np.clip(-(-wanted.most_wh // slot_wh), 1, max(1, slots - 1)))
    edges = np.array([[0.0], [ahead.first_wh]]) + float(slot_wh) * np.arange(states + 1)
    begun = ahead.first_wh / slot_wh
    left_s = SLOT_SECONDS * np.maximum(begun + np.arange(slots + 1) - 0.5, begun / 2)
    most = wanted.could_take_wh(left_s)[:, None, None]
    there = np.append(np.minimum.accumulate(ahead.survival), 0.0)
    short_at = edges[:, :-1] + stakes.short_wh
    room_wh = np.full(slots, slot_wh)
    room_wh[0] = ahead.first_wh
    offered, paid = (np.append(0.0, np.cumsum(column)) for column in (room_wh, room_wh * ahead.prices))
    at_once = np.array([np.diff(np.interp(row, offered, paid)) for row in edges])
    return _Tables(
        leaves=-np.diff(there, prepend=1.0),
        taken_kwh=np.diff(wanted.taken_wh(np.minimum(edges, most)), axis=2) / 1_000,
        short=np.where(most > short_at, wanted.wants_more_than(short_at), 0.0)
        * (np.arange(slots + 1) < slots)[:, None, None],
        at_once_eur=at_once / slot_wh / MICRO,
        before_wh=edges[:, :-1],
    )
