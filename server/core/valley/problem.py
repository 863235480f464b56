"""What the engine is asked and what it answers, and the errors of a problem that is none (contract: README.md here).

A problem arrives as JSON through `parse`, or is built by a flow; `faults` holds for both.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from shared.problems import FieldError

POWER_MAX_W = 100_000_000
ENERGY_MAX_WH = 100_000_000
PRICE_MAX_MICRO = 1_000_000_000
SLOTS_MAX = 35_136  # the quarter hours of a leap year

Watts = Annotated[int, msgspec.Meta(ge=0, le=POWER_MAX_W)]
WattHours = Annotated[int, msgspec.Meta(ge=0, le=ENERGY_MAX_WH)]
Micro = Annotated[int, msgspec.Meta(ge=-PRICE_MAX_MICRO, le=PRICE_MAX_MICRO)]
SlotNo = Annotated[int, msgspec.Meta(ge=0, le=SLOTS_MAX)]
Chance = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Aware = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Feeder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An electrical limit inside a site, under `parent` or under the site itself: W over all, mA in each phase.

    `base_load_w`: what else takes of it, a third on each phase; one integer, or one a slot. That of a feeder below it
    is to be part of it. For callers inside the house only is `external`: somebody else set this limit to a station.
    """

    id: Name
    parent: Name | None = None
    limit_ma: list[Annotated[int, msgspec.Meta(ge=0, le=POWER_MAX_W)]] | None = None
    limit_w: Watts | None = None
    base_load_w: Watts | list[Watts] | None = None
    external: bool = False


class Battery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stationary battery of a site."""

    capacity_wh: WattHours
    stored_wh: WattHours
    max_w: Watts
    efficiency_pct: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One grid connection with everything behind it. `*_w`: one integer, or one a slot."""

    id: Name
    limit_w: Watts | list[Watts]
    base_load_w: Watts | list[Watts] | None = None
    solar_w: Watts | list[Watts] | None = None
    feed_in_micro_per_kwh: Micro | list[Micro] | None = None
    peak_price_micro_per_kw: Annotated[int, msgspec.Meta(ge=0, le=PRICE_MAX_MICRO)] = 0
    peak_so_far_w: Watts = 0
    feeders: list[Feeder] = []
    battery: Battery | None = None


class Demand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Energy that a plugged-in EV needs in slots `arrive_slot <= t < depart_slot`, within its powers.

    For callers inside the house only are `any_phase`: nobody knows which phases of the feeder the car's are;
    `charging`: it charges as slot 0 begins, so that going on there is no start; and `paid_micro_per_kwh`: what a kWh
    costs in money by slot, where the plan is made on other prices. Where any demand says it, the worth of a limit
    counts by it, and only for those who do.
    """

    id: Name
    site: Name
    arrive_slot: SlotNo
    depart_slot: SlotNo
    energy_wh: WattHours
    max_w: Watts
    feeder: Name | None = None
    floor_wh: WattHours = 0
    min_w: Watts = 0
    phases: list[Annotated[int, msgspec.Meta(ge=1, le=3)]] = msgspec.field(default_factory=lambda: [1, 2, 3])
    priority: Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)] = 0
    one_block: bool = False
    price_micro_per_kwh: list[Micro] | None = None
    survival: list[Chance] | None = None
    lambda_micro_per_kwh: Micro | None = None
    any_phase: bool = False
    charging: bool = False
    paid_micro_per_kwh: list[Micro] | None = None


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the engine may look for better, and how close to the bound is close enough."""

    time_s: Annotated[float, msgspec.Meta(gt=0.0, le=3600.0)] = 2.0
    gap: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)] = 0.0005


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sites, demands and prices over `slots` slots from `start` on.

    For callers inside the house only: `elapsed_s`, seconds of slot 0 that are gone already; `rules_yield`, whether the
    price of a start and the least run are let go of at a site where more would be missing for their sake; `explained`,
    the demands that `explain` is about, all where None: each costs milliseconds.
    """

    id: Name
    start: Aware
    slots: Annotated[int, msgspec.Meta(ge=1, le=SLOTS_MAX)]
    price_micro_per_kwh: list[Micro]
    sites: list[Site]
    demands: list[Demand]
    slot_seconds: Annotated[int, msgspec.Meta(ge=60, le=86_400)] = 900
    currency: Name = "EUR"
    carbon_g_per_kwh: list[Annotated[int, msgspec.Meta(ge=0, le=10_000)]] | None = None
    carbon_price_micro_per_kg: Micro = 0
    switch_micro: Annotated[int, msgspec.Meta(ge=0, le=PRICE_MAX_MICRO)] = 0
    min_run_slots: Annotated[int, msgspec.Meta(ge=1, le=SLOTS_MAX)] = 1
    explain: bool = False
    limits: Limits = Limits()
    elapsed_s: int = 0
    rules_yield: bool = False
    explained: list[Name] | None = None


class Held(msgspec.Struct, frozen=True):
    """What leaves a demand less than it could take, until when: `by` is a reason, `feeder` None at the connection.

    `building`: it is the building's load that the connection, or the feeder, has no room beside. Times are seconds from
    `start`.
    """

    by: str
    feeder: str | None
    building: bool
    until_s: int


class Earlier(msgspec.Struct, frozen=True):
    """What it would cost more to be ready so many slots earlier, all others as planned; the plan then, Wh by slot."""

    slots: int
    ready_at_s: int
    extra_nano: int
    energy_wh: list[int]


class DemandExplained(msgspec.Struct, frozen=True):
    """What is ready at the departure, and what it would take to have more, or to have it earlier.

    `full_at_s`: when all would be there, staying as long as that takes; None where the problem ends before. `held`: why
    not by the departure. `next_kwh_micro`: what the next kWh would cost, others included; None where there is no room.
    """

    ready_wh: int
    ready_share: float
    full_at_s: int | None
    held: Held | None
    next_kwh_micro: int | None
    earlier: list[Earlier]


class LimitWorth(msgspec.Struct, frozen=True):
    """What one more kWh through a limit would save in each slot where it would, micro-units, give or take six.

    `feeder` None: the connection. `phases`: where it is a current (one A for an hour is 0.23 kWh). In `short_slots`
    more would serve what is missing.
    """

    feeder: str | None
    phases: list[int]
    slots: list[int]
    worth_micro_per_kwh: list[int]
    short_slots: list[int]


class SiteExplained(msgspec.Struct, frozen=True):
    """The limits of a site that cost something."""

    limits: list[LimitWorth]


class DemandPlan(msgspec.Struct, frozen=True):
    """Energy by slot of the problem, Wh, and what is missing of the demand, with its reason.

    `explain` is left out unless the problem asks for it.
    """

    id: str
    energy_wh: list[int]
    shortfall_wh: int
    reason: str | None
    explain: DemandExplained | msgspec.UnsetType = msgspec.UNSET


class SitePlan(msgspec.Struct, frozen=True):
    """What the grid connection delivers by slot, the building's load included, and where a limit binds.

    `explain` is left out unless the problem asks for it.
    """

    id: str
    peak_w: int
    binding_slots: list[int]
    grid_wh: list[int]
    explain: SiteExplained | msgspec.UnsetType = msgspec.UNSET


class StoredPlan(SitePlan, frozen=True, kw_only=True):
    """The same of a site with a battery: what it takes (positive) or gives (negative) by slot, Wh."""

    battery_wh: list[int]


class Answer(msgspec.Struct, frozen=True):
    """The plan. `gap` = (cost - bound) / max(|bound|, 1 unit of the currency); who times the solve sets `solve_ms`."""

    id: str
    status: str
    cost_nano: int
    bound_nano: int
    gap: float
    unserved_wh: int
    solver: str
    solve_ms: float
    plans: list[DemandPlan]
    sites: Sequence[SitePlan]


_decoder = msgspec.json.Decoder(Problem)
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<where>.*)`)?$", re.DOTALL)
_NAMED = re.compile(r"^Object (?P<how>contains unknown|missing required) field `(?P<name>.*)`$", re.DOTALL)
_HOUSE_ONLY = ("elapsed_s", "rules_yield", "explained")
_HOUSE_ONLY_DEMAND = ("any_phase", "charging", "paid_micro_per_kwh")


def parse(raw: bytes) -> Problem | list[FieldError]:
    """A problem from JSON, or what is wrong with it: each error names the field and what was expected."""
    try:
        problem = _decoder.decode(raw)
        named = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError as error:
        return [_field_error(str(error))]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [FieldError("$", f"expected one JSON object in UTF-8: {error}")]
    if own := [name for name in _HOUSE_ONLY if name in named]:
        return [_unknown("", name) for name in own]
    if any(name.encode() in raw for name in _HOUSE_ONLY_DEMAND):
        demands = msgspec.json.decode(named["demands"], type=list[dict[str, msgspec.Raw]])
        said = [(index, name) for index, demand in enumerate(demands) for name in _HOUSE_ONLY_DEMAND if name in demand]
        if said:
            return [_unknown(f"demands[{index}]", name) for index, name in said]
    if b'"external"' in raw:
        sites = enumerate(msgspec.json.decode(named["sites"], type=list[dict[str, Any]]))
        own = [
            f"sites[{at}].feeders[{no}]" for at, one in sites for no, feeder in _feeders(one) if "external" in feeder
        ]
        if own:
            return [_unknown(where, "external") for where in own]
    return faults(problem) or problem


def _feeders(site: dict[str, Any]) -> Iterator[tuple[int, Any]]:
    return enumerate(site.get("feeders", []))


def _field_error(text: str) -> FieldError:
    found = _AT.match(text)
    assert found is not None
    what, where = found["what"], found["where"] or ""
    named = _NAMED.match(what)
    if what == "Invalid RFC3339 encoded datetime":
        return FieldError(where, "expected an RFC 3339 date-time, such as 2026-03-28T17:00:00Z")
    if named is None:
        return FieldError(where or "$", what[:1].lower() + what[1:])
    if named["how"] == "contains unknown":
        return _unknown(where, named["name"])
    return FieldError(_join(where, named["name"]), "expected a value: this field is required")


def _unknown(where: str, name: str) -> FieldError:
    return FieldError(_join(where, name), "unknown field: expected only the fields of the contract")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def faults(problem: Problem) -> list[FieldError]:
    """All that keeps a well-formed problem from being solved; empty where it can be."""
    found = [
        *_per_slot(problem.price_micro_per_kwh, problem.slots, "price_micro_per_kwh"),
        *_per_slot(problem.carbon_g_per_kwh, problem.slots, "carbon_g_per_kwh"),
        *_twice([site.id for site in problem.sites], "sites"),
        *_twice([demand.id for demand in problem.demands], "demands"),
    ]
    if not 0 <= problem.elapsed_s < problem.slot_seconds:
        found.append(FieldError(_HOUSE_ONLY[0], f"expected 0 to {problem.slot_seconds - 1}, got {problem.elapsed_s}"))
    for index, site in enumerate(problem.sites):
        found.extend(_site_faults(site, problem.slots, f"sites[{index}]"))
    feeders = {site.id: {feeder.id for feeder in site.feeders} for site in problem.sites}
    for index, demand in enumerate(problem.demands):
        if _sound(demand, problem, feeders):
            continue
        at = f"demands[{index}]"
        found.extend(_place_faults(demand, feeders, at))
        found.extend(_demand_faults(demand, problem, at))
    return found


def _per_slot(values: object, slots: int, at: str) -> Iterator[FieldError]:
    if isinstance(values, list) and len(values) != slots:
        yield FieldError(at, f"expected {slots} values, one a slot, got {len(values)}")


def _twice(ids: Sequence[str], at: str) -> Iterator[FieldError]:
    counts = Counter(ids)
    for index, name in enumerate(ids):
        if counts[name] > 1 and ids.index(name) != index:
            yield FieldError(f"{at}[{index}].id", f"expected an id of its own, {name!r} stands at [{ids.index(name)}]")


def _site_faults(site: Site, slots: int, at: str) -> Iterator[FieldError]:
    for name in ("limit_w", "base_load_w", "solar_w", "feed_in_micro_per_kwh"):
        yield from _per_slot(getattr(site, name), slots, f"{at}.{name}")
    if site.battery is not None and site.battery.stored_wh > site.battery.capacity_wh:
        message = f"expected at most capacity_wh ({site.battery.capacity_wh}), got {site.battery.stored_wh}"
        yield FieldError(f"{at}.battery.stored_wh", message)
    yield from _twice([feeder.id for feeder in site.feeders], f"{at}.feeders")
    parents = {feeder.id: feeder.parent for feeder in site.feeders}
    for index, feeder in enumerate(site.feeders):
        where = f"{at}.feeders[{index}]"
        yield from _per_slot(feeder.base_load_w, slots, f"{where}.base_load_w")
        if feeder.limit_ma is not None and len(feeder.limit_ma) != 3:
            yield FieldError(f"{where}.limit_ma", f"expected 3 values, one a phase, got {len(feeder.limit_ma)}")
        if feeder.parent is not None and feeder.parent not in parents:
            yield FieldError(f"{where}.parent", f"expected the id of a feeder of this site, got {feeder.parent!r}")
        elif _goes_round(feeder.id, parents):
            yield FieldError(f"{where}.parent", f"expected a tree, but {feeder.id!r} is its own ancestor")


def _goes_round(start: str, parents: dict[str, str | None]) -> bool:
    at: str | None = parents[start]
    for _ in parents:
        if at is None or at == start:
            break
        at = parents.get(at)
    return at == start


def _sound(demand: Demand, problem: Problem, feeders: dict[str, set[str]]) -> bool:
    """Whether a demand is surely without faults, as nearly all are; the others are looked at one field at a time."""
    return (
        demand.arrive_slot < demand.depart_slot <= problem.slots
        and demand.floor_wh <= demand.energy_wh
        and demand.phases in _USUAL_PHASES
        and demand.price_micro_per_kwh is None
        and demand.paid_micro_per_kwh is None
        and demand.survival is None
        and demand.site in feeders
        and (demand.feeder is None or demand.feeder in feeders[demand.site])
    )


_USUAL_PHASES = ([1, 2, 3], [1], [2], [3])


def _place_faults(demand: Demand, feeders: dict[str, set[str]], at: str) -> Iterator[FieldError]:
    if demand.site not in feeders:
        yield FieldError(f"{at}.site", f"expected the id of a site, got {demand.site!r}")
    elif demand.feeder is not None and demand.feeder not in feeders[demand.site]:
        message = f"expected the id of a feeder of site {demand.site!r}, got {demand.feeder!r}"
        yield FieldError(f"{at}.feeder", message)


def _demand_faults(demand: Demand, problem: Problem, at: str) -> Iterator[FieldError]:
    stay = demand.depart_slot - demand.arrive_slot
    if demand.depart_slot > problem.slots:
        yield FieldError(f"{at}.depart_slot", f"expected at most {problem.slots} (slots), got {demand.depart_slot}")
    if stay <= 0:
        message = f"expected more than arrive_slot ({demand.arrive_slot}), got {demand.depart_slot}"
        yield FieldError(f"{at}.depart_slot", message)
    if demand.floor_wh > demand.energy_wh:
        message = f"expected at most energy_wh ({demand.energy_wh}), got {demand.floor_wh}"
        yield FieldError(f"{at}.floor_wh", message)
    if not demand.phases or len(set(demand.phases)) != len(demand.phases):
        yield FieldError(f"{at}.phases", f"expected one to three different phases, got {demand.phases}")
    yield from _per_slot(demand.price_micro_per_kwh, problem.slots, f"{at}.price_micro_per_kwh")
    yield from _per_slot(demand.paid_micro_per_kwh, problem.slots, f"{at}.paid_micro_per_kwh")
    if demand.survival is not None and stay > 0 and len(demand.survival) != stay:
        message = f"expected {stay} values, one for each slot of the stay, got {len(demand.survival)}"
        yield FieldError(f"{at}.survival", message)
