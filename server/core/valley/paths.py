"""Which slots of a stay are on, for a given worth of energy: a shortest path through run and rest (one demand alone).

For any worth, the cost of the best pattern less the worth of what it takes, plus the worth of what is asked, is a
bound on every plan of just that energy (Lagrange; `runs` looks for the best worth).
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, compress
from operator import mul

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Mask
from server.core.valley.rules import Rules, starts

NEVER = 1 << 300
"""Dearer than any path. Python integers, so that ties count below the cost and nothing overflows."""
NONE = -1
FIRST = ~0
FINE = 1 << 10
"""Parts of a slot's lateness that a worth can tell apart."""


class Course(msgspec.Struct, frozen=True, eq=False):
    """What a demand may do, slot by slot of its stay, shape (t).

    On means from `low` (1 or more) to `high` Wh, which is 0 where it cannot be on. A floor raises `low` above `least`
    where it is served, and these slots `must` be on. The first `sun` Wh of a slot cost `rebate` less, never negative.
    """

    cost: Ints
    least: Ints
    low: Ints
    high: Ints
    must: Mask
    sun: Ints
    rebate: Ints
    energy: int
    rules: Rules

    def total(self, plan: Ints) -> int:
        """The cost of a plan with its starts."""
        spent = int(plan @ self.cost) - int(self.rebate @ np.minimum(plan, self.sun))
        return spent + self.rules.switch_nano * starts(plan, self.rules)


class Line(msgspec.Struct, frozen=True, eq=False):
    """A pattern at its best for some worth: its scaled cost, and the energy that it takes, Wh."""

    cost: int
    energy: int
    on: Mask

    def bound(self, worth: int, energy: int) -> int:
        """What no plan of this energy can cost less than, where the line is the best for this worth."""
        return self.cost + worth * (energy - self.energy)

    def like(self, *others: "Line") -> bool:
        """Whether it costs and takes the same as one of them."""
        return (self.cost, self.energy) in [(one.cost, one.energy) for one in others]


_Step = tuple[int, int, bool, bool, bool, bool, bool, bool]
"""A slot, and the slot after the shortest run from it. Whether there a run may go on, be the last, or end with others
to come; a rest may go on; a run may begin, and be the first of all."""


class Paths:
    """The best pattern for each worth of a Wh. Costs are scaled so that starts, then lateness, count below the cost.

    Whoever gets energy starts once: that is no choice, so patterns do not pay their first start here but all do.
    """

    def __init__(self, way: Course) -> None:
        slots, most = len(way.cost), int(way.high.sum()) + 1
        # More than all (slot + 1) x energy add up to. At least one FINE a Wh, which hides the rounding of a worth.
        late = FINE * (slots + 1) * most
        self.scale = late * (slots + 2)
        self.switch = way.rules.switch_nano * self.scale + late
        self._way = way
        scale = self.scale
        self._cost = [cost * scale + FINE * slot for slot, cost in enumerate(way.cost.tolist(), 1)]
        self._low, self._high = way.low.tolist(), way.high.tolist()
        self._cloudy = not way.sun.any()
        least = way.cost
        if not self._cloudy:
            least = way.cost - way.rebate
            self._rebate = [rebate * scale for rebate in way.rebate.tolist()]
            self._sun = way.sun.tolist()
            self._lit = np.clip(way.sun, way.low, way.high).tolist()  # taken where only the sun pays
        reach = max(abs(int(way.cost.max(initial=0))), abs(int(least.min(initial=0)))) * scale + FINE * (slots + 1)
        self.cheapest = int(least.min(initial=0)) * scale - 1
        self.dearest = 2 * (reach * most + self.switch * (slots + 1)) + 1
        self._idle = not way.rules.charging and not way.must.any()
        self._steps = _allowed((way.high > 0).tobytes(), way.must.tobytes(), way.rules)

    def exactly(self, plan: Ints) -> int:
        """The scaled cost of a plan."""
        spent = _times(self._cost, plan.tolist())
        saved = 0 if self._cloudy else _times(self._rebate, np.minimum(plan, self._way.sun).tolist())
        return spent - saved + starts(plan, self._way.rules) * self.switch

    def rungs(self) -> tuple[list[int], int]:
        """Worths from the cheapest over those of the slots to the dearest; and at which of them slots that hold all
        the energy pay, starts and runs aside.
        """
        way, order = self._way, self._way.cost.argsort(kind="stable")
        forced = way.low * way.must
        holds = (way.high - forced)[order].cumsum()
        rung = int(holds.searchsorted(way.energy - int(forced.sum()))) + 1
        return [self.cheapest, *(self._cost[slot] for slot in order.tolist()), self.dearest], rung

    def at(self, worth: int) -> Line | None:
        """The pattern with the least cost less the worth of its energy; None where none keeps to the rules."""
        use, gain = self._taken(worth) if self._cloudy else self._sunny(worth)
        path = self._walk(gain)
        if path is None:
            return None
        spent, on = path
        energy = sum(compress(use, on.tolist()))
        first = 0 if self._way.rules.charging else self.switch
        return Line(spent + worth * energy + first, energy, on)

    def _taken(self, worth: int) -> tuple[list[int], list[int]]:
        """What each slot takes where it is on, Wh, and what that costs less its worth."""
        net = [cost - worth for cost in self._cost]
        use = [high if less < 0 else low for less, low, high in zip(net, self._low, self._high, strict=True)]
        return use, list(map(mul, net, use))

    def _sunny(self, worth: int) -> tuple[list[int], list[int]]:
        """The same where solar energy makes part of a slot cheaper."""
        rows = zip(self._cost, self._rebate, self._low, self._lit, self._sun, self._high, strict=True)
        use, gain = [], []
        for cost, rebate, low, lit, sun, high in rows:
            net = cost - worth
            taken = high if net < 0 else lit if net < rebate else low
            use.append(taken)
            gain.append(net * taken - rebate * min(taken, sun))
        return use, gain

    def _walk(self, gain: list[int]) -> tuple[int, Mask] | None:  # noqa: C901  the inner loop of all: calls cost half of it
        """The shortest path and its length. `on[t]`, `off[t]`: up to slot t, with a run, a rest that may end."""
        slots, switch = len(gain), self.switch
        summed = [0, *accumulate(gain)]
        on, off = [NEVER] * (slots + 1), [NEVER] * (slots + 1)
        began, ended = [FIRST] * (slots + 1), [0] * (slots + 1)  # began: the slot, or ~slot for the first run of all
        if self._way.rules.charging:
            on[0] = 0
        done, last = (0, NONE) if self._idle else (NEVER, 0)
        for slot, after, goes_on, may_end, may_pause, may_rest, may_run, may_be_first in self._steps:
            here, rest = on[slot], off[slot]
            if here < NEVER:
                if goes_on and (more := here + gain[slot]) < on[slot + 1]:
                    on[slot + 1], began[slot + 1] = more, began[slot]
                if may_end and here < done:
                    done, last = here, slot
                if may_pause and here < off[after]:
                    off[after], ended[after] = here, slot
                    rest = off[slot]
            if may_rest and rest < off[slot + 1]:
                off[slot + 1], ended[slot + 1] = rest, ended[slot]
            if may_run:
                run = summed[after] - summed[slot]
                if rest < NEVER and (more := rest + switch + run) < on[after]:
                    on[after], began[after] = more, slot
                if may_be_first and run < on[after]:
                    on[after], began[after] = run, ~slot
        if on[slots] <= done:
            done, last = on[slots], slots
        return None if done >= NEVER else (done, _pattern(slots, began, ended, last))


@lru_cache(maxsize=100)
def _allowed(usable: bytes, must: bytes, rules: Rules) -> list[_Step]:
    """What the rules let each slot begin with. `usable`, `must`: a byte a slot, 0 where it is not so."""
    slots = len(usable)
    until, forced = [slots] * (slots + 1), [0, *accumulate(must)]  # the end of what can be on; how many must before
    for slot in reversed(range(slots)):
        until[slot] = until[slot + 1] if usable[slot] else slot
    return [
        (
            slot,
            after,
            until[slot] > slot,
            forced[slots] == forced[slot],
            not rules.block and forced[after] == forced[slot],
            forced[slot + 1] == forced[slot],
            until[slot] >= after,
            not forced[slot] and not rules.charging,
        )
        for slot, after in ((slot, min(slot + rules.run, slots)) for slot in range(slots))
    ]


def _times(ones: Iterable[int], others: Iterable[int]) -> int:
    return sum(map(mul, ones, others))


def _pattern(slots: int, began: list[int], ended: list[int], last: int) -> Mask:
    """The pattern of a path, from the end of its last run (NONE where it has none)."""
    pattern = np.zeros(slots, bool)
    while last >= 0:
        first = began[last]
        pattern[first if first >= 0 else ~first : last] = True
        last = ended[first] if first >= 0 else NONE
    return pattern
