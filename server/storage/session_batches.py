"""Sessions of many stations at once: one statement reads them, one for each kind of change writes them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Session
from server.storage.db import padded, to_struct
from server.storage.sessions import TABLE, S

NAMES = msgspec.structs.fields(Session)
KEY = "which_session"


async def of_transactions(tx: AsyncSession, transaction_ids: Sequence[int]) -> dict[int, Session]:
    """Sessions by transaction id, held as `sessions.held` does, in the order of their ids.

    Of two that hold several neither waits for the other's.
    """
    if not transaction_ids:
        return {}
    rows = sa.select(TABLE).where(S.transaction_id.in_(padded(transaction_ids))).order_by(S.id)
    found = await tx.execute(rows.with_for_update(key_share=True))
    return {row.transaction_id: to_struct(row, Session) for row in found}


async def open_of(tx: AsyncSession, station_ids: Sequence[UUID]) -> list[Session]:
    """The open sessions of some stations, oldest first."""
    rows = sa.select(TABLE).where(S.station_id.in_(padded(station_ids)), S.state == "open")
    return [to_struct(row, Session) for row in await tx.execute(rows.order_by(S.started_at, S.id))]


async def save_all(tx: AsyncSession, changes: Sequence[tuple[Session, Session]]) -> None:
    """Write what changed between two values of each of several sessions."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for before, after in changes:
        changed = _changed(before, after)
        if changed:
            alike.setdefault(tuple(changed), []).append({**changed, KEY: before.id})
    for rows in alike.values():  # SET is of the rows' other names
        await tx.execute(sa.update(TABLE).where(S.id == sa.bindparam(KEY)), rows)


def _changed(before: Session, after: Session) -> dict[str, Any]:
    """The fields that differ; nearly all are the same object."""
    pairs = ((field.name, getattr(before, field.name), getattr(after, field.name)) for field in NAMES)
    return {name: new for name, old, new in pairs if new is not old and new != old}
