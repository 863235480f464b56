"""What the command line enters: accounts, stations and cards of an installation that starts empty."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.access import MASTER
from server.core.contract import Contract, ContractKind, ContractTerms
from server.core.session import Refused
from server.core.tariff import EnergyWindow, PublicTariffTerms
from server.flows.placing import home_place, new_place, put_station
from server.flows.stations import READINGS
from server.storage import accounts, contracts, local_lists, locations, outbox, stations, town
from server.storage.accounts import Account, Party
from server.storage.contracts import Token
from server.storage.locations import Location
from shared.accounts import PartyRole, Role
from shared.stations import StationAdd, StationCredentials

PARTY_OF = {
    Role.DRIVER: PartyRole.PROVIDER,
    Role.FLEET_MANAGER: PartyRole.FLEET,
    Role.OPERATOR: PartyRole.OPERATOR,
    Role.SUPPLIER: PartyRole.SUPPLIER,
    Role.ADMINISTRATOR: PartyRole.PROVIDER,
}
"""What a party is that is first heard of with an account of this role."""
SIMULATED = "Simulated stations"


class AccountEntry(msgspec.Struct, frozen=True):
    """A new account; `party` by name."""

    email: str
    name: str
    role: Role
    party: str
    password_hash: str


class StationEntry(msgspec.Struct, frozen=True):
    """A new station: at a driver's home (`owner_email`), else at a public place of a party.

    `energy`: the prices of a public place that is made with it, the first window that holds a time prices it; none:
    nobody pays there.
    """

    station: StationAdd
    party: str
    owner_email: str | None = None
    energy: tuple[EnergyWindow, ...] = ()


class SimulatedStation(msgspec.Struct, frozen=True):
    """A station of a load test; `quirks` as they stand in a station's row."""

    identity: str
    key: str
    quirks: tuple[str, ...] = ()


class Added(msgspec.Struct, frozen=True):
    """A station as it was entered, and where."""

    credentials: StationCredentials
    location_name: str
    public: bool


async def add_account(tx: AsyncSession, entry: AccountEntry, now: datetime) -> Account | Refused:
    """A new account; its party is made if unknown. A driver gets a public contract and the app's token."""
    email = entry.email.strip().lower()
    if await accounts.by_email(tx, email) is not None:
        return Refused("email_taken", "An account has this e-mail address already; choose another one.")
    party = await _party(tx, entry.party, PARTY_OF[entry.role], now)
    account = Account(
        id=uuid4(),
        party_id=party.id,
        role=entry.role,
        name=entry.name,
        email=email,
        created_at=now,
        password_hash=entry.password_hash,
    )
    await accounts.insert(tx, account)
    if entry.role is Role.DRIVER:
        public = ContractTerms(kind=ContractKind.PUBLIC_FIXED, currency=account.currency)
        await contracts.add_contract(tx, Contract(uuid4(), party.id, account.id, public))
        uid = secrets.token_hex(8).upper()  # some stations take hex only (Alfen), some spoil what is longer (Ocular)
        await contracts.add_token(tx, Token(uid, party.id, account.id, "app", valid=True))
    return account


async def add_token(
    tx: AsyncSession, uid: str, email: str, now: datetime, *, master: bool = False
) -> Account | Refused:
    """Let a card charge on an account; gives the account. Stations of its home hear of it.

    A `master` card, which only an operator has, ends any session at its party's 2.x stations and begins none.
    """
    account = await accounts.by_email(tx, email.strip().lower())
    if account is None:
        return Refused("unknown_account", "Add the account first: dalstroom account add.")
    if await contracts.token(tx, uid) is not None:
        return Refused("token_taken", "This card charges on an account already.")
    if master and account.role not in {Role.OPERATOR, Role.ADMINISTRATOR}:
        return Refused("not_an_operator", "A master card belongs to an operator: name an operator's account.")
    await contracts.add_token(tx, Token(uid, account.party_id, account.id, MASTER if master else "rfid", valid=True))
    if master:
        for station in await stations.of_party(tx, account.party_id):
            payload = {"station_id": station.id, READINGS: True}
            await outbox.put(tx, "configure", str(station.id), payload, now)
        return account
    for station_id in await local_lists.stations_of(tx, account.id):
        await outbox.put_once(tx, "local_list", str(station_id), {}, now)
    return account


async def add_station(tx: AsyncSession, entry: StationEntry, ocpp_url: str, now: datetime) -> Added | Refused:
    """A new station at a driver's home or at a public place; the place, and the home's contract, are made if absent."""
    if await locations.station_taken(tx, entry.station.identity):
        return Refused("identity_taken", "Another station has this identity; choose another one.")
    place = await (_public_place(tx, entry, now) if entry.owner_email is None else _home(tx, entry, now))
    if isinstance(place, Refused):
        return place
    credentials = await put_station(tx, place, entry.station, ocpp_url, now)
    return Added(credentials, place.name, place.public)


async def enter_simulated(
    tx: AsyncSession, simulated: Sequence[SimulatedStation], card: str, now: datetime
) -> dict[str, UUID]:
    """Stations of a load test, at a public place of their own, and a card that may charge; their ids by identity.

    Those that are there already get the new keys and quirks, and those of that place may begin anew with any security
    profile.
    """
    party = await _party(tx, SIMULATED, PartyRole.OPERATOR, now)
    place = await locations.named(tx, party.id, SIMULATED)
    if place is None:
        place = new_place(party.id, SIMULATED, public=True)
        await locations.insert(tx, place)
    ids = {one.identity: await _simulated(tx, place, one, now) for one in simulated}
    if await contracts.token(tx, card) is None:
        driver = Account(uuid4(), party.id, Role.DRIVER, SIMULATED, f"{uuid4().hex}@simulated.invalid", now)
        await accounts.insert(tx, driver)
        await contracts.add_token(tx, Token(card, party.id, driver.id, "rfid", valid=True))
    return ids


async def _simulated(tx: AsyncSession, place: Location, one: SimulatedStation, now: datetime) -> UUID:
    known = await stations.named(tx, one.identity)
    if known is None:
        await put_station(tx, place, StationAdd(one.identity, SIMULATED), "", now)
        known = await stations.named(tx, one.identity)
    assert known is not None
    manner = msgspec.structs.replace(known.manner, quirks=one.quirks)
    profile = {"security_profile": 1} if known.location_id == place.id else {}
    key_sha256 = hashlib.sha256(one.key.encode()).hexdigest()
    await stations.update(tx, known.id, key_sha256=key_sha256, traits=manner, **profile)
    return known.id


async def operator(tx: AsyncSession, name: str, now: datetime) -> Party:
    """The party of a name; an operator is made where there is none."""
    return await _party(tx, name, PartyRole.OPERATOR, now)


async def known_party(tx: AsyncSession, name: str) -> Party | None:
    """The party of a name, whatever it is."""
    for kind in PartyRole:
        for party in await accounts.parties(tx, kind):
            if party.name.casefold() == name.strip().casefold():
                return party
    return None


async def _party(tx: AsyncSession, name: str, role: PartyRole, now: datetime) -> Party:
    """The party of a name, whatever it is; a new one is of the role given."""
    known = await known_party(tx, name)
    if known is not None:
        return known
    made = Party(uuid4(), name.strip(), role, now)
    await accounts.add_party(tx, made)
    return made


async def _public_place(tx: AsyncSession, entry: StationEntry, now: datetime) -> Location | Refused:
    party = await _party(tx, entry.party, PartyRole.OPERATOR, now)
    known = await locations.named(tx, party.id, entry.station.location_name)
    if known is None:
        place = new_place(party.id, entry.station.location_name, public=True)
        place = msgspec.structs.replace(place, tariff_id=await _tariff(tx, place, entry.energy))
        await locations.insert(tx, place)
        return place
    if not known.public:
        return Refused("not_a_public_place", "This place is private; choose another name, or say whose home it is.")
    if entry.energy:
        return Refused("place_has_its_price", "This place exists with its price; leave the price out.")
    return known


async def _tariff(tx: AsyncSession, place: Location, energy: tuple[EnergyWindow, ...]) -> UUID | None:
    if not energy:
        return None
    terms = PublicTariffTerms(id=uuid4(), currency="EUR", energy=energy, time_zone=place.time_zone)
    await town.add(tx, "tariffs", id=terms.id, party_id=place.party_id, name=place.name, terms=terms)
    return terms.id


async def _home(tx: AsyncSession, entry: StationEntry, now: datetime) -> Location | Refused:
    """Where the owner charges, with its contract: until a tariff is entered, nobody shares the value."""
    assert entry.owner_email is not None
    owner = await accounts.by_email(tx, entry.owner_email.strip().lower())
    if owner is None:
        return Refused("unknown_account", "Add the owner's account first: dalstroom account add.")
    if owner.role is not Role.DRIVER:
        return Refused("not_a_driver", "Only a driver has a home here; leave the owner out for a public place.")
    if entry.energy:
        return Refused("home_has_a_tariff", "At home the driver's tariff counts; leave the price out.")
    return await home_place(tx, owner, entry.station.location_name, now)
