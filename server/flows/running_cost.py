"""What a session in public costs so far, for stations that show it while it runs (OCPP 2.0.1 I02)."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Session
from server.core.tariff import PublicTariffTerms, public_cost, public_prices
from server.core.timegrid import Grid, floor_slot
from server.core.traits import heard
from server.flows import facts, settling
from server.storage import locations, outbox, sessions, stations
from shared.sessions import SessionState

TELL = "tell_cost"
COST = "CostUpdated"
EVERY = timedelta(minutes=5)


class Running(msgspec.Struct, frozen=True):
    """What a session costs so far, cents, and when that is next to be told."""

    station_id: UUID
    reference: str
    total_minor: int
    next_at: datetime


async def follow(tx: AsyncSession, session: Session, now: datetime) -> None:
    """A session began: where its place has a price and its station is not known to show none, its cost is told."""
    place = await locations.get(tx, session.location_id)
    if session.transaction_ref is None or place is None or not place.public or place.tariff_id is None:
        return
    station = await stations.get(tx, session.station_id)
    if COST not in station.manner.refused:
        await outbox.put_once(tx, TELL, str(session.id), {}, now + EVERY)


async def so_far(tx: AsyncSession, session_id: UUID, now: datetime) -> Running | None:
    """What a session costs so far; None for one that has ended, or where nobody is charged."""
    session = await sessions.get(tx, session_id)
    if session is None or session.state is not SessionState.OPEN or session.transaction_ref is None:
        return None
    one = await facts.of_session(tx, session)
    terms = one.public_tariff
    if not one.location.public or terms is None or COST in one.station.manner.refused:
        return None
    run = await settling.course(tx, one, now, now)
    cost = public_cost(terms, run.grid, run.charged_wh, session.started_at, max(now, session.started_at))
    return Running(session.station_id, session.transaction_ref, cost.total_minor, _next(terms, now))


def _next(terms: PublicTariffTerms, now: datetime) -> datetime:
    """A few minutes on, or sooner when a kWh has another price then. Windows begin with a quarter hour."""
    grid = Grid(floor_slot(now), 2)
    before, after = public_prices(terms, grid)
    return min(now + EVERY, grid.at(1)) if before != after else now + EVERY


async def refused(tx: AsyncSession, station_id: UUID) -> None:
    """A station shows no costs: it is told no more of them. (An operator who clears its traits has it asked again.)"""
    station = await stations.get(tx, station_id)
    await stations.update(tx, station_id, traits=heard(station.manner, COST, accepted=False))
