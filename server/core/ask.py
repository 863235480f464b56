"""What planning asks of the engine for one place: sessions, limits and prices become a Problem.

Stations that are out of reach, or that do not do what they are told, are no demands: what they may draw is reserved.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from server.core.chance_plan import Ahead
from server.core.demand import Need, NeedSource
from server.core.external_limit import WHOLE, ExternalLimit, by_slot
from server.core.feeders import Tree
from server.core.objective import at_once_prices
from server.core.ready_by import ReadyBy
from server.core.station import Feeder
from server.core.timegrid import Grid
from server.core.valley.problem import Demand, Limits, Problem, Site
from server.core.valley.problem import Feeder as Limit
from shared.sessions import Delay
from shared.units import current_ma, power_w

SITE = "location"
FEEDER = "feeder"
MIN_CURRENT_MA = 6_000
SWITCH_MICRO = 10_000
"""A start of charging counts as a cent: quarter-hour prices would else make contactors chatter and cars fall asleep."""
RUN_SLOTS = 2
"""At least half an hour on, and off between two runs."""
BEYOND = -1
"""The priority of a car that goes on beyond its estimate: behind a full limit it yields to what others are to get."""
LIMITS = Limits(time_s=0.02, gap=0.02)
"""A plug-in does not wait for the last cent."""
MARGIN_S = 600
MARGIN_PCT = 5
MARGIN_MICRO_PER_KWH = 50_000
"""A plan ends this long before the driver's time, and a share of the charge more, unless the last slots are so much
cheaper: clocks differ, profiles round down, and who comes a little early should find a charged car."""


class Wish(msgspec.Struct, frozen=True):
    """One session that is planned. `prices` is what it looks for its valley on.

    `open_ended`: its departure is a forecast, which its prices know of (`chance_plan`); it may charge to the last slot.
    `unvalued`: what lies ahead of it, where nobody said yet what it would be worth to know that departure.
    """

    session_id: UUID
    need: Need
    ready: ReadyBy
    delay: Delay
    max_w: int
    phases: int
    prices: list[int]
    final_w: int
    tail_s: int = 0  # how much longer the car takes near full
    one_block: bool = False  # in one piece
    drawing: bool = False  # it charges now
    reason: str = ""  # of a forecast: the code of its sentence, and on how many of the driver's own stays it stands
    stays: int = 0
    open_ended: bool = False
    unvalued: Ahead | None = None
    feeder_id: UUID | None = None  # what its station hangs on
    go_on: bool = False  # its car did not go on after a pause: no more of them, though nobody asked to charge at once
    station_id: UUID | None = None
    connector_no: int = 1

    @property
    def at_once(self) -> bool:
        """Whether this car charges as early as the limits let it."""
        return self.delay is not Delay.MANAGED


class Elsewhere(msgspec.Struct, frozen=True):
    """The limits that a station has from somebody else. `drawn_w`: what its cars draw that are not planned, by EVSE."""

    station_id: UUID
    feeder_id: UUID | None
    limits: tuple[ExternalLimit, ...]
    drawn_w: Mapping[int, int] = {}

    def free_w(self, connector_no: int, place: "Place") -> list[int | None]:
        """What those on an EVSE, or on the whole station, leave to who is planned, W by slot; None: no limit there."""
        drawn_w = self.drawn_w.get(connector_no, 0) if connector_no != WHOLE else sum(self.drawn_w.values())
        found = by_slot(self.limits, (connector_no,), place.grid, place.now)
        return [None if limit is None else max(0, limit - drawn_w) for limit in found]


class Place(msgspec.Struct, frozen=True):
    """The limits of a place. `reserved_w`: what stations below each feeder draw, or may draw, that are not planned."""

    grid: Grid
    now: datetime
    zone: str
    tree: Tree = Tree()
    reserved_w: Mapping[UUID, int] = {}
    elsewhere: Sequence[Elsewhere] = ()


def problem(place: Place, wishes: Sequence[Wish]) -> Problem:
    """The engine's problem for a place; demands stand in the order of `wishes`."""
    names = _names(place.tree)
    external = [one for box in place.elsewhere for one in _external(place, box, wishes, names)]
    behind = {one.id for one in external}
    return Problem(
        id="location",
        start=place.grid.start,
        slot_seconds=place.grid.slot_seconds,
        slots=place.grid.slots,
        elapsed_s=round((place.now - place.grid.start).total_seconds()),
        price_micro_per_kwh=[0] * place.grid.slots,
        switch_micro=SWITCH_MICRO,
        min_run_slots=RUN_SLOTS,
        rules_yield=True,
        limits=LIMITS,
        sites=[_site(place, wishes, names, external)],
        demands=[_demand(place, wish, _behind(place, wish, names, behind)) for wish in wishes],
    )


def _names(tree: Tree) -> dict[UUID, str]:
    """The feeders that the engine hears of as such; the W of the limit above all others are the site's."""
    root = tree.root
    return {
        one.id: FEEDER if one == root else str(one.id)
        for one in tree.feeders.values()
        if one != root or one.limit_ma is not None
    }


def _innermost(tree: Tree, feeder_id: UUID | None, names: Mapping[UUID, str]) -> str | None:
    return next((names[one.id] for one in tree.path(feeder_id) if one.id in names), None)


def _behind(place: Place, wish: Wish, names: Mapping[UUID, str], external: Collection[str]) -> str | None:
    """The innermost limit that a session is behind."""
    own = [_external_name(wish.station_id, number) for number in (wish.connector_no, WHOLE)]
    return next((name for name in own if name in external), _innermost(place.tree, wish.feeder_id, names))


def _external_name(station_id: UUID | None, connector_no: int) -> str:
    return f"external:{station_id}:{connector_no}"


def _external(place: Place, box: Elsewhere, wishes: Sequence[Wish], names: Mapping[UUID, str]) -> Iterator[Limit]:
    """What a station is limited to from elsewhere, as a limit over all its cars and one on each EVSE that is named.

    The engine has one value a feeder and what is taken of it by slot: here what its cars could use, less the limit.
    """
    parent = _innermost(place.tree, box.feeder_id, names)
    here = [wish for wish in wishes if wish.station_id == box.station_id]
    for number in (WHOLE, *sorted({wish.connector_no for wish in here})):
        most_w = sum(wish.max_w for wish in here if number in (WHOLE, wish.connector_no))
        missing = [0 if free is None else max(0, most_w - free) for free in box.free_w(number, place)]
        if any(missing):
            name = _external_name(box.station_id, number)
            yield Limit(id=name, parent=parent, limit_w=most_w, base_load_w=missing, external=True)
            parent = name if number == WHOLE else parent


def _site(place: Place, wishes: Sequence[Wish], names: Mapping[UUID, str], external: Sequence[Limit]) -> Site:
    """The connection with all that hangs under it; without a limit that is above all stations it has what they want."""
    root = place.tree.root
    feeders = [_limit(place, one, names) for one in place.tree.feeders.values() if one.id in names]
    feeders += external
    if root is None:
        return Site(id=SITE, limit_w=sum(wish.max_w for wish in wishes), feeders=feeders)
    reserved = place.reserved_w.get(root.id, 0)
    base = [load + reserved for load in place.tree.base_w(root, place.grid, place.zone)]
    limit = root.limit_w if root.limit_w is not None else power_w(min(root.limit_ma or (0,)), 3)
    return Site(id=SITE, limit_w=limit, base_load_w=base, feeders=feeders)


def _limit(place: Place, feeder: Feeder, names: Mapping[UUID, str]) -> Limit:
    """A feeder less what is reserved below it; the W of the site's own are said there."""
    reserved, limit_ma, limit_w = place.reserved_w.get(feeder.id, 0), None, None
    if feeder.limit_ma is not None:
        limit_ma = [max(0, limit - current_ma(reserved, 3)) for limit in feeder.limit_ma]
    if feeder.limit_w is not None and names[feeder.id] != FEEDER:
        limit_w = max(0, feeder.limit_w - reserved)
    base = place.tree.base_w(feeder, place.grid, place.zone)
    return Limit(
        id=names[feeder.id],
        parent=_innermost(place.tree, feeder.parent_id, names),
        limit_ma=limit_ma,
        limit_w=limit_w,
        base_load_w=base if any(base) else None,
    )


def _demand(place: Place, wish: Wish, feeder: str | None) -> Demand:
    slots, least_w = place.grid.slots, min(wish.max_w, power_w(MIN_CURRENT_MA, wish.phases))
    # Less than one slot at 6 A cannot be planned; a limit is a maximum, and a car that is full stops by itself.
    least_wh = -(-least_w * place.grid.slot_seconds // 3600) if wish.need.energy_wh else 0
    energy_wh = max(wish.need.energy_wh, least_wh)
    at_once = wish.at_once or wish.go_on
    one_block = wish.one_block and not at_once
    no_floor = at_once or (one_block and not wish.open_ended)  # a floor at once would be where the piece begins
    return Demand(
        id=str(wish.session_id),
        site=SITE,
        feeder=feeder,
        arrive_slot=0,
        depart_slot=_depart_slot(place, wish),
        energy_wh=energy_wh,
        floor_wh=0 if no_floor else min(wish.need.floor_wh, wish.need.energy_wh),
        max_w=wish.max_w,
        min_w=least_w,
        phases=list(range(1, wish.phases + 1)),
        any_phase=wish.phases < 3,  # nobody wrote down how the sockets are wired
        priority=BEYOND if wish.need.source is NeedSource.STILL_DRAWING else 0,
        one_block=one_block,
        charging=wish.drawing,
        price_micro_per_kwh=at_once_prices(slots) if at_once else _with_margin(place, wish),
    )


def _with_margin(place: Place, wish: Wish) -> list[int]:
    """The prices of a stay with a known end, dearer in its last slots; of any other as they are."""
    if wish.ready.at is None or wish.open_ended:
        return wish.prices
    charge_s = wish.need.energy_wh * 3600 // max(1, wish.max_w)
    early = wish.ready.at - timedelta(seconds=MARGIN_S + wish.tail_s + charge_s * MARGIN_PCT // 100)
    ends, last = place.grid.index(early), _depart_slot(place, wish)
    return [price + MARGIN_MICRO_PER_KWH * (ends <= slot < last) for slot, price in enumerate(wish.prices)]


def _depart_slot(place: Place, wish: Wish) -> int:
    """The first slot that is not wholly before the departure; the whole grid where nobody knows that time.

    A charge at once ends there too: behind a shared limit it would else be put off beyond it for another's sake.
    """
    if wish.ready.at is None or wish.open_ended:
        return place.grid.slots
    return min(max(1, place.grid.index(wish.ready.at)), place.grid.slots)
