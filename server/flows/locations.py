"""Places to charge as a driver sees them, and an operator's stations."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Refused
from server.core.tariff import PublicTariffTerms, day_steps
from server.flows.placing import place_named, put_station
from server.storage import contracts, locations, stations
from server.storage.locations import Location
from server.storage.stations import Evse
from shared.locations import EvseState, EvseView, LocationView
from shared.stations import StationAdd, StationCredentials, StationView
from shared.tariffs import PublicPrice

STATES = {
    "Available": EvseState.AVAILABLE,
    "Preparing": EvseState.AVAILABLE,
    "Charging": EvseState.CHARGING,
    "SuspendedEV": EvseState.CHARGING,
    "SuspendedEVSE": EvseState.CHARGING,
    "Finishing": EvseState.BLOCKED,
    "Reserved": EvseState.RESERVED,
    "Unavailable": EvseState.INOPERATIVE,
    "Faulted": EvseState.OUTOFORDER,
}
"""OCPP 1.6 ChargePointStatus in OCPI's words (OCPI 2.2.1, 8.4.23): AVAILABLE can start a session, as Preparing can
for whoever put the cable in; BLOCKED is a car that stands in the way after its session."""

NOT_THERE = Refused("not_found", "List the places with GET /api/locations.")


def state_of(status: str, *, online: bool) -> EvseState:
    """An EVSE's state; nobody knows that of an offline one (OCPI 2.2.1, 8.4.23)."""
    return STATES.get(status, EvseState.UNKNOWN) if online else EvseState.UNKNOWN


def price_of(terms: PublicTariffTerms | None) -> PublicPrice | None:
    """The components of a public tariff: lowest and highest price per kWh of the day, the fees, and the day's steps."""
    if terms is None:
        return None
    steps = day_steps(terms)
    energy = [step.energy_micro_per_kwh for step in steps]
    return PublicPrice(
        tariff_id=terms.id,
        currency=terms.currency,
        energy_micro_per_kwh=min(energy),
        energy_high_micro_per_kwh=max(energy),
        time_micro_per_hour=terms.time_micro_per_hour,
        session_minor=terms.session_minor,
        idle_micro_per_hour=terms.idle_micro_per_hour,
        idle_after_minutes=terms.idle_after_minutes,
        steps=steps if len(steps) > 1 else [],
    )


async def visible(tx: AsyncSession, account_id: UUID) -> list[LocationView]:
    """Public places, the driver's home and those of the driver's contracts, with live state and price."""
    return await _views(tx, await locations.visible_to(tx, account_id), account_id)


async def one(tx: AsyncSession, location_id: UUID, account_id: UUID) -> LocationView | None:
    """One place, None where there is none for this driver."""
    place = await locations.one_visible_to(tx, location_id, account_id)
    return None if place is None else (await _views(tx, [place], account_id))[0]


async def _views(tx: AsyncSession, places: Sequence[Location], account_id: UUID) -> list[LocationView]:
    ids = [place.id for place in places]
    names = await locations.party_names(tx)
    online = await locations.online_stations(tx, ids)
    mine = await locations.open_session_of(tx, account_id)
    prices = {place.id: price_of(await contracts.public_tariff(tx, place.tariff_id)) for place in places}
    evses: dict[UUID, list[EvseView]] = {place_id: [] for place_id in ids}
    for evse in await stations.evses_at(tx, ids):
        up = evse.station_id in online
        evses[evse.location_id].append(
            EvseView(
                id=evse.id,
                label=evse.label,
                state=state_of(evse.status, online=up),
                max_w=evse.max_w,
                phases=evse.phases,
                online=up,
                price=prices[evse.location_id],
                mine=mine.get(evse.id),
            )
        )
    return [
        LocationView(
            id=place.id,
            name=place.name,
            address=place.address,
            latitude=place.latitude,
            longitude=place.longitude,
            time_zone=place.time_zone,
            public=place.public,
            operator_name=names[place.party_id],
            evses=evses[place.id],
        )
        for place in places
    ]


async def visible_evse(tx: AsyncSession, evse_id: UUID, account_id: UUID) -> Evse | None:
    """An EVSE of a place that the driver may see."""
    evse = await stations.evse(tx, evse_id)
    if evse is None or await locations.one_visible_to(tx, evse.location_id, account_id) is None:
        return None
    return evse


# --- an operator's stations ---------------------------------------------------


async def stations_of(tx: AsyncSession, party_id: UUID) -> list[StationView]:
    """The stations of a party, by identity."""
    found = await stations.of_party(tx, party_id)
    place_ids = sorted({station.location_id for station in found})
    places = {place_id: await locations.get(tx, place_id) for place_id in place_ids}
    charging = await locations.open_sessions(tx, place_ids)
    connectors: dict[UUID, list[str]] = {}
    for evse in await stations.evses_at(tx, place_ids):
        connectors.setdefault(evse.station_id, []).append(evse.label)
    return [
        StationView(
            id=station.id,
            identity=station.identity,
            location_name=place.name if (place := places[station.location_id]) is not None else "",
            online=station.online,
            last_seen_at=station.last_seen_at,
            vendor=station.vendor,
            model=station.model,
            firmware=station.firmware,
            connectors=connectors.get(station.id, []),
            open_sessions=charging.get(station.id, 0),
            safe_share_w=station.safe_held_w,
        )
        for station in found
    ]


async def add_station(
    tx: AsyncSession, party_id: UUID, said: StationAdd, ocpp_url: str, now: datetime
) -> StationCredentials | Refused:
    """A new station of a party, with one connector and a key that is told once. An unknown place is made, private.

    `ocpp_url`: what the identity is appended to, e.g. ws://127.0.0.1:9000/ocpp.
    """
    if await locations.station_taken(tx, said.identity):
        return Refused("identity_taken", "Another station has this identity; choose another one.")
    place = await place_named(tx, party_id, said.location_name)
    return await put_station(tx, place, said, ocpp_url, now)
