"""What several flows load: a session with its driver, contract, car, prices and plan, in few queries."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import external_limit, feeders
from server.core.contract import Contract, ContractKind, at_place
from server.core.eligibility import Standing
from server.core.feeders import Tree
from server.core.pricecurve import PriceSlot, curve
from server.core.session import Session
from server.core.station import Feeder, Station
from server.core.tariff import PublicTariffTerms, home_prices, home_terms, public_prices
from server.core.timegrid import Grid
from server.storage import contracts, drivers, locations, plans, prices, stations, vehicles
from server.storage.contracts import HomeTariffRow
from server.storage.drivers import Driver
from server.storage.locations import Location
from server.storage.plans import Plan
from server.storage.stations import Evse
from server.storage.vehicles import VehicleRow
from shared.accounts import Role

PREFERRED_SOURCES = ("recorded", "entsoe", "energy_charts", "typical")


class SessionFacts(msgspec.Struct, frozen=True):
    """A session and whose it is."""

    session: Session
    location: Location
    station: Station
    evse: Evse
    driver: Driver | None
    contract: Contract | None
    car: VehicleRow | None
    plan: Plan | None
    home_tariff: HomeTariffRow | None
    public_tariff: PublicTariffTerms | None
    sockets: int = 1  # the EVSEs of its station

    @property
    def consent(self) -> bool:
        """Whether the driver agreed to delays."""
        return self.driver is not None and self.driver.consent_at is not None

    @property
    def same_account(self) -> bool:
        """Whether who charges is who runs the place: nobody pays cashback to himself."""
        return is_same_account(self.driver, self.location)

    @property
    def phases(self) -> int:
        """Phases that this car uses here."""
        return min(self.evse.phases, self.car.phases) if self.car else self.evse.phases

    @property
    def max_w(self) -> int:
        """The most that station, EVSE and car can do together, W."""
        limits = [self.station.max_w, self.evse.max_w]
        if self.car is not None:
            limits.append(self.car.max_ac_w)
            limits.append(self.evse.max_w * self.phases // self.evse.phases)
        said = self.session.car_needs.most_w if self.session.car_needs is not None else None
        return min(limits) if said is None else min(*limits, said)

    def free_w(self, moment: datetime) -> int:
        """The most that may be drawn at a moment: what a limit from elsewhere leaves of it, W."""
        limit = external_limit.least_w(self.station.external_limits or (), self.session.connector_no, moment)
        return self.max_w if limit is None else min(self.max_w, limit)

    def unplanned_wh(self, plan: Plan, slot: int, begun: datetime) -> list[int]:
        """What it may take by slot of a plan, from one on, where it is not told its plan: empty for all that it can.

        What its station is limited to from elsewhere all the same; where EVSEs share that, the plan knows how.
        """
        limits = self.station.external_limits or ()
        ahead = Grid(plan.grid.at(slot), plan.grid.slots - slot, plan.slot_seconds)
        found = external_limit.alone_wh(limits, self.session.connector_no, ahead, begun, self.max_w)
        shared = self.sockets > 1 and any(one.connector_no == external_limit.WHOLE for one in limits)
        return plan.energy_wh[slot:] if found and shared else found

    def driver_prices(self, grid: Grid, market: Sequence[int]) -> list[int] | None:
        """What the driver (or the driver's employer) pays per kWh in each slot, None where nobody does."""
        if self.public_tariff is not None and self.location.public:
            return public_prices(self.public_tariff, grid)
        if self.home_tariff is not None:
            terms = home_terms(self.home_tariff.entered)
            return home_prices(terms, grid, list(market), self.location.time_zone)
        is_fleet = self.contract is not None and self.contract.terms.kind is ContractKind.FLEET
        return list(market) if is_fleet else None


def is_same_account(driver: Driver | None, place: Location) -> bool:
    """Whether a driver runs a public place: as its owner, or as an operator of its party."""
    if driver is None or not place.public:
        return False
    standing = Standing(
        owns_place=place.account_id == driver.id,
        operator_account=driver.role is Role.OPERATOR,
        party_of_place=driver.party_id == place.party_id,
    )
    return standing.same_account


def contract_here(signed: Contract | None, place: Location, tariff: PublicTariffTerms | None) -> Contract | None:
    """A contract as it holds at a place: everything that reads its kind reads it from here."""
    varies = place.public and tariff is not None and tariff.varies
    return None if signed is None else at_place(signed, price_varies=varies)


async def market(tx: AsyncSession, location: Location, grid: Grid) -> list[PriceSlot]:
    """The market price of each slot: stored prices first, the typical curve where none is out yet."""
    stored = await prices.between(tx, location.zone, grid.start, grid.end)
    return curve(stored, grid, PREFERRED_SOURCES, location.time_zone)


async def of_session(tx: AsyncSession, session: Session) -> SessionFacts:
    """One session with all that belongs to it."""
    return (await of_sessions(tx, [session]))[0]


class Hardware(msgspec.Struct, frozen=True):
    """A place with all its stations and EVSEs."""

    location: Location
    stations: list[Station]
    evses: list[Evse]

    def tree(self, limits: Sequence[Feeder]) -> Tree:
        """Its shared limits, with what hangs on them."""
        return feeders.tree(limits, self.stations, Counter(one.station_id for one in self.evses))

    def free_sockets(self, taken: Collection[UUID]) -> dict[UUID, int]:
        """How many EVSEs of each station are not taken; one that has not shown any yet counts for one."""
        shown = {one.station_id for one in self.evses}
        free = Counter(one.station_id for one in self.evses if one.id not in taken)
        return {box.id: free[box.id] if box.id in shown else 1 for box in self.stations}


async def hardware(tx: AsyncSession, location_id: UUID) -> Hardware:
    """What stands at a place."""
    place = await locations.get(tx, location_id)
    assert place is not None
    return Hardware(place, await stations.at_location(tx, location_id), await stations.evses_at(tx, [location_id]))


async def of_sessions(tx: AsyncSession, found: Sequence[Session]) -> list[SessionFacts]:
    """Sessions of any places with all that belongs to them, in the order given."""
    where = sorted({one.location_id for one in found})
    return await at_places(tx, found, [await hardware(tx, location_id) for location_id in where])


async def at_places(tx: AsyncSession, found: Sequence[Session], where: Sequence[Hardware]) -> list[SessionFacts]:
    """The same, of sessions at places that are known."""
    places = {one.location.id: one.location for one in where}
    boxes = {box.id: box for one in where for box in one.stations}
    evses = {evse.id: evse for one in where for evse in one.evses}
    sockets = Counter(evse.station_id for evse in evses.values())
    people = await drivers.by_id(tx, [one.account_id for one in found if one.account_id])
    in_force = await plans.in_force(tx, [one.plan_id for one in found if one.plan_id])
    for over in (one.id for one in found if one.ended_at is not None):
        plans.forget_of(tx, over)
    terms = await contracts.by_id(tx, [one.contract_id for one in found if one.contract_id])
    cars = await vehicles.by_id(tx, [one.vehicle_id for one in found if one.vehicle_id])
    public = {key: await contracts.public_tariff(tx, place.tariff_id) for key, place in places.items()}
    return [
        SessionFacts(
            session=one,
            location=places[one.location_id],
            station=boxes[one.station_id],
            evse=evses[one.evse_id],
            driver=people.get(one.account_id) if one.account_id else None,
            contract=contract_here(_of(terms, one.contract_id), places[one.location_id], public[one.location_id]),
            car=cars.get(one.vehicle_id) if one.vehicle_id else None,
            plan=in_force.get(one.id),
            home_tariff=await _home_tariff(tx, one, places[one.location_id]),
            public_tariff=public[one.location_id],
            sockets=sockets[one.station_id],
        )
        for one in found
    ]


def _of(terms: Mapping[UUID, Contract], contract_id: UUID | None) -> Contract | None:
    return terms.get(contract_id) if contract_id else None


async def _home_tariff(tx: AsyncSession, session: Session, place: Location) -> HomeTariffRow | None:
    """The tariff that holds at a driver's own home, as of plug-in."""
    if session.account_id is None or place.account_id != session.account_id:
        return None
    return await contracts.home_tariff(tx, session.account_id, session.started_at)
