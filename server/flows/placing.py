"""A station put into a place: what an operator's API call and the command line do alike."""

import hashlib
import secrets
from datetime import datetime
from urllib.parse import quote
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.station import Station
from server.storage import locations, outbox, stations
from server.storage.locations import Location
from shared.stations import StationAdd, StationCredentials

KEY_BYTES = 20
"""OCPP 1.6 security whitepaper: an authorisation key of 20 bytes, said as 40 hexadecimal digits."""


async def put_station(
    tx: AsyncSession, place: Location, said: StationAdd, ocpp_url: str, now: datetime
) -> StationCredentials:
    """A new station with one connector and a key that is told once; its identity must be free.

    `ocpp_url`: what the identity is appended to, e.g. ws://127.0.0.1:9000/ocpp. Behind a shared limit one more station
    means a smaller safe share for each, so all of them are configured anew.
    """
    feeder = await stations.feeder_of(tx, place.id)
    station = Station(
        id=uuid4(),
        party_id=place.party_id,
        location_id=place.id,
        identity=said.identity,
        max_w=said.max_w,
        phases=said.phases,
        online=False,
        feeder_id=None if feeder is None else feeder.id,
    )
    key = secrets.token_hex(KEY_BYTES)
    await locations.add_station(tx, station, hashlib.sha256(key.encode()).hexdigest())
    await stations.add_evse(tx, station, 1)
    for neighbour in await stations.at_location(tx, place.id) if feeder is not None else ():
        await outbox.put_once(tx, "configure", str(neighbour.id), {"station_id": neighbour.id}, now)
    return StationCredentials(said.identity, f"{ocpp_url.rstrip('/')}/{quote(said.identity, safe='')}", key)
