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
START_SLOTS = 8
"""On equal cost a start may move all the energy by this part of the stay: near enough to fewer starts first."""
CHANGES = 200
"""Slots by which a pattern is lengthened or shortened at most."""
CELLS = 4_000_000
"""Size of the dynamic programme up to which a plan that is not proven best is looked for there, energies x slots."""


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


def planned(way: Course, cells: int = CELLS) -> Found:
    """The best plan of a course. `cells`: how large a programme may be solved for it.

    One block of a car that charges goes on; only where that cannot serve all, and a new one serves more, it is new.
    """
    found = _planned(way, cells)
    if way.rules.block and way.rules.charging and found.plan.sum() < way.energy:
        rules = msgspec.structs.replace(way.rules, charging=False)
        fresh = _planned(msgspec.structs.replace(way, rules=rules), cells)
        return fresh if fresh.plan.sum() > found.plan.sum() else found
    return found


def _planned(way: Course, cells: int) -> Found:
    if not way.energy:
        return Found(np.zeros_like(way.high), 0, 0)
    best = _search(way)
    if best is None:
        return _without_must(way, cells)
    if best.most or (best.plan is not None and way.total(best.plan) <= best.bound):
        assert best.plan is not None
        return Found(best.plan, best.bound, best.worth)
    finer, times = _finer(way, best.worth)
    plan = exact(finer, best.plan, best.worth * times, cells)
    if plan is None and best.plan is not None:
        return Found(best.plan, best.bound, best.worth)
    if plan is None or not plan.any():
        return _without_must(way, cells)
    return Found(plan, way.total(plan), best.worth)


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


def _without_must(way: Course, cells: int) -> Found:
    """Where the rules forbid the floor's own slots: as early as can be, because floors come before cost."""
    if not way.must.any():
        return Found(np.zeros_like(way.high), 0, 0)
    free = msgspec.structs.replace(way, must=np.zeros_like(way.must), low=way.least)
    bound = _planned(free, cells).bound
    early = msgspec.structs.replace(free, cost=np.arange(len(way.cost)), rebate=np.zeros_like(way.rebate))
    found = _planned(early, cells)
    return Found(found.plan, min(bound, way.total(found.plan)), found.worth)


def _search(way: Course) -> _Best | None:
    """Plans and bound over all worths; None where not even all that must be on can be."""
    paths = Paths(way)
    many = paths.at(paths.dearest)
    if many is None:
        return None
    if int(way.high[many].sum()) <= way.energy:
        plan = np.where(many, way.high, 0)
        return _Best(plan, way.total(plan), paths.dearest // paths.scale, most=True)
    few = paths.at(paths.cheapest)
    assert few is not None
    return _narrowed(way, paths, few, many)


def _narrowed(way: Course, paths: Paths, few: Mask, many: Mask) -> _Best:
    """Narrow the worth of energy between a pattern that takes too little and one that takes too much."""
    left, right = paths.line(few, paths.cheapest), paths.line(many, paths.dearest)
    bound, at = _bound(way, left, paths.cheapest), paths.cheapest
    best = _cheapest(way, paths, [few, many])
    for _ in range(STEPS):
        if left.energy >= way.energy or right.energy <= way.energy:
            break
        worth = (right.cost - left.cost) // (right.energy - left.energy)
        pattern = paths.at(worth)
        assert pattern is not None
        line = paths.line(pattern, worth)
        bound, at = max((bound, at), (_bound(way, line, worth), worth))
        if line in (left, right):
            break
        best = min(best, _cheapest(way, paths, [pattern]), key=lambda one: one[0])
        if best[0] <= bound:
            break
        if line.energy <= way.energy:
            left, few = line, pattern
        else:
            right, many = line, pattern
    if best[0] // paths.scale > bound // paths.scale:
        fitted = _cheapest(way, paths, [*fitting(way, few), *fitting(way, many)])
        best = min(best, fitted, key=lambda one: one[0])
    return _Best(best[1], bound // paths.scale, at // paths.scale)


def _bound(way: Course, line: Line, worth: int) -> int:
    return line.cost + worth * (way.energy - line.energy)


def _cheapest(way: Course, paths: Paths, patterns: list[Mask]) -> tuple[int, Ints | None]:
    """The best plan of some patterns, with its scaled cost; NEVER where none holds just the energy."""
    plans = [plan for plan in (filled(way, pattern) for pattern in patterns) if plan is not None]
    return min(((paths.exactly(plan), plan) for plan in plans), key=lambda one: one[0], default=(NEVER, None))


def filled(way: Course, on: Mask) -> Ints | None:
    """Just the energy into the slots of a pattern, the cheapest first; None where they cannot hold just that."""
    plan = np.where(on, way.low, 0)
    top = np.where(on, way.high, 0)
    left = way.energy - int(plan.sum())
    if left < 0 or left > int(top.sum()) - int(plan.sum()):
        return None
    lit = np.clip(way.sun, plan, top)
    cost = np.concatenate((way.cost - way.rebate, way.cost))
    room = np.concatenate((lit - plan, top - lit))
    order = np.argsort(cost, kind="stable")
    added = np.zeros_like(room)
    added[order] = earliest(room[order], left)
    half = len(plan)
    filled_up: Ints = plan + added[:half] + added[half:]
    return filled_up


def fitting(way: Course, on: Mask) -> list[Mask]:
    """A pattern lengthened, or shortened, until it holds just the energy: at its end, each cheapest slot first."""
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
