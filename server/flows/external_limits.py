"""Limits that stations have from elsewhere: kept, planned with, and forgotten when they are taken back.

While a station is away it may be told that one is gone, and lose the word; so who comes back is asked (`returning`).
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core import external_limit
from server.core.external_limit import ExternalLimit, ToldLimit
from server.core.station import Station
from server.flows.announcements import LocationMoved, SessionMoved
from server.storage import outbox, sessions, stations
from server.storage.db import announce
from shared.sessions import Delay

ASK = "ask_limits"
TELL = "tell_limits"
FORGET = "forget_limits"
SAID_WITHIN = timedelta(minutes=1)
"""So soon after it has said that it will, a station reports what it holds."""
TELL_AFTER = timedelta(seconds=15)
"""By then the place has been planned anew, and who got another plan was told."""


async def limited(tx: AsyncSession, station_id: UUID, told: ToldLimit, now: datetime) -> None:
    """A station has a limit from elsewhere. One that does not say how much is asked, unless it was: some never do."""
    station = await stations.get(tx, station_id)
    known = station.external_limits or ()
    limit = external_limit.going_on(known, external_limit.read(told, station.phases), now)
    limit = external_limit.dated(known, external_limit.shortened(limit, now), station.booted_at, now)
    await _keep(tx, station, external_limit.replaced(known, limit), now)
    if not told.steps and not told.asked:
        await outbox.put_once(tx, ASK, str(station_id), {}, now)


async def released(tx: AsyncSession, station_id: UUID, source: str, connector_no: int | None, now: datetime) -> None:
    """A limit is gone."""
    station = await stations.get(tx, station_id)
    await _keep(tx, station, external_limit.without(station.external_limits or (), source, connector_no), now)


async def none_left(tx: AsyncSession, station_id: UUID, now: datetime) -> None:
    """A station that was asked says that it has none."""
    await _keep(tx, await stations.get(tx, station_id), (), now)


async def forget_unsaid(tx: AsyncSession, station_id: UUID, asked_at: datetime, now: datetime) -> None:
    """A station was asked which limits it has, and has answered: those that it last said before it booted are gone.

    One that has gone or come (back) since may have lost what it had to say: it is asked again, and what it said stays.
    """
    station = await stations.get(tx, station_id)
    known = station.external_limits or ()
    came = [at for at in (station.connected_at, station.booted_at) if at is not None]
    if not station.online or any(at > asked_at for at in came):
        return
    said = tuple(one for one in known if not external_limit.said_before(one, station.booted_at))
    await _keep(tx, station, said, now)


async def _keep(tx: AsyncSession, station: Station, limits: tuple[ExternalLimit, ...], now: datetime) -> None:
    """Where something changed the place is planned anew, and who charges there sees it.

    A car that is told no plan, but what its station is limited to, is to be told that even where its plan stays.
    """
    if limits == (station.external_limits or ()):
        return
    await stations.update(tx, station.id, external_limits=limits or None)
    announce(tx, LocationMoved(station.location_id))
    if external_limit.ahead(limits, now) == external_limit.ahead(station.external_limits or (), now):
        return  # said once more: some do so every minute
    running = [one for one in await sessions.open_at(tx, station.location_id) if one.station_id == station.id]
    for session in running:
        limit_w = external_limit.least_w(limits, session.connector_no, now)
        await sessions.add_event(tx, session, now, "external_limit", "" if limit_w is None else str(limit_w))
        announce(tx, SessionMoved(session.account_id, session.id))
        if station.feeder_id is None and (session.delay is not Delay.MANAGED or session.asleep):
            said = {"session_id": str(session.id), "since": now.isoformat()}
            await outbox.put(tx, TELL, str(session.id), said, now + TELL_AFTER)
    if running:
        await outbox.put_once(tx, "replan", str(station.location_id), {"why": "external_limit"}, now)
