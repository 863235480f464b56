"""What a plan means, in figures: for the driver what is ready when, and what earlier costs; for the operator what one
more kWh through each limit is worth. Codes and numbers; the app has the words.

All others are held to their plans, so what it says to one driver is true without moving anybody.
"""

import msgspec
import numpy as np

from server.core.valley import explain, runs
from server.core.valley.capacity import AMPERE_WEIGHT, Ints, Mask, Model, per_slot
from server.core.valley.problem import DemandExplained, Earlier, Held, LimitWorth, SiteExplained
from server.core.valley.settle import Settled
from server.core.valley.switched import course, window
from server.core.valley.worth import charged, of_limits, savings

EARLIER = (1, 2, 4, 8, 12, 16, 24, 32, 48)
"""By how many slots a plan is tried earlier; the first that leaves energy missing ends the list."""


class Scene(msgspec.Struct, frozen=True, eq=False):
    """A settled site with the worth of its limits, and when each slot begins and ends, s from the problem's start."""

    site: Model
    settled: Settled
    worth: list[Ints]
    begins: Ints
    ends: Ints


def scene(site: Model, settled: Settled, slot_seconds: int) -> Scene:
    """What all explanations of a site are made of."""
    drawn = settled.drawn
    if not site.demands:
        worth = [np.zeros_like(site.grid) for _ in site.limits]
    elif any(one.paid_micro_per_kwh is not None for one in site.demands):
        worth = savings(*_paid(site), settled.plan)  # duals are about the prices of the plan
    else:
        worth = of_limits(site, drawn.plan, drawn.program)
    ends = (np.arange(len(site.seconds)) + 1) * slot_seconds
    return Scene(site, settled, worth, ends - site.seconds, ends)


def _paid(site: Model) -> tuple[Model, Mask]:
    """The site with what its energy costs in money, and for which demands that is known, (n)."""
    price, known = site.price.copy(), np.zeros(len(site.demands), bool)
    for index, one in enumerate(site.demands):
        if one.paid_micro_per_kwh is not None:
            price[index], known[index] = one.paid_micro_per_kwh, True
    return msgspec.structs.replace(site, price=price), known


def demand(seen: Scene, index: int) -> DemandExplained:
    """What a plan means to one driver."""
    site, plan = seen.site, seen.settled.plan
    ready, energy = int(plan[index].sum()), int(site.energy[index])
    room, power = _staying(site, plan, index)
    gets = _later(site, plan, room, index)
    full = _full_at(seen, gets, power, energy)
    reach = int(np.flatnonzero(gets)[-1]) + 1 if gets.any() else 0
    return DemandExplained(
        ready_wh=ready,
        ready_share=round(ready / energy, 4) if energy else 1.0,
        full_at_s=full,
        held=_held(seen, index, power, reach) if ready < energy else None,
        next_kwh_micro=_next_kwh(seen, index),
        earlier=list(_earlier(seen, index)),
    )


def _staying(site: Model, plan: Ints, index: int) -> tuple[Ints, Ints]:
    """What a demand that stays to the end may take beside the others, and what charger and car can take, (t)."""
    stay, most = window(site, index), site.demands[index].max_w * site.seconds // 3600
    power = np.where(np.arange(len(most)) >= stay.start, most, 0)
    room = power
    for limit in site.limits:
        own = int(limit.weight[index])
        if own:
            room = np.minimum(room, (limit.limit - limit.load(plan) + own * plan[index]) // own)
    return np.maximum(room, 0), power


def _later(site: Model, plan: Ints, room: Ints, index: int) -> Ints:
    """The plan of a demand, and after its departure what is missing, as early as can be, shape (t)."""
    gets, car = plan[index], site.demands[index]
    least = np.maximum(1, np.minimum(-(-car.min_w * site.seconds // 3600), car.max_w * site.seconds // 3600))
    after = np.where((np.arange(len(room)) >= car.depart_slot) & (room >= least), room, 0)
    missing = int(site.energy[index] - gets.sum())
    later: Ints = gets + np.clip(missing + after - after.cumsum(), 0, after)
    return later


def _full_at(seen: Scene, gets: Ints, power: Ints, energy: int) -> int | None:
    """When all is there, s from the start; the last slot at full power from its beginning on."""
    if gets.sum() < energy or not energy:
        return None if energy else 0
    last = int(np.flatnonzero(gets)[-1])
    took = -(-int(gets[last]) * int(seen.site.seconds[last]) // max(1, int(power[last])))
    return int(seen.begins[last]) + min(took, int(seen.site.seconds[last]))


def _held(seen: Scene, index: int, power: Ints, reach: int) -> Held:
    """The limit that leaves a demand less than it could take in most slots up to one, and the last of these."""
    site, plan = seen.site, seen.settled.plan
    reason = explain.reason(site, plan, index) or explain.TOO_LITTLE_TIME
    stay = window(site, index)
    slots = np.arange(len(power))
    here = (slots < max(reach, stay.stop)) & (plan[index] < power)
    wanted = np.maximum(site.least[index] - plan[index], 1)
    own = [limit for limit in site.limits if limit.weight[index]]
    shut = [here & (limit.limit - limit.load(plan) < wanted * limit.weight[index]) for limit in own]
    tight = max(range(len(own)), key=lambda at: int(shut[at].sum()))
    if reason in (explain.TOO_LITTLE_TIME, explain.CHARGER_LIMIT, explain.CAR_LIMIT) or not shut[tight].any():
        return Held(reason, None, building=False, until_s=int(seen.ends[stay.stop - 1]))
    last = int(np.flatnonzero(shut[tight])[-1])
    loads = {one.id: per_slot(one.base_load_w or 0, len(power)) for one in site.site.feeders}
    building = bool(loads.get(own[tight].feeder or "", site.base)[last])
    return Held(reason, own[tight].feeder, building, int(seen.ends[last]))


def _next_kwh(seen: Scene, index: int) -> int | None:
    """The price of the cheapest slot of a stay with room to spare in the car's own power, limits' worth included."""
    site, plan = seen.site, seen.settled.plan
    price = site.price[index] + charged(site, seen.worth)[index]
    open_ = plan[index] < site.caps[index]
    return int(price[open_].min()) if open_.any() else None


def _earlier(seen: Scene, index: int) -> list[Earlier]:
    """What being ready earlier costs more, a few slots, the others as planned; as far as all can still be served."""
    site, plan = seen.site, seen.settled.plan
    used, stay = np.flatnonzero(plan[index]), window(site, index)
    if not len(used):
        return []
    model = msgspec.structs.replace(seen.settled.drawn.model, cost=site.price)
    room, end, found = model.headroom(plan, index), int(used[-1]) + 1, []
    here = course(model, plan, index, room).total(plan[index, stay])
    served = int(plan[index].sum())
    for slots in EARLIER:
        if end - slots <= stay.start:
            break
        cut = np.where(np.arange(len(room)) < end - slots, room, 0)
        way = msgspec.structs.replace(course(model, plan, index, cut), energy=served)
        best = runs.planned(way, cells=0, bounded=False).plan
        if int(best.sum()) < served:
            break
        extra = max(0, way.total(best) - here)
        ready_at_s, energy_wh = int(seen.ends[end - slots - 1]), np.zeros_like(room)
        energy_wh[stay] = best
        found.append(Earlier(slots, ready_at_s, extra, energy_wh.tolist()))
    return found


def limits(seen: Scene) -> SiteExplained:
    """What more of each limit would be worth to the operator."""
    site, plan = seen.site, seen.settled.plan
    found = []
    short = plan.sum(axis=1) < site.energy
    for limit, worth in zip(site.limits, seen.worth, strict=True):
        scale = AMPERE_WEIGHT if limit.phases else 1
        wanted = (short & limit.members)[:, None] & (plan < site.power)
        full = limit.limit - limit.load(plan) < np.where(wanted, np.maximum(site.least - plan, 1), 0).max(
            axis=0, initial=0
        )
        starved = np.flatnonzero(wanted.any(axis=0) & full)
        slots = np.flatnonzero(worth)
        if len(slots) or len(starved):
            found.append(
                LimitWorth(
                    feeder=limit.feeder,
                    phases=list(limit.phases),
                    slots=slots.tolist(),
                    worth_micro_per_kwh=(worth[slots] * scale).tolist(),
                    short_slots=starved.tolist(),
                )
            )
    return SiteExplained(found)
