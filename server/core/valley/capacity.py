"""A site in numbers: what each demand may take and pays by slot, and the limits it shares with others.

Symbols (README.md here): n demands, t slots; `caps[n, t]`, `least[n, t]`, `cost[n, t]`, `limit[t]`, `weight[n]`,
`grid[t]`, `solar[t]`, `rebate[t]`.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from server.core.valley.problem import Demand, Feeder, Problem, Site
from server.core.valley.rules import FREE, Rules
from shared.units import VOLTS

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

AMPERE_WEIGHT = 6
"""Weights of a limit in mA are sixths: 2 on three phases, 3 on two, 6 on one, so that all are whole."""


class Limit(msgspec.Struct, frozen=True, eq=False):
    """Sum of weight x energy over its members <= `limit` in each slot. `reason` is the shortfall's code.

    `scope`: who hangs under the feeder that it belongs to, members or not (a car on another phase is none). `feeder`:
    that, None for the connection; `phases`: those that it stands for, none where it counts watts.
    """

    reason: str
    members: Mask  # (n)
    weight: Ints  # (n), 0 for who is no member
    limit: Ints  # (t), Wh x weight
    scope: Mask  # (n)
    feeder: str | None = None
    phases: tuple[int, ...] = ()

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
    `price` is what a Wh from the grid costs a demand, carbon included; `cost` is what the plan minimises (the price, or
    -score where a survival is given). A Wh of `solar` costs `rebate` less. The grid gives at most `grid`, and what it
    gives beyond `peak_so_far_w` has a price a W (`server.core.valley.grid`).
    `limits` stand inner before outer, that of the connection last.
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
    base: Ints  # (t), what the building takes beyond its solar power, W
    seconds: Ints  # (t), of each slot that are still to come
    grid: Ints  # (t), Wh that the connection has left beside the building
    solar: Ints  # (t), Wh that the building leaves
    rebate: Ints  # (t), price of the grid with carbon, less the feed-in price; may be negative
    grid_price: Ints  # (t), micro per kWh, carbon included, for who has no price of his own
    rules: Sequence[Rules]  # (n), of running

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


class _Arrays(msgspec.Struct, frozen=True, eq=False):
    """The demands of a site, a column a field, shape (n)."""

    arrive: Ints
    depart: Ints
    max_w: Ints
    min_w: Ints


def models(problem: Problem) -> list[Model]:
    """The numbers of all sites of a problem, in their order."""
    here: dict[str, list[Demand]] = {site.id: [] for site in problem.sites}
    for demand in problem.demands:
        here[demand.site].append(demand)
    return [_model(problem, site, here[site.id]) for site in problem.sites]


def model(problem: Problem, site: Site) -> Model:
    """The numbers of one site of a problem."""
    return _model(problem, site, [demand for demand in problem.demands if demand.site == site.id])


def _model(problem: Problem, site: Site, demands: Sequence[Demand]) -> Model:
    seconds, slots = slot_lengths(problem), problem.slots
    columns = _Arrays(
        arrive=np.array([demand.arrive_slot for demand in demands], np.int64),
        depart=np.array([demand.depart_slot for demand in demands], np.int64),
        max_w=np.array([demand.max_w for demand in demands], np.int64),
        min_w=np.array([demand.min_w for demand in demands], np.int64),
    )
    numbers = np.arange(slots)
    stay = (columns.arrive[:, None] <= numbers) & (numbers < columns.depart[:, None])
    power = np.where(stay, _energies(columns.max_w, seconds), 0)
    least = np.where(stay, _least(columns, seconds), 0)
    grid_price = _grid_price(problem)
    price = _prices(problem, grid_price, demands)
    taken = per_slot(site.base_load_w or 0, slots) - per_slot(site.solar_w or 0, slots)
    base = np.maximum(taken, 0)
    grid = np.maximum(per_slot(site.limit_w, slots) - base, 0) * seconds // 3600
    solar = np.maximum(-taken, 0) * seconds // 3600
    stored = 0 if site.battery is None else site.battery.max_w * seconds // 3600
    limits = _limits(site, demands, grid + solar + stored, seconds)
    caps = power
    for limit in limits:
        plain = int(limit.weight.max(initial=0)) <= 1  # dividing is slow
        share = limit.limit if plain else limit.limit // np.maximum(limit.weight, 1)[:, None]
        caps = np.where(limit.members[:, None], np.minimum(caps, share), caps)
    ranks = np.unique([demand.priority for demand in demands], return_inverse=True)[1]
    return Model(
        site=site,
        demands=demands,
        power=power,
        caps=np.where(caps >= least, caps, 0),
        least=least,
        cost=_costs(demands, price, power, stay),
        price=price,
        energy=np.array([demand.energy_wh for demand in demands], np.int64),
        floor=np.array([demand.floor_wh for demand in demands], np.int64),
        tier=ranks.astype(np.int64),
        limits=limits,
        base=base,
        seconds=seconds,
        grid=grid,
        solar=solar,
        rebate=grid_price - per_slot(site.feed_in_micro_per_kwh or 0, slots),
        grid_price=grid_price,
        rules=_rules(problem, demands),
    )


def _rules(problem: Problem, demands: Sequence[Demand]) -> list[Rules]:
    """What each demand's running keeps to. A micro-unit is 1000 nano-units.

    Where rules yield, no run need be longer than what is wanted can fill at the least power.
    """
    out = []
    for demand in demands:
        run, least = problem.min_run_slots, -(-demand.min_w * problem.slot_seconds // 3600)
        if problem.rules_yield:
            run = min(run, max(1, demand.energy_wh // max(1, least)))
        charging = demand.charging and not demand.arrive_slot
        rules = Rules(1000 * problem.switch_micro, run, demand.one_block, charging)
        out.append(FREE if rules.free else rules)
    return out


def slot_lengths(problem: Problem) -> Ints:
    """Seconds of each slot that are still to come."""
    seconds = np.full(problem.slots, problem.slot_seconds, np.int64)
    seconds[0] -= problem.elapsed_s
    return seconds


def per_slot(value: int | list[int], slots: int) -> Ints:
    """One value a slot, of one for all or of one a slot."""
    return np.broadcast_to(np.asarray(value, np.int64), (slots,))


def _grid_price(problem: Problem) -> Ints:
    """Price and carbon of the grid's energy, micro per kWh; carbon half up to a whole micro (design 6)."""
    price = np.array(problem.price_micro_per_kwh, np.int64)
    return price + _carbon(problem)


def _carbon(problem: Problem) -> Ints:
    grams = np.array(problem.carbon_g_per_kwh or [0] * problem.slots, np.int64)
    carbon: Ints = (grams * problem.carbon_price_micro_per_kg + 500) // 1000
    return carbon


def _prices(problem: Problem, grid_price: Ints, demands: Sequence[Demand]) -> Ints:
    """What the grid's energy costs each demand, shape (n, t): its own price where it has one, and carbon."""
    price = np.tile(grid_price, (len(demands), 1))
    own = [index for index, demand in enumerate(demands) if demand.price_micro_per_kwh is not None]
    if own:
        price[own] = np.array([demands[index].price_micro_per_kwh for index in own], np.int64) + _carbon(problem)
    return price


def _energies(watts: Ints, seconds: Ints) -> Ints:
    """Whole Wh of powers (n) by slot, rounded down, (n, t). All slots but the first are equally long."""
    energies = np.repeat((watts * seconds[-1] // 3600)[:, None], len(seconds), axis=1)
    energies[:, 0] = watts * seconds[0] // 3600
    return energies


def _least(columns: _Arrays, seconds: Ints) -> Ints:
    """The least energy of a slot that is used. Whole Wh round up, unless that would pass the greatest."""
    if not columns.min_w.any():
        return np.zeros((len(columns.min_w), len(seconds)), np.int64)
    up = -_energies(-columns.min_w, seconds)
    most = _energies(columns.max_w, seconds)
    can = (columns.max_w >= columns.min_w)[:, None]
    return np.where(can, np.minimum(up, most), up)


def _costs(demands: Sequence[Demand], price: Ints, power: Ints, stay: Mask) -> Ints:
    """What the plan minimises by slot: the price, or with a survival minus the score of engine A3."""
    cost = np.where(stay, price, 0)
    for index, demand in enumerate(demands):
        if demand.survival is not None:
            window = slice(demand.arrive_slot, demand.depart_slot)
            worth = _worth(demand, price[index, window], power[index, window])
            cost[index, window] = -np.rint(np.asarray(demand.survival) * (worth - price[index, window]))
    return cost


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


def _limits(site: Site, demands: Sequence[Demand], free: Ints, seconds: Ints) -> list[Limit]:
    """All limits of a site, inner before outer, that of the connection last: `free` is all energy that it can give."""
    limits: list[Limit] = []
    if site.feeders:
        below = _below(site)
        depth = {feeder.id: sum(feeder.id in inner for inner in below.values()) for feeder in site.feeders}
        for feeder in sorted(site.feeders, key=lambda one: -depth[one.id]):
            scope = np.array([demand.feeder in below[feeder.id] for demand in demands], bool)
            if scope.any():
                limits.extend(_feeder_limits(feeder, scope, demands, seconds))
    everyone = np.ones(len(demands), bool)
    reason = "grid_cap" if isinstance(site.limit_w, list) and len(set(site.limit_w)) > 1 else "site_limit"
    limits.append(Limit(reason, everyone, everyone.astype(np.int64), free, everyone))
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


def _feeder_limits(feeder: Feeder, scope: Mask, demands: Sequence[Demand], seconds: Ints) -> list[Limit]:
    """The limits of a feeder: one for each phase on which not the same cars are, and one in W."""
    limits, reason = [], "external_limit" if feeder.external else "feeder_limit"
    taken = per_slot(feeder.base_load_w or 0, len(seconds)) * seconds
    if feeder.limit_ma is not None:
        alike: dict[bytes, list[int]] = {}
        weights = phase_weights(demands).T * scope
        for phase, weight in enumerate(weights):
            alike.setdefault(weight.tobytes(), []).append(phase)
        for group in alike.values():
            weight, most = weights[group[0]], min(feeder.limit_ma[phase] for phase in group)
            weakest = tuple(phase + 1 for phase in group if feeder.limit_ma[phase] == most)
            room = (AMPERE_WEIGHT * VOLTS * most * seconds - AMPERE_WEIGHT * 1000 // 3 * taken) // 3_600_000
            room = np.maximum(room, 0)
            limits.append(Limit(reason, weight > 0, weight, room, scope, feeder.id, weakest))
    if feeder.limit_w is not None:
        room = np.maximum(feeder.limit_w * seconds - taken, 0) // 3600
        limits.append(Limit(reason, scope, scope.astype(np.int64), room, scope, feeder.id))
    return [limit for limit in limits if limit.members.any()]


def phase_weights(demands: Sequence[Demand]) -> Ints:
    """What a Wh of each demand puts on each of the three phases, in sixths, shape (n, 3).

    A car whose phases nobody knows counts on all three with its current on one.
    """
    known: dict[tuple[int, ...], tuple[int, ...]] = {}
    return np.array([_phase_weight(demand, known) for demand in demands], np.int64).reshape(-1, 3)


def _phase_weight(demand: Demand, known: dict[tuple[int, ...], tuple[int, ...]]) -> tuple[int, ...]:
    phases = (0, *demand.phases) if demand.any_phase else tuple(demand.phases)
    if phases not in known:
        weight = AMPERE_WEIGHT // len(demand.phases)
        known[phases] = tuple(weight if demand.any_phase or phase in phases else 0 for phase in (1, 2, 3))
    return known[phases]
