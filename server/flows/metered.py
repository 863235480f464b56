"""What meters said, kept: of sessions that run, of those that have ended, and of those that nobody knows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import UNSAID_WH, ReadingsInfo, SampledReading, StopInfo
from server.core.session import AWAITED, Session
from server.storage import outbox, sessions, stations
from server.storage.sessions import SampleRow

LATE = timedelta(days=60)
"""So long after its end a session's readings still change its money, as long as a queue is believed."""
SUPERSEDED = "Superseded"
UNHEARD = "Unheard"
GUESSED = (SUPERSEDED, UNHEARD)
"""Why we took a session for ended, without its station's word: the word counts, whenever it comes."""


async def keep(tx: AsyncSession, session: Session, samples: Sequence[SampledReading], now: datetime) -> None:
    """Keep the readings of a session."""
    await sessions.add_readings(tx, rows(session, samples, now))


def rows(session: Session, samples: Sequence[SampledReading], now: datetime) -> list[SampleRow]:
    """The readings of a session as they are stored."""
    return [
        SampleRow(session.id, one.at, one.register_wh, one.power_w, one.soc_pct, now)
        for one in samples
        if one.register_wh is not None and one.at >= session.started_at
    ]


async def first_read(tx: AsyncSession, session: Session, samples: Sequence[SampledReading]) -> Session:
    """A session whose station did not say where the meter stood counts from its first reading.

    What flowed until then is lost, and nobody pays for what others drew before: the register is not the session's own.
    """
    known = [(one.at, one.register_wh) for one in samples if one.register_wh is not None]
    if not known:
        return session
    after = msgspec.structs.replace(session, meter_start_wh=min(known)[1])
    await sessions.save(tx, session, after)
    return after


async def keep_late(tx: AsyncSession, session: Session, samples: Sequence[SampledReading], now: datetime) -> None:
    """Readings of a session that has ended: where they say anything new of its stay, it is settled anew.

    Once for all that come within a while: a queue is replayed reading by reading.
    """
    before = await sessions.readings(tx, session.id)
    await keep(tx, session, samples, now)
    if session.ended_at is None or now - session.ended_at > LATE:
        return
    after = await _guess_again(tx, session, samples)
    await sessions.save(tx, session, after)
    new = set(await sessions.readings(tx, session.id)).difference(before)
    if after != session or any(one.at <= session.ended_at for one in new):
        await outbox.put_once(tx, "settle", str(session.id), {"session_id": session.id}, now + AWAITED)


async def _guess_again(tx: AsyncSession, session: Session, samples: Sequence[SampledReading]) -> Session:
    """The session with the end that we guessed where it is by its readings now; what its station said stands.

    Nothing counts from the moment on at which the EVSE was free or the next car there.
    """
    if session.stop_reason not in GUESSED or session.ended_at is None:
        return session
    until = session.ended_at
    if session.stop_reason == SUPERSEDED:
        until = await sessions.next_start(tx, session) or until
    seen = [(one.at, one.register_wh) for one in samples if one.register_wh is not None]
    inside = [(at, register_wh) for at, register_wh in seen if session.started_at <= at <= until]
    start_wh = session.meter_start_wh
    if start_wh == UNSAID_WH and inside:
        start_wh = min(register_wh for _, register_wh in inside)
    stop_wh = max([session.meter_stop_wh or start_wh, *(register_wh for _, register_wh in inside)])
    return msgspec.structs.replace(
        session,
        meter_start_wh=start_wh,
        ended_at=max([session.ended_at, *(at for at, _ in inside)]),
        meter_stop_wh=stop_wh,
        register_wh=max(session.register_wh, stop_wh),
    )


async def keep_orphans(
    tx: AsyncSession, action: str, said: Sequence[tuple[UUID, ReadingsInfo | StopInfo]], now: datetime
) -> None:
    """Keep messages of transactions that we do not know, each with its station's id."""
    if said:
        parties = await stations.parties_of(tx, [station_id for station_id, _ in said])
        told = [(station_id, msgspec.json.encode(info).decode()) for station_id, info in said]
        await sessions.add_orphans(tx, [(parties[one], one, now, action, payload) for one, payload in told])
