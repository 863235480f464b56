"""The best level for a site's import where its peak has a price: one flow a level, in a convex search.

With the grid's limits one Wh higher in every slot, a flow's cost falls by ever less: so among levels whose limits
differ by whole Wh (all `step` W) the sum of that cost and the peak's has one valley. Buildings that leave the slots
different fractions of a Wh make several such series of levels, each with its own valley; the best of them is exact.
"""

from math import gcd

import msgspec
import numpy as np

from server.core.valley import grid
from server.core.valley.alone import earliest_rows
from server.core.valley.capacity import Ints, Model
from server.core.valley.flow import flow
from server.core.valley.grid import no_store, within
from server.core.valley.phases import pipes

HOUR_S = 3600
SERIES_MAX = 4
"""A quarter hour has four; more are not looked through, and the plan is then not said to be proven."""

HALVED = 4
"""How often the levels left are halved, whatever the slopes say, for slopes alone may creep."""


class Levelled(msgspec.Struct, frozen=True, eq=False):
    """A plan (n, t) within a level of import, and the site held to it. `exact`: no level does better."""

    model: Model
    plan: Ints
    exact: bool


class Rank(msgspec.Struct, frozen=True, order=True):
    """How good a level is: what it leaves unserved comes before what it costs."""

    missed: tuple[int, ...]
    cost: int


class _Tried(msgspec.Struct, frozen=True, eq=False):
    levelled: Levelled
    rank: Rank


def missed(model: Model, plan: Ints) -> tuple[int, ...]:
    """What a plan leaves undone, in the order of what counts: floors by tier, how late they are, energy by tier."""
    lack = model.energy - plan.sum(axis=1)
    floors = np.maximum(lack - (model.energy - model.floor), 0)
    late = int(earliest_rows(plan, model.floor).sum(axis=0) @ np.arange(plan.shape[1])) if model.floor.any() else 0
    by_tier = [np.bincount(model.tier, part, 1)[::-1].astype(np.int64).tolist() for part in (floors, lack)]
    return (*by_tier[0], late, *by_tier[1])


class _Search:
    """The flows of a site by level, each solved once."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: dict[int, _Tried] = {}

    def at(self, watts: int) -> Rank:
        """How good a level is."""
        return self.tried(watts).rank

    def tried(self, watts: int) -> _Tried:
        """The plan of a level."""
        if watts not in self._known:
            held = within(self._model, watts)
            flowed = flow(held, pipes(held))
            plan = np.zeros_like(held.caps) if flowed is None else flowed.plan
            cost = grid.energy_nano(held, plan, no_store(held), held.cost) + grid.peak_nano(held, watts)
            levelled = Levelled(held, plan, exact=flowed is not None and flowed.exact)
            self._known[watts] = _Tried(levelled, Rank(missed(held, plan), cost))
        return self._known[watts]


def levelled(model: Model) -> Levelled:
    """The best plan of a site whose peak has a price, and whose limits are all pipes."""
    search, lowest = _Search(model), max(model.site.peak_so_far_w, int(model.base.max()))
    free = search.tried(int(np.max(model.site.limit_w)) + int(model.base.max()))
    highest = grid.peak_w(model, free.levelled.plan, no_store(model))
    if highest <= lowest:
        return free.levelled
    step = HOUR_S // gcd(HOUR_S, int(model.seconds[-1]))
    parts = np.unique(model.base[model.caps.any(axis=0)] % step).tolist()
    best, hint = lowest, None
    for part in parts[:SERIES_MAX]:
        first = lowest + (part - lowest) % step
        hint = _valley(search, range(first, highest + step, step), hint)
        best = min(best, first + hint * step, key=search.at)
    found = search.tried(best).levelled
    whole = len(parts) <= SERIES_MAX and bool(np.all(model.seconds == model.seconds[-1]))
    return msgspec.structs.replace(found, exact=found.exact and free.levelled.exact and whole)


class _Slope(msgspec.Struct, frozen=True):
    """What a level costs, and one level more on top of it."""

    at: int
    cost: int
    rise: int


def _valley(search: _Search, levels: range, hint: int | None) -> int:
    """The index of the best of some levels: where the slopes on both sides of it meet, or halfway; `hint` first."""
    low, high, turn = 0, len(levels) - 1, 0
    falling: _Slope | None = None
    rising: _Slope | None = None
    probes = [] if hint is None else [hint, hint - 1, hint - 2]
    lacking = sum(search.at(levels[high]).missed)
    while low < high:
        turn += 1
        probe = probes.pop(0) if probes else _meeting(falling, rising)
        if probe is None or turn % HALVED == 0:
            probe = (low + high) // 2
        middle = min(max(probe, low), high - 1)
        here, there = search.at(levels[middle]), search.at(levels[middle + 1])
        even = here.missed == there.missed
        if here <= there:
            high, rising = middle, _Slope(middle, here.cost, there.cost - here.cost) if even else None
        else:
            low, falling = middle + 1, _Slope(middle, here.cost, there.cost - here.cost) if even else None
            more = sum(here.missed) - sum(there.missed)
            if (
                not even and more > 0 and not probes
            ):  # what is missed is convex too: no level before this one has it all
                probes = [middle - (lacking - sum(here.missed)) // more]
    return low


def _meeting(falling: _Slope | None, rising: _Slope | None) -> int | None:
    """Where two slopes meet; None where they do not, or one is not known."""
    if falling is None or rising is None or falling.rise >= rising.rise:
        return None
    ahead = rising.cost - falling.cost - rising.rise * (rising.at - falling.at)
    return falling.at + ahead // (falling.rise - rising.rise)
