"""An event of a 2.x transaction, in one database transaction: what it brings, one flow after the other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.reports import ConnectorStatus, ReadingsInfo, StopInfo, TokenAnswer, TransactionAnswer, TransactionInfo
from server.core.session import Session
from server.flows import final_cost, reservations, running_cost, sessions, starts, stations, transactions
from server.flows import readings as metered

STOPPING = "StopAuthorized"


async def take(tx: AsyncSession, station_id: UUID, info: TransactionInfo, now: datetime) -> TransactionAnswer:
    """Begin, read, end: whatever the event brings. Returns what we say to it, the same to a repeat."""
    step = await transactions.hear(tx, station_id, info, now)
    session = step.session
    if step.start is not None:
        begun = await sessions.open_session(tx, station_id, step.start, now)
        await starts.fulfil(tx, station_id, begun.transaction_id, now)
        session = await transactions.begun(tx, station_id, info, now)
        if session is not None:
            await running_cost.follow(tx, session, now)
    if session is not None and info.reservation_id is not None:
        await reservations.used(tx, station_id, info.reservation_id, session.transaction_id)
    if step.fresh and session is not None:
        await _take_meter(tx, session, info, step, now)
        await _take_status(tx, session, info, now)
    cost = await final_cost.of(tx, session.id) if session is not None and info.kind == "Ended" else None
    if info.token_uid is None:
        return TransactionAnswer(None, cost)
    return TransactionAnswer(await _token(tx, session, station_id, info, now), cost)


async def _token(
    tx: AsyncSession, session: Session | None, station_id: UUID, info: TransactionInfo, now: datetime
) -> TokenAnswer:
    """What we say of the token of an event: one that ends a session may be a master pass, which begins none."""
    card = await transactions.card(tx, station_id, info.token_uid)
    if info.kind == "Ended" or info.trigger == STOPPING:
        master = await sessions.master(tx, station_id, card, now)
        if master is not None:
            return master
    return await sessions.authorize(tx, station_id, card, now, session.evse_id if session is not None else None)


async def _take_meter(
    tx: AsyncSession, session: Session, info: TransactionInfo, step: transactions.Step, now: datetime
) -> None:
    """Readings, and the end. What is read with the end is kept with it."""
    if info.kind == "Ended":
        registers = [one.register_wh for one in step.readings if one.register_wh is not None]
        stop = StopInfo(
            transaction_id=session.transaction_id,
            meter_stop_wh=max([session.register_wh, *registers]),
            at=max([info.at, *(one.at for one in step.readings if one.context == transactions.END)]),
            token_uid=info.token_uid,
            reason=info.reason,
            readings=step.readings,
        )
        await sessions.close_session(tx, session.station_id, stop, now)
    elif step.readings:
        readings = ReadingsInfo(session.connector_no, session.transaction_id, step.readings, live=not info.offline)
        await metered.take(tx, session.station_id, readings, now)


async def _take_status(tx: AsyncSession, session: Session, info: TransactionInfo, now: datetime) -> None:
    """What the event says of its EVSE, where it is of now: the newest of its transaction, and not out of a queue.

    An end counts whenever it comes, unless another session runs there by then.
    """
    if info.kind == "Ended":
        await stations.ended(tx, session.evse_id, info.at, now)
    elif info.state is not None and not info.offline and now - info.at <= metered.LIVE:
        said = ConnectorStatus(session.connector_no, info.state, "NoError", info.at)
        await stations.status(tx, session.station_id, said, now)
