"""The driver's hand on a session: charge now, undo, leave at another time, take more or less."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Followed, Refused, Session
from server.flows.announcements import SessionMoved
from server.storage import outbox, sessions
from server.storage.db import announce
from shared.sessions import SessionState, SessionUpdate

FAR = timedelta(days=14)
NOT_OPEN = Refused("session_ended", "This session has ended; plug in again to charge.")


async def set_override(tx: AsyncSession, session: Session, now: datetime) -> Session | Refused:
    """Charge now: wins over price, never over an electrical limit. Pressed twice, it stays what it was."""
    if session.state is not SessionState.OPEN:
        return NOT_OPEN
    if session.override_since is not None:
        return session
    return await _changed(tx, session, msgspec.structs.replace(session, override_since=now), "override", now)


async def undo_override(tx: AsyncSession, session: Session, now: datetime) -> Session | Refused:
    """Back to the valley from here on; what was charged meanwhile stays charged."""
    if session.state is not SessionState.OPEN:
        return NOT_OPEN
    if session.override_since is None:
        return session
    return await _changed(tx, session, msgspec.structs.replace(session, override_since=None), "override_undone", now)


async def change(tx: AsyncSession, session: Session, update: SessionUpdate, now: datetime) -> Session | Refused:
    """Another departure or target, in one piece or not. A departure must lie ahead, within a fortnight."""
    if session.state is not SessionState.OPEN:
        return NOT_OPEN
    after = _departing(session, update, now)
    if isinstance(after, Refused):
        return after
    if update.energy_wh is not msgspec.UNSET:
        after = msgspec.structs.replace(
            after, stated_energy_wh=update.energy_wh, stated_at_wh=session.energy_wh, full=False
        )
    if update.target_pct is not msgspec.UNSET:
        after = msgspec.structs.replace(after, target_pct=update.target_pct, stated_energy_wh=None, full=False)
    if update.one_block is not msgspec.UNSET:
        after = msgspec.structs.replace(after, one_block=update.one_block)
    if after != session:
        session = await _changed(tx, session, after, "changed", now)
    if update.question_closed is not msgspec.UNSET or after.stated_ready_by is not None:
        session = await _close_question(tx, session)
    return session


def _departing(session: Session, update: SessionUpdate, now: datetime) -> Session | Refused:
    """The session with the departure that was said, if one was."""
    if update.ready_by is msgspec.UNSET:
        return session
    if update.ready_by is not None:
        if update.ready_by.tzinfo is None:
            return Refused("ready_by_without_zone", "Give the ready-by time with its time zone.")
        if not now < update.ready_by <= now + FAR:
            return Refused("ready_by_out_of_range", "Choose a ready-by time that lies ahead, at most 14 days.")
    return msgspec.structs.replace(session, stated_ready_by=update.ready_by)


async def _close_question(tx: AsyncSession, session: Session) -> Session:
    """The departure is not asked for again in this session; no plan changes by that."""
    if session.question_closed:
        return session
    after = msgspec.structs.replace(session, question_closed=True)
    await sessions.save(tx, session, after)
    announce(tx, SessionMoved(session.account_id, session.id))
    return after


async def _changed(tx: AsyncSession, before: Session, after: Session, kind: str, now: datetime) -> Session:
    if after.followed is Followed.NOT_FOLLOWED:  # the driver asks: try the station once more
        after = msgspec.structs.replace(after, followed=Followed.PENDING, not_followed_reason=None)
    await sessions.save(tx, before, after)
    detail = after.stated_ready_by.isoformat() if kind == "changed" and after.stated_ready_by else ""
    await sessions.add_event(tx, before, now, kind, detail)
    await outbox.put_once(tx, "replan", str(before.location_id), {"why": kind}, now)
    announce(tx, SessionMoved(before.account_id, before.id))
    return after
