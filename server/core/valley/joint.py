"""A site as one linear program, for what no flow can say: phases that kinds of cars share, and a battery.

Columns: energy of each demand by slot, its floor's part of it, solar energy, what the battery takes, gives, sells and
holds, the peak. Rows: the limits, the grid, the stays. Served first, strictly by priority, then the least cost.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.core.valley.capacity import Ints, Limit, Mask, Model, per_slot
from server.core.valley.linear import Program, Solution
from server.core.valley.phases import binding

Floats = NDArray[np.float64]

SERVED_WORTH = 20.0
"""What a Wh of the lowest tier is worth beside costs scaled to 0..1; only a first try, so it need not be enough."""
TIER_FACTOR = 8.0
TIERS_MAX = 4
"""Tiers beyond these are told apart only where energy is missing."""
MISSING_WH = 0.01
HELD = 1e-4
"""By this many Wh a goal may be missed for the sake of the next: the solver's tolerance."""
PCT = 100


class Columns(msgspec.Struct, frozen=True, eq=False):
    """Numbers of columns. `car` and `floor` stand for (rows, slots) of the demands; the rest for slots, or none."""

    rows: Ints
    slots: Ints
    car: Ints
    floor_at: Ints
    floor: Ints
    solar: Ints
    sold: Ints
    charged: Ints
    given: Ints
    held: Ints
    peak: Ints


class Rows(msgspec.Struct, frozen=True, eq=False):
    """Numbers of rows: limits (limits, t), stays (n), and by slot the net, the peak, and the battery's three."""

    limits: Sequence[Limit]
    limit: list[Ints]
    stay: Ints
    net: Ints
    under: Ints
    power: Ints
    sale: Ints
    held: Ints


class Joint(msgspec.Struct, frozen=True, eq=False):
    """The program of a site. `dearest` scales its costs."""

    model: Model
    program: Program
    columns: Columns
    rows: Rows
    dearest: int


class Shares(msgspec.Struct, frozen=True, eq=False):
    """An optimum without whole Wh: energy (n, t), the battery's schedule (t), the peak in W; and its duals."""

    plan: Floats
    charged: Floats
    given: Floats
    peak: float
    solution: Solution


def has_supply(model: Model) -> bool:
    """Whether a site has more than a limit: solar energy, a price on its peak, a battery."""
    site = model.site
    return site.battery is not None or bool(site.peak_price_micro_per_kw) or bool(model.solar.any())


def store_wh(model: Model) -> Ints:
    """What the battery can take and give together in each slot, Wh (t)."""
    battery = model.site.battery
    assert battery is not None
    most: Ints = battery.max_w * model.seconds // 3600
    return most


def sale_wh(model: Model) -> Ints:
    """What the connection has left for the battery to sell beside all solar energy, Wh (t)."""
    limit = per_slot(model.site.limit_w, len(model.seconds)) * model.seconds // 3600
    room: Ints = np.minimum(np.maximum(limit - model.solar, 0), store_wh(model))
    return room


def lent_wh(model: Model) -> Ints:
    """The building's own load, which a battery may cover, Wh (t)."""
    load: Ints = model.base * model.seconds // 3600
    return load


def joint(model: Model, cost: Ints, served: Ints | None = None) -> Joint:
    """The program of a site for some cost (n, t). `served` (n): exactly that, no floors; else at most the energy."""
    program = Program()
    dearest = max(int(np.abs(part).max(initial=1)) for part in (cost, model.grid_price, model.rebate))
    columns = _columns(model, program, cost / dearest, dearest, floors=served is None and bool(model.floor.any()))
    most = model.energy if served is None else served
    stay = program.rows(np.zeros_like(most) if served is None else most, most)
    program.put(stay[columns.rows], columns.car, 1.0)
    program.put(stay[columns.rows[columns.floor_at]], columns.floor, 1.0)
    supply = has_supply(model)
    limits = [limit for limit in binding(model) if not (supply and limit is model.limits[-1])]
    rows = Rows(
        limits=limits,
        limit=[_limit_row(program, columns, limit) for limit in limits],
        stay=stay,
        **(_supply_rows(model, program, columns) if supply else dict.fromkeys(_SUPPLY, _NONE)),
    )
    _floor_rows(model, program, columns)
    return Joint(model, program, columns, rows, dearest)


_NONE = np.zeros(0, np.int64)
_SUPPLY = ("net", "under", "power", "sale", "held")


def _columns(model: Model, program: Program, cost: Floats, dearest: int, *, floors: bool) -> Columns:
    rows, slots = np.nonzero(model.caps)
    caps = model.caps[rows, slots]
    at = np.flatnonzero(model.floor[rows] > 0) if floors else _NONE
    site, battery = model.site, model.site.battery
    nothing = np.zeros(len(model.grid))
    rebate, price = model.rebate / dearest, model.grid_price / dearest
    top = max(site.peak_so_far_w, int(np.max(site.limit_w)), int(model.base.max()))
    most = _NONE if battery is None else store_wh(model)
    held = nothing + (battery.capacity_wh if battery is not None else 0)
    least_held = nothing.copy()
    least_held[-1] = battery.stored_wh if battery is not None else 0
    stored = slice(None) if battery is not None else slice(0)
    by_slot = slice(None) if has_supply(model) else slice(0)
    peak = [1.0] if site.peak_price_micro_per_kw else []
    return Columns(
        rows=rows,
        slots=slots,
        car=program.columns(np.zeros(len(rows)), caps, cost[rows, slots]),
        floor_at=at,
        floor=program.columns(np.zeros(len(at)), caps[at], cost[rows[at], slots[at]]),
        solar=program.columns(nothing[by_slot], model.solar[by_slot], -rebate[by_slot]),
        sold=program.columns(nothing[stored], sale_wh(model) if len(most) else _NONE, rebate[stored]),
        charged=program.columns(nothing[stored], most, price[stored]),
        given=program.columns(nothing[stored], most, -price[stored]),
        held=program.columns(least_held[stored], held[stored], nothing[stored]),
        peak=program.columns(
            np.array(peak) * site.peak_so_far_w,
            np.array(peak) * top,
            np.array(peak) * site.peak_price_micro_per_kw / dearest,
        ),
    )


def _limit_row(program: Program, columns: Columns, limit: Limit) -> Ints:
    """Rows weight x energy <= limit, one a slot."""
    by_slot = program.rows(np.full(len(limit.limit), -np.inf), limit.limit)
    for numbers, at in ((columns.car, slice(None)), (columns.floor, columns.floor_at)):
        rows, slots = columns.rows[at], columns.slots[at]
        inside: Mask = limit.members[rows]
        program.put(by_slot[slots[inside]], numbers[inside], limit.weight[rows[inside]])
    return by_slot


def _supply_rows(model: Model, program: Program, columns: Columns) -> dict[str, Ints]:
    """Net of the grid within its limit; under the peak; the battery's power, sales and what it holds."""
    battery, slots = model.site.battery, np.arange(len(model.grid))
    net = program.rows(-lent_wh(model) if battery is not None else np.zeros(len(slots)), model.grid)
    wholes = [(net, 1.0)]
    rows = {**dict.fromkeys(_SUPPLY, _NONE), "net": net}
    if len(columns.peak):
        rows["under"] = program.rows(np.full(len(slots), -np.inf), -model.base * model.seconds / 3600)
        program.put(rows["under"], np.broadcast_to(columns.peak, slots.shape), -model.seconds / 3600)
        wholes.append((rows["under"], 1.0))
    for to, sign in wholes:
        program.put(to[columns.slots], columns.car, sign)
        program.put(to[columns.slots[columns.floor_at]], columns.floor, sign)
        program.put(to, columns.solar, -sign)
        if battery is not None:
            for numbers, way in ((columns.charged, sign), (columns.given, -sign), (columns.sold, sign)):
                program.put(to, numbers, way)
    if battery is not None:
        rows["power"] = program.rows(np.full(len(slots), -np.inf), store_wh(model))
        program.put(rows["power"], columns.charged, 1.0)
        program.put(rows["power"], columns.given, 1.0)
        rows["sale"] = program.rows(np.full(len(slots), -np.inf), np.zeros(len(slots)))
        program.put(rows["sale"], columns.sold, 1.0)
        program.put(rows["sale"], columns.given, -1.0)
        start = np.where(slots == 0, battery.stored_wh, 0)
        rows["held"] = program.rows(start, start)
        program.put(rows["held"], columns.held, 1.0)
        program.put(rows["held"][1:], columns.held[:-1], -1.0)
        program.put(rows["held"], columns.charged, -battery.efficiency_pct / PCT)
        program.put(rows["held"], columns.given, 1.0)
    return rows


def _floor_rows(model: Model, program: Program, columns: Columns) -> None:
    """A floor's part is no more than the floor, and both parts together no more than the slot allows."""
    if not len(columns.floor):
        return
    rows, slots = columns.rows[columns.floor_at], columns.slots[columns.floor_at]
    by_demand = program.rows(np.full(len(model.floor), -np.inf), model.floor)
    program.put(by_demand[rows], columns.floor, 1.0)
    by_slot = program.rows(np.full(len(rows), -np.inf), model.caps[rows, slots])
    program.put(by_slot, columns.floor, 1.0)
    program.put(by_slot, columns.car[columns.floor_at], 1.0)


def best(model: Model, time_s: float) -> tuple[Joint, Shares] | None:
    """Floors by tier, then early, then energy by tier, then the least cost; None where it is not found in time."""
    asked = joint(model, model.cost)
    if len(asked.columns.floor) and not _floors_first(asked, time_s):
        return None
    by_tier = _tiers(model)
    worth = np.zeros(asked.program.width)
    rows = asked.columns.rows
    worth[asked.columns.car] = by_tier[rows]
    worth[asked.columns.floor] = by_tier[rows[asked.columns.floor_at]]
    found = asked.program.least(asked.program.cost() - worth, time_s)
    if found is None:
        return None
    served = np.bincount(rows, found.values[asked.columns.car], len(model.energy))
    served += np.bincount(rows[asked.columns.floor_at], found.values[asked.columns.floor], len(model.energy))
    if np.any(served < model.energy - MISSING_WH):
        for tier in range(int(model.tier.max()), -1, -1):
            if not _held(asked, np.where(model.tier == tier, 1.0, 0.0), time_s, floors_only=False):
                return None
        found = asked.program.least(asked.program.cost(), time_s)
    return None if found is None else (asked, _shares(asked, found))


def _floors_first(asked: Joint, time_s: float) -> bool:
    """Hold the program to the most of its floors, by tier, as early as can be; whether it could."""
    model, columns = asked.model, asked.columns
    for tier in range(int(model.tier.max()), -1, -1):
        mine = (model.tier == tier) & (model.floor > 0)
        if mine.any() and not _held(asked, mine.astype(np.float64), time_s, floors_only=True):
            return False
    late = np.zeros(asked.program.width)
    late[columns.floor] = columns.slots[columns.floor_at] / len(model.grid)
    found = asked.program.least(late, time_s)
    if found is None:
        return False
    row = asked.program.rows(np.array([-np.inf]), np.array([late @ found.values + HELD]))
    asked.program.put(np.repeat(row, len(columns.floor)), columns.floor, late[columns.floor])
    return True


def _held(asked: Joint, mine: Floats, time_s: float, *, floors_only: bool) -> bool:
    """Hold the program to the most energy of some demands (n); whether it could."""
    columns = asked.columns
    goal = np.zeros(asked.program.width)
    goal[columns.floor] = -mine[columns.rows[columns.floor_at]]
    if not floors_only:
        goal[columns.car] = -mine[columns.rows]
    found = asked.program.least(goal, time_s)
    if found is None:
        return False
    row = asked.program.rows(np.array([-np.inf]), np.array([goal @ found.values + HELD]))
    counted = np.flatnonzero(goal)
    asked.program.put(np.repeat(row, len(counted)), counted, goal[counted])
    return True


def _tiers(model: Model) -> Floats:
    """The worth of a Wh by tier, shape (n)."""
    if not len(model.tier):
        return np.zeros(0)
    ranks = np.maximum(model.tier - max(0, int(model.tier.max()) - TIERS_MAX + 1), 0)
    worth: Floats = SERVED_WORTH * TIER_FACTOR ** ranks.astype(np.float64)
    return worth


def cheapest(model: Model, served: Ints, time_s: float) -> tuple[Joint, Shares] | None:
    """The least cost at prices alone of serving each demand exactly `served` (n)."""
    asked = joint(model, model.price, served)
    found = asked.program.least(asked.program.cost(), time_s)
    return None if found is None else (asked, _shares(asked, found))


def _shares(asked: Joint, found: Solution) -> Shares:
    columns, values = asked.columns, found.values
    plan = np.zeros(asked.model.caps.shape)
    plan[columns.rows, columns.slots] = values[columns.car]
    at = columns.floor_at
    plan[columns.rows[at], columns.slots[at]] += values[columns.floor]
    return Shares(
        plan=plan,
        charged=values[columns.charged],
        given=values[columns.given],
        peak=float(values[columns.peak][0]) if len(columns.peak) else 0.0,
        solution=found,
    )
