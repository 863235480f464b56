"""A session as it begins: who charges, on which contract, in which car, and what it is compared with."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core import access, cdr
from server.core.feeders import Tree
from server.core.meter import p95
from server.core.reports import StartInfo
from server.core.session import Session
from server.core.station import Station
from server.flows import waking
from server.flows.metered import SUPERSEDED
from server.storage import contracts, forwardings, locations, past_sessions, sessions, stations, vehicles
from server.storage.contracts import Token
from server.storage.locations import Location
from server.storage.stations import Evse
from shared.ids import derive

REPLUG = timedelta(minutes=5)
REPLUGGED = "replugged"
"""Detail of an override that a driver gave by unplugging and plugging in again."""
V16 = "ocpp1.6"
NO_HAND = ("PowerLoss", "Reboot", "HardReset", "SoftReset", "ImmediateReset", SUPERSEDED)
"""Ends by a station that lost its power or its memory, and not by a driver."""


async def token_status(tx: AsyncSession, station: Station, token_uid: str, now: datetime) -> str:
    """May this token charge at this station: OCPP's AuthorizationStatus.

    Of one that we do not know, the other system's word counts where the station is forwarded to one.
    """
    token = await contracts.token(tx, token_uid)
    if token is None and token_uid:
        said = await forwardings.said_of_card(tx, station.id, token_uid, now)
        if said is not None:
            return said
    place = await locations.get(tx, station.location_id)
    assert place is not None
    return status_at(token, place, now)


def ends_all(token: Token | None, station: Station, now: datetime) -> bool:
    """Whether a token ends any session at a station: its party's master pass. Only 2.x knows such."""
    if token is None or token.kind != access.MASTER or token.party_id != station.party_id or station.ocpp == V16:
        return False
    return token.valid and (token.expires_at is None or token.expires_at > now)


async def charges_elsewhere(
    tx: AsyncSession, station: Station, token_uid: str, evse_id: UUID | None, at: datetime
) -> bool:
    """Whether a token charges at another EVSE (another station where none is said), and its party or the station's
    lets a token charge once at a time. Families share cards: unless they say so, parties do not mind.
    """
    token = await contracts.token(tx, token_uid)
    if token is None or not await contracts.one_session_a_token(tx, (token.party_id, station.party_id)):
        return False
    going = await sessions.open_of_token(tx, token_uid, at)
    return any(one.station_id != station.id if evse_id is None else one.evse_id != evse_id for one in going)


async def token_group(tx: AsyncSession, token_uid: str) -> str:
    """The group of a token: those of one account may end each other's sessions. At most 20 characters, "" for none."""
    token = await contracts.token(tx, token_uid)
    return "" if token is None else group_of(token)


def group_of(token: Token) -> str:
    """`token_group` of one that is known."""
    return derive("token-group", token.account_id).hex[:20]


def status_at(token: Token | None, place: Location, now: datetime) -> str:
    """May a token charge at a place, as far as we know it ourselves. A master token charges nowhere."""
    if token is not None and token.kind == access.MASTER:
        return "Invalid"
    facts = access.TokenFacts(token.account_id, token.party_id, token.valid, token.expires_at) if token else None
    return access.decide(facts, access.Place(place.party_id, place.public, place.account_id), now)


async def _cap_w(tx: AsyncSession, station: Station, at: datetime) -> int | None:
    """What the shared limits above a station leave for one more car, W; None behind none."""
    limits = await stations.feeders_of(tx, station.location_id)
    place = await locations.get(tx, station.location_id)
    there = await sessions.open_at(tx, station.location_id)
    if not limits or place is None:
        return None
    here = Tree({one.id: one for one in limits})
    where = {station.id: station.feeder_id}
    if len(limits) > 1 or station.feeder_id is None:
        where |= {one.id: one.feeder_id for one in await stations.at_location(tx, station.location_id)}
    cars = [where.get(one.station_id, station.feeder_id) for one in there]
    return here.cap_w(station.feeder_id, at, place.time_zone, here.counted([*cars, station.feeder_id]))


async def new_session(tx: AsyncSession, station: Station, evse: Evse, info: StartInfo, now: datetime) -> Session:
    """A session that begins at an EVSE, without an id yet."""
    token = await contracts.token(tx, info.token_uid)
    account_id = token.account_id if token else None
    contract = await contracts.contract_at(tx, account_id, station.location_id) if account_id else None
    cars = await vehicles.of(tx, account_id) if account_id else []
    car = cars[0] if cars else None
    past = await past_sessions.powers(tx, car.id) if car else []
    cap = await _cap_w(tx, station, info.at)
    phases = min(evse.phases, (car.reference_phases if car else None) or evse.phases)
    power, source = cdr.reference_power(
        cdr.usable_w(evse.max_w, evse.phases, phases),
        car.reference_ac_w if car else None,
        phases,
        [p95(values) for values in past],
        cap,
    )
    last = await sessions.last_ended(tx, evse.id, info.token_uid)
    replugged = last is not None and _by_hand(last) and timedelta(0) <= info.at - (last.ended_at or now) <= REPLUG
    return Session(
        id=UUID(int=0),
        party_id=station.party_id,
        station_id=station.id,
        evse_id=evse.id,
        location_id=station.location_id,
        connector_no=info.connector_no,
        transaction_id=0,
        token_uid=info.token_uid,
        started_at=info.at,
        received_at=now,
        meter_start_wh=info.meter_start_wh,
        register_wh=info.meter_start_wh,
        read_at=info.at,
        account_id=account_id,
        contract_id=contract.id if contract else None,
        vehicle_id=car.id if car else None,
        target_pct=car.target_pct if car else None,
        override_since=info.at if replugged else None,
        one_block=await waking.is_sleepy(tx, car),
        reference_power_w=power,
        reference_power_source=source,
        transaction_ref=info.reference,
    )


def _by_hand(session: Session) -> bool:
    """Whether a driver unplugged."""
    return session.stop_reason not in NO_HAND
