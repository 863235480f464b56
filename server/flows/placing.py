"""A station put into a place: what an operator's API call, the command line and pairing do alike."""

import hashlib
import secrets
from datetime import datetime
from urllib.parse import quote
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.contract import Contract, ContractKind, ContractTerms
from server.core.feeders import Tree
from server.core.station import Station
from server.flows.tariffs import KINDS
from server.storage import contracts, locations, outbox, stations
from server.storage.accounts import Account
from server.storage.locations import Location
from shared.stations import StationAdd, StationCredentials

KEY_BYTES = 20
"""OCPP 1.6 security whitepaper: an authorisation key of 20 bytes, said as 40 hexadecimal digits."""


async def put_station(
    tx: AsyncSession, place: Location, said: StationAdd, ocpp_url: str, now: datetime
) -> StationCredentials:
    """A new station with one connector and a key that is told once; its identity must be free.

    `ocpp_url`: what the identity is appended to, e.g. ws://127.0.0.1:9000/ocpp. The station hangs on the shared limit
    that is above all others, where there is one. Behind it one more station means a smaller safe share for each, so all
    of them are configured anew.
    """
    limits = await stations.feeders_of(tx, place.id)
    top = Tree({one.id: one for one in limits}).top
    station = Station(
        id=uuid4(),
        party_id=place.party_id,
        location_id=place.id,
        identity=said.identity,
        max_w=said.max_w,
        phases=said.phases,
        online=False,
        feeder_id=None if top is None else top.id,
    )
    key = secrets.token_hex(KEY_BYTES)
    await locations.add_station(tx, station, hashlib.sha256(key.encode()).hexdigest())
    await stations.add_evse(tx, station, 1)
    for neighbour in await stations.at_location(tx, place.id) if top is not None else ():
        await outbox.put_once(tx, "configure", str(neighbour.id), {"station_id": neighbour.id}, now)
    return StationCredentials(said.identity, f"{ocpp_url.rstrip('/')}/{quote(said.identity, safe='')}", key)


async def place_named(tx: AsyncSession, party_id: UUID, name: str) -> Location:
    """A party's place by name; an unknown one is made, private."""
    place = await locations.named(tx, party_id, name.strip())
    if place is None:
        place = new_place(party_id, name, public=False)
        await locations.insert(tx, place)
    return place


async def home_place(tx: AsyncSession, owner: Account, name: str, now: datetime) -> Location:
    """Where a driver charges at home, with its contract: until a tariff is entered, nobody shares the value."""
    place = await locations.home_of(tx, owner.id)
    if place is None:
        place = new_place(owner.party_id, name, public=False, account_id=owner.id)
        await locations.insert(tx, place)
    if await contracts.home_contract(tx, owner.id) is None:
        await contracts.add_contract(tx, await _home_contract(tx, owner, place, now))
    return place


async def _home_contract(tx: AsyncSession, owner: Account, place: Location, now: datetime) -> Contract:
    tariff = await contracts.home_tariff(tx, owner.id, now)
    kind = ContractKind.HOME_FIXED if tariff is None else KINDS[tariff.entered.kind]
    partner = tariff is not None and tariff.supplier_partner
    terms = ContractTerms(kind=kind, partner=partner, currency=owner.currency)
    return Contract(uuid4(), owner.party_id, owner.id, terms, place.id, tariff.supplier_id if tariff else None)


def new_place(party_id: UUID, name: str, *, public: bool, account_id: UUID | None = None) -> Location:
    """A place that nobody has put on the map yet."""
    return Location(
        id=uuid4(),
        party_id=party_id,
        name=name.strip(),
        address="",
        latitude=0.0,
        longitude=0.0,
        time_zone="Europe/Amsterdam",
        zone="NL",
        public=public,
        account_id=account_id,
    )
