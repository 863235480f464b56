"""A site in numbers: what each demand may take and pays by slot, and the limits it shares with others.

Symbols (README.md here): n demands, t slots; `caps[n, t]`, `least[n, t]`, `cost[n, t]`, `limit[t]`, `weight[n]`.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.core.valley.problem import Demand, Feeder, Problem, Site
from shared.units import VOLTS

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

AMPERE_WEIGHT = 6
"""Weights of a limit in mA are sixths: 2 on three phases, 3 on two, 6 on one, so that all are whole."""


class Limit(msgspec.Struct, frozen=True, eq=False):
    """Sum of weight x energy over its members <= `limit` in each slot. `reason` is the shortfall's code."""

    reason: str
    members: Mask  # (n)
    weight: Ints  # (n), 0 for who is no member
    limit: Ints  # (t), Wh x weight

    @property
    def mixed(self) -> bool:
        """Whether its members count with different weights."""
        return len(np.unique(self.weight[self.members])) > 1

    def load(self, plan: Ints) -> Ints:
        """What a plan puts on it, Wh x weight, shape (t)."""
        load: Ints = self.weight @ plan
        return load


class Model(msgspec.Struct, frozen=True, eq=False):
    """One site. Energies in Wh per slot, shape (n, t); 0 outside a stay.

    `power` is what charger and car can take, `caps` the same within every limit taken alone, 0 where that is too
    little for the least.
    `cost` is what the plan minimises (price, or -score where a survival is given), `price` what the energy costs.
    `limits` stand inner before outer, and of any two with a common member one holds all of the other's.
    """

    site: Site
    demands: Sequence[Demand]
    power: Ints
    caps: Ints
    least: Ints
    cost: Ints
    price: Ints
    energy: Ints  # (n)
    floor: Ints  # (n)
    tier: Ints  # (n), 0 for the lowest priority
    limits: Sequence[Limit]
    base: Ints  # (t), what the building takes, W

    @property
    def scored(self) -> bool:
        """Whether the plan weighs the chance that a car is still there, instead of cost alone."""
        return any(demand.survival is not None for demand in self.demands)

    def headroom(self, plan: Ints, index: int) -> Ints:
        """What one demand may take in each slot if all others keep to the plan, shape (t)."""
        room: Ints = self.caps[index]
        for limit in self.limits:
            own = int(limit.weight[index])
            if own:
                others = limit.load(plan) - own * plan[index]
                room = np.minimum(room, (limit.limit - others) // own)
        return np.where(room > 0, room, 0)

    def breaks(self, plan: Ints) -> bool:
        """Whether a plan passes a limit."""
        return any(bool(np.any(limit.load(plan) > limit.limit)) for limit in self.limits)


def model(problem: Problem, site: Site) -> Model:
    """The numbers of one site of a problem."""
    demands = [demand for demand in problem.demands if demand.site == site.id]
    seconds = slot_lengths(problem)
    power = np.zeros((len(demands), problem.slots), np.int64)
    least, price, cost = power.copy(), power.copy(), power.copy()
    for index, demand in enumerate(demands):
        stay = slice(demand.arrive_slot, demand.depart_slot)
        power[index, stay] = (demand.max_w * seconds // 3600)[stay]
        least[index, stay] = _least(demand, seconds)[stay]
        price[index] = demand.price_micro_per_kwh or problem.price_micro_per_kwh
        cost[index, stay] = _cost(demand, price[index, stay], power[index, stay])
    base = per_slot(site.base_load_w or 0, problem.slots)
    limits = _limits(site, demands, base, seconds)
    caps = power.copy()
    for limit in limits:
        share = limit.limit // np.maximum(limit.weight, 1)[:, None]
        caps = np.where(limit.members[:, None], np.minimum(caps, share), caps)
    ranks = np.unique([demand.priority for demand in demands], return_inverse=True)[1]
    return Model(
        site=site,
        demands=demands,
        power=power,
        caps=np.where(caps >= least, caps, 0),
        least=least,
        cost=cost,
        price=price,
        energy=np.array([demand.energy_wh for demand in demands], np.int64),
        floor=np.array([demand.floor_wh for demand in demands], np.int64),
        tier=ranks.astype(np.int64),
        limits=limits,
        base=base,
    )


def slot_lengths(problem: Problem) -> Ints:
    """Seconds of each slot that are still to come."""
    seconds = np.full(problem.slots, problem.slot_seconds, np.int64)
    seconds[0] -= problem.elapsed_s
    return seconds


def per_slot(value: int | list[int], slots: int) -> Ints:
    """One value a slot, of one for all or of one a slot."""
    return np.broadcast_to(np.asarray(value, np.int64), (slots,))


def _least(demand: Demand, seconds: Ints) -> Ints:
    """The least energy of a slot that is used. Whole Wh round up, unless that would pass the greatest."""
    up = -(-demand.min_w * seconds // 3600)
    most = demand.max_w * seconds // 3600
    return np.minimum(up, most) if demand.max_w >= demand.min_w else up


def _cost(demand: Demand, price: Ints, power: Ints) -> Ints:
    """What the plan minimises by slot of the stay: the price, or with a survival minus the score of engine A3."""
    if demand.survival is None:
        return price
    worth = _worth(demand, price, power)
    return -np.rint(np.asarray(demand.survival) * (worth - price)).astype(np.int64)


def _worth(demand: Demand, price: Ints, power: Ints) -> int:
    """The b + delta of A3, micro per kWh; b is the mean price of charging at once. Raised so no slot is refused."""
    worth = demand.lambda_micro_per_kwh
    if worth is None:
        at_once = earliest(power, demand.energy_wh)
        worth = round(int(at_once @ price) / max(1, int(at_once.sum())))
    dearest = int(price.max())
    return worth if worth >= dearest else dearest + 1


def earliest(caps: Ints, energy: int) -> Ints:
    """Energy as early as the slots let it; what does not fit is left out."""
    left = energy + caps - caps.cumsum()
    early: Ints = np.minimum(np.maximum(left, 0), caps)
    return early


def _limits(site: Site, demands: Sequence[Demand], base: Ints, seconds: Ints) -> list[Limit]:
    """All limits of a site, inner before outer, the connection last."""
    below = _below(site)
    depth = {feeder.id: sum(feeder.id in inner for inner in below.values()) for feeder in site.feeders}
    limits = []
    for feeder in sorted(site.feeders, key=lambda one: -depth[one.id]):
        members = np.array([demand.feeder in below[feeder.id] for demand in demands], bool)
        limits.extend(_feeder_limits(feeder, members, demands, seconds))
    everyone = np.ones(len(demands), bool)
    free = np.maximum(per_slot(site.limit_w, len(seconds)) - base, 0)
    reason = "grid_cap" if isinstance(site.limit_w, list) and len(set(site.limit_w)) > 1 else "site_limit"
    limits.append(Limit(reason, everyone, everyone.astype(np.int64), free * seconds // 3600))
    return limits


def _below(site: Site) -> dict[str, set[str]]:
    """For each feeder the feeders that hang under it, itself included."""
    parents = {feeder.id: feeder.parent for feeder in site.feeders}
    below: dict[str, set[str]] = {name: set() for name in parents}
    for name in parents:
        at: str | None = name
        while at is not None:
            below[at].add(name)
            at = parents[at]
    return below


def _feeder_limits(feeder: Feeder, members: Mask, demands: Sequence[Demand], seconds: Ints) -> list[Limit]:
    """In mA every car counts on all three phases with its current on one: weight 6 / phases, in sixths."""
    limits = []
    if feeder.limit_ma is not None:
        counts = np.array([AMPERE_WEIGHT // len(demand.phases) for demand in demands], np.int64)
        watts = AMPERE_WEIGHT * VOLTS * min(feeder.limit_ma)
        limits.append(Limit("feeder_limit", members, counts * members, watts * seconds // 3_600_000))
    if feeder.limit_w is not None:
        limits.append(Limit("feeder_limit", members, members.astype(np.int64), feeder.limit_w * seconds // 3600))
    return limits
