"""One demand alone under rules of running, or with a least power: as much as it can be served, at least cost.

`paths` gives for each worth of energy the best pattern; the best worth gives a bound, the patterns met on the way give
plans (Lagrange). Where both meet, the plan is proven best; else `exact` decides, where it is small enough for that.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from server.core.valley.capacity import Ints, Mask, earliest
from server.core.valley.exact import exact
from server.core.valley.paths import NEVER, Course, Line, Paths
from server.core.valley.rules import Rules, kept, spans

STEPS = 40
"""Worths tried at most; six to ten are usual."""
STRIDE = 3
"""Each step over the worths of slots is so many times longer, until one takes too much, or too little."""
START_SLOTS = 8
"""On equal cost a start may move all the energy by this part of the stay: near enough to fewer starts first."""
CHANGES = 200
"""Slots by which a pattern is lengthened or shortened at most."""
CELLS = 4_000_000
"""Size of the dynamic programme up to which a plan that is not proven best is looked for there, energies x slots."""
HASTY_CELLS = 400_000
"""The same for who has no time: 8 ms."""


class Found(msgspec.Struct, frozen=True, eq=False):
    """A plan, Wh (t); no plan that serves as much costs less than `bound`. `worth` of the last Wh, micro per kWh."""

    plan: Ints
    bound: int
    worth: int


class _Best(msgspec.Struct, frozen=True, eq=False):
    """What the search over worths found; no plan where no pattern takes just the energy."""

    plan: Ints | None
    bound: int
    worth: int
    most: bool = False  # it is all that the rules let it have


def course(cost: Ints, caps: Ints, least: Ints, need: tuple[int, int], rules: Rules) -> Course:
    """A course from a stay: `need` is energy and floor. The floor is served as early as the slots let it."""
    energy, floor = need
    high = np.where(caps >= least, caps, 0)
    first = earliest(high, floor)
    least = np.where(high > 0, np.maximum(least, 1), 0)
    must, nothing = first > 0, np.zeros_like(high)
    low = np.maximum(least, first)
    return Course(cost, least, low, high, must, nothing, nothing, energy, rules)


def planned(way: Course, cells: int = CELLS, *, bounded: bool = True, near: int = 0) -> Found:
    """The best plan of a course.

    `cells`: how large a programme may be solved to better it. `bounded`: whether who asks needs the bound, which costs
    more where the rules forbid the floor's own slots. `near`: a plan that costs no more beyond its bound than this,
    nano, is good enough for who asks.

    One block of a car that charges goes on; only where that cannot serve all, nor the floor in its own slots, and a new
    one serves more, it is new.
    """
    found = _planned(way, cells, bounded=bounded, near=near)
    if not (way.rules.block and way.rules.charging) or found.plan.sum() >= way.energy:
        return found
    if way.must.any() and np.all(found.plan >= way.low, where=way.must):
        return found
    fresh = _planned(renewed(way), cells, bounded=bounded, near=near)
    return fresh if fresh.plan.sum() > found.plan.sum() else found


def renewed(way: Course) -> Course:
    """The course of a car that charges, for a new block: what begins with the stay would be the old one."""
    high = np.concatenate(([0], way.high[1:]))
    return msgspec.structs.replace(way, high=high, rules=msgspec.structs.replace(way.rules, charging=False))


def _planned(way: Course, cells: int, *, bounded: bool, near: int) -> Found:
    if way.rules.block and way.rules.charging:
        way = msgspec.structs.replace(way, energy=_held(way))
    if not way.energy:
        return Found(np.zeros_like(way.high), 0, 0)
    best = _search(way)
    found = None if best is None else _decided(way, best, cells, near)
    return _without_must(way, cells, bounded=bounded) if found is None else found


def _held(way: Course) -> int:
    """What a block that goes on can hold of the energy; all of it where it cannot be on where it must."""
    on = np.cumprod(way.high > 0)
    low, high = np.cumsum(way.low * on), np.cumsum(way.high * on)
    musts = np.cumsum(way.must * on) == way.must.sum()
    held = np.minimum(high, way.energy)[musts & (low <= way.energy)]
    return int(held.max(initial=0)) if len(held) or not way.must.any() else way.energy


def _decided(way: Course, best: _Best, cells: int, near: int = 0) -> Found | None:
    """What the search found, or better by the programme; None where neither has a plan."""
    if best.most or (best.plan is not None and way.total(best.plan) <= best.bound):
        assert best.plan is not None
        return Found(best.plan, best.bound, best.worth)
    if best.plan is not None and way.total(best.plan) <= best.bound + near:
        return Found(pulled(way, shortened(way, best.plan)), best.bound, best.worth)
    finer, times = _finer(way, best.worth)
    most = CELLS if cells and best.plan is None else cells
    plan = exact(finer, best.plan, best.worth * times, most)
    if plan is None and best.plan is not None:
        return Found(best.plan, best.bound, best.worth)
    if plan is None or not plan.any():
        return None
    return Found(plan, way.total(plan), best.worth)


def shortened(way: Course, plan: Ints) -> Ints:
    """The same energy with each run as short as it costs no more: at full power, instead of longer at the least."""
    for first, end in spans(plan > 0):
        least = max(int(np.flatnonzero(way.must[first:end])[-1]) + 1 if way.must[first:end].any() else 0, way.rules.run)
        few, many = 0, end - first - least  # slots that can be left out: surely, and at the most
        while few < many:
            tried, on = (few + many + 1) // 2, plan > 0
            on[end - tried : end] = False
            other = filled(way, on)
            if other is not None and way.total(other) <= way.total(plan):
                few, plan = tried, other
            else:
                many = tried - 1
    return plan


def pulled(way: Course, plan: Ints) -> Ints:
    """The same plan with each of its runs as early as it costs no more there, as the programme would have it."""
    if way.rebate.any():
        return plan
    out, windows = plan.copy(), np.lib.stride_tricks.sliding_window_view
    free = way.rules.run if way.rules.charging and not plan[0] else 0
    for first, end in spans(plan > 0):
        run, begin = plan[first:end], first
        if first > free and not way.must[first:end].any():
            costs = windows(way.cost[free:end], len(run)) @ run
            fits = (windows(way.high[free:end], len(run)) >= run) & (windows(way.low[free:end], len(run)) <= run)
            begin = free + int(np.flatnonzero(fits.all(axis=1) & (costs <= costs[-1]))[0])
        out[first:end] = 0
        out[begin : begin + len(run)] = run
        free = begin + len(run) + way.rules.run
    return out


def _finer(way: Course, worth: int) -> tuple[Course, int]:
    """The course with its costs so many times finer that starts, then lateness, count below them; where 64 bits do."""
    slots = np.arange(len(way.cost))
    late = (len(slots) + 1) * way.energy
    dearest = int(np.abs(way.cost).max()) + int(way.rebate.max())
    reach = dearest * way.energy + way.rules.switch_nano * (len(slots) + 1)
    reach = max(reach, (abs(worth) + 1) * (way.energy + int(way.high.sum()) + 1))
    for begun in (len(slots) // START_SLOTS * way.energy, 0):
        times = late + begun * len(slots) + 1
        if 2 * times * reach < 1 << 60:
            rules = msgspec.structs.replace(way.rules, switch_nano=way.rules.switch_nano * times + begun)
            cost, rebate = way.cost * times + slots, way.rebate * times
            return msgspec.structs.replace(way, cost=cost, rebate=rebate, rules=rules), times
    return way, 1


def _without_must(way: Course, cells: int, *, bounded: bool) -> Found:
    """Where the rules forbid the floor's own slots: it comes as early as they let it, then the rest as it is cheapest.

    All comes early where that serves more.
    """
    if not way.must.any():
        return Found(np.zeros_like(way.high), 0, 0)
    free = msgspec.structs.replace(way, must=np.zeros_like(way.must), low=way.least)
    soon = _soon(free, min(int(way.low[way.must].sum()), way.energy))
    best = _search(msgspec.structs.replace(free, must=soon > 0, low=np.maximum(way.least, soon)))
    plan = np.zeros_like(soon) if best is None or best.plan is None else best.plan
    if plan.sum() < way.energy:
        plan = max(plan, _early(free, cells).plan, key=np.sum)
    bound = _least(msgspec.structs.replace(free, energy=int(plan.sum())), plan, cells) if bounded else -NEVER
    return Found(plan, bound, 0 if best is None else best.worth)


def _least(way: Course, plan: Ints, cells: int) -> int:
    """A bound on what serves just as much as a plan of the course."""
    best = _search(way) if way.energy else None
    if best is None:
        return 0
    found = _decided(way, best, cells)
    return min(way.total(plan), best.bound if found is None else found.bound)


def _soon(way: Course, energy: int) -> Ints:
    """The least that the first runs take which can be, so that so much energy comes as early as they let it, Wh (t)."""
    plan, slots, run, ready = np.zeros_like(way.high), len(way.high), way.rules.run, 0
    if way.rules.charging and not way.high[0]:
        ready = run
    for first, end in spans(way.high > 0):
        begin, least = max(first, ready), 1 if way.rules.charging and first == 0 else run
        if begin >= end or (end - begin < least and end < slots):
            continue
        early = earliest(way.high[begin:end], energy - int(plan.sum()))
        stop = begin + max(int(np.count_nonzero(early)), min(least, end - begin))
        plan[begin:stop] = np.maximum(early[: stop - begin], way.least[begin:stop])
        ready = stop + run
        if plan.sum() >= energy or way.rules.block:
            break
    return plan


def _early(way: Course, cells: int) -> Found:
    """All as early as can be, whatever it costs."""
    rules = msgspec.structs.replace(way.rules, switch_nano=0)
    cost, nothing = np.arange(len(way.cost)), np.zeros_like(way.rebate)
    return _planned(msgspec.structs.replace(way, cost=cost, rebate=nothing, rules=rules), cells, bounded=False, near=0)


class _Search:
    """What patterns at some worths of energy have shown.

    `few` takes at most the energy, `many` more. `bound`: proven at the worth `at`; `cost`: of the best plan (scaled).
    """

    def __init__(self, way: Course) -> None:
        self._way, self.paths = way, Paths(way)
        self.few: Line | None = None
        self.many: Line | None = None
        self.bound, self.at = -NEVER, 0
        self.cost = NEVER
        self.plan: Ints | None = None

    @property
    def proven(self) -> bool:
        """Whether nothing is better than the best plan."""
        return self.cost <= self.bound

    def look(self, worth: int) -> bool:
        """Try a worth; whether it taught anything about the patterns there are."""
        line = self.paths.at(worth)
        if line is None:
            return False
        self.bound, self.at = max((self.bound, self.at), (line.bound(worth, self._way.energy), worth))
        if self.few is not None and self.many is not None and line.like(self.few, self.many):
            return False
        self.take(line.on)
        if line.energy <= self._way.energy:
            self.few = line
        else:
            self.many = line
        return True

    def take(self, on: Mask) -> None:
        """Heed the best plan of a pattern."""
        plan = filled(self._way, on)
        if plan is not None and (cost := self.paths.exactly(plan)) < self.cost:
            self.cost, self.plan = cost, plan

    def best(self) -> _Best:
        """What is known, in the cost's own unit."""
        return _Best(self.plan, self.bound // self.paths.scale, self.at // self.paths.scale)


def _search(way: Course) -> _Best | None:
    """Plans and bound over all worths; None where not even all that must be on can be."""
    search = _Search(way)
    rungs, rung = search.paths.rungs()
    if not search.look(rungs[rung]):
        return None
    step = 1
    while not search.proven and (search.few is None or search.many is None):
        end = len(rungs) - 1 if search.many is None else 0
        if rung == end:
            break
        rung = min(rung + step, end) if end else max(rung - step, 0)
        search.look(rungs[rung])
        step *= STRIDE
    if search.many is None and not search.proven:
        assert search.few is not None
        plan = np.where(search.few.on, way.high, 0)
        return _Best(plan, way.total(plan), search.at // search.paths.scale, most=True)
    _narrow(way, search)
    return search.best()


def _narrow(way: Course, search: _Search) -> None:
    """Narrow the worth of energy between a pattern that takes too little and one that takes too much."""
    for _ in range(STEPS):
        few, many = search.few, search.many
        if search.proven or few is None or many is None or few.energy == way.energy:
            break
        if not search.look((many.cost - few.cost) // (many.energy - few.energy)):
            break
    best = search.best()
    if best.plan is None or search.cost // search.paths.scale > best.bound:
        for line in (search.few, search.many):
            for on in fitting(way, line.on) if line is not None else []:
                search.take(on)


def filled(way: Course, on: Mask) -> Ints | None:
    """Just the energy into the slots of a pattern, the cheapest first; None where they cannot hold just that."""
    plan, top = way.low * on, way.high * on
    left = way.energy - int(plan.sum())
    if left < 0 or left > int(top.sum()) - int(plan.sum()):
        return None
    if not way.sun.any():
        return plan + _poured(way.cost, top - plan, left)
    lit = np.clip(way.sun, plan, top)
    cost = np.concatenate((way.cost - way.rebate, way.cost))
    added = _poured(cost, np.concatenate((lit - plan, top - lit)), left)
    half = len(plan)
    filled_up: Ints = plan + added[:half] + added[half:]
    return filled_up


def _poured(cost: Ints, room: Ints, energy: int) -> Ints:
    """Energy into rooms, the cheapest first."""
    order = cost.argsort(kind="stable")
    added = np.zeros_like(room)
    added[order] = earliest(room[order], energy)
    return added


def fitting(way: Course, on: Mask) -> list[Mask]:
    """A pattern lengthened, or shortened, until it holds just the energy: at its end, each cheapest slot first."""
    if way.rules.block and way.rules.charging:
        return [_lasting(way)]
    more = int(way.high[on].sum()) < way.energy
    if not more and int(way.low[on].sum()) <= way.energy:
        return []
    on, amount = on.copy(), way.high if more else way.low
    missing = abs(way.energy - int(amount[on].sum()))
    for _ in range(CHANGES):
        if missing <= 0:
            break
        ways = [change for change in _changes(way, on, grow=more) if amount[change].any()]
        if not ways:
            return []
        dear = [float(amount[one] @ way.cost[one]) / int(amount[one].sum()) for one in ways]
        change = ways[dear.index(min(dear) if more else max(dear))]
        on[change] = more
        missing -= int(amount[change].sum())
    return [on] if missing <= 0 and kept(on, way.rules) else []


def _lasting(way: Course) -> Mask:
    """The shortest pattern of a block that goes on which can hold the energy and is on where it must."""
    holds = int(np.searchsorted(way.high.cumsum(), way.energy)) + 1
    musts = int(np.flatnonzero(way.must).max(initial=-1)) + 1
    on: Mask = (np.arange(len(way.high)) < max(holds, musts)) & (np.cumprod(way.high > 0) > 0)
    return on


def _changes(way: Course, on: Mask, *, grow: bool) -> Iterator[slice]:
    """The slots at the ends of runs that can be turned on, or off; the whole where less would be too short."""
    slots, run = len(on), way.rules.run
    for first, end in spans(on != grow):
        if end - first <= run and (not grow or (first > 0 and end < slots)):
            ways = [slice(first, end)]
        else:
            ways = [slice(first, first + 1)] if first > 0 or not grow else []
            ways += [slice(end - 1, end)] if end < slots or not grow else []
        for change in ways:
            if way.high[change].all() if grow else not way.must[change].any():
                yield change
