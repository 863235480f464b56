"""What is known of a station, read and written by its operator."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.makes import NOT, told_of_make
from server.core.station import Station
from server.storage import outbox, stations
from shared.traits import StationTraits, TraitsUpdate


async def of_own(tx: AsyncSession, party_id: UUID, station_id: UUID) -> Station | None:
    """A station of a party, None for any other."""
    found = await stations.find(tx, station_id)
    return found if found is not None and found.party_id == party_id else None


def view(station: Station, of_its_make: tuple[str, ...], now: datetime) -> StationTraits:
    """All of it. `of_its_make`: the quirks that its vendor and model are known for."""
    manner = station.manner
    return StationTraits(
        station_id=station.id,
        vendor=station.vendor,
        model=station.model,
        unit=station.unit,
        purposes=list(manner.purposes),
        refused=list(manner.refused),
        periods_max=manner.periods_max,
        stack_max=manner.stack_max,
        follows=station.follows,
        quirks=list(manner.quirks),
        of_its_make=list(of_its_make),
        auto_configure=manner.auto_configure,
        local_list=manner.local_list,
        known_of_make=list(told_of_make(station.vendor, station.model)),
        flash_writes_a_day=manner.flash_writes_a_day,
        writes_today=station.writes_on(now.date()),
    )


async def write(tx: AsyncSession, station: Station, said: TraitsUpdate, now: datetime) -> Station:
    """A station with what its operator says of it; it is set up anew where that may change what it is told."""
    changes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in msgspec.structs.asdict(said).items()
        if value is not msgspec.UNSET and name != "unit"
    }
    manner = msgspec.structs.replace(station.manner, **changes)
    unit = station.unit if said.unit is msgspec.UNSET else said.unit
    if unit != station.unit:  # what it refused in the other unit it may take in this one
        manner = msgspec.structs.replace(manner, purposes=(), refused=())
    after = msgspec.structs.replace(station, unit=unit, traits=manner)
    if after != station:
        await stations.update(tx, station.id, unit=unit, traits=manner)
    if unit != station.unit or (manner.auto_configure and not station.manner.auto_configure):
        await outbox.put_once(tx, "configure", str(station.id), {"station_id": station.id}, now)
    if manner.local_list != station.manner.local_list:
        await outbox.put_once(tx, "local_list", str(station.id), {}, now)
    return after


async def shown(tx: AsyncSession, station_id: UUID, quirk: str) -> None:
    """A station has shown a quirk: it is kept with what its operator wrote, unless that says that it has none."""
    manner = (await stations.get(tx, station_id)).manner
    if quirk not in manner.quirks and f"{NOT}{quirk}" not in manner.quirks:
        after = msgspec.structs.replace(manner, quirks=(*manner.quirks, quirk))
        await stations.update(tx, station_id, traits=after)
