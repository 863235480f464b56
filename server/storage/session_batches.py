"""Sessions of many stations at once: one statement reads them, one for each kind of change writes them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Followed, Session
from server.core.station import ACCEPTED, Station
from server.storage import bare_rows
from server.storage.db import among, keep, kept, listed, padded, to_struct
from server.storage.sessions import TABLE, S
from server.storage.stations import FEEDERS, STATIONS

METERED = (
    "read_at",
    "register_wh",
    "power_w",
    "soc_pct",
    "idle_since",
    "followed",
    "not_followed_reason",
    "full",
    "wakes",
)
"""What readings may change of a session: all else is others' to write."""
KEY = "which_session"
NEVER = ("id", "party_id", "station_id", "evse_id", "location_id", "connector_no", "transaction_id")
"""Never written again once a session is there. (A 2.x station may yet say whose it is, and when it began.)"""
OTHERS = [column for column in TABLE.c if column.name not in METERED + NEVER]
METERED_COLUMNS = [TABLE.c[name] for name in METERED]


def _of_transactions(columns: Sequence[sa.ColumnElement[Any]]) -> dict[bool, sa.Select[Any]]:
    """By whether the database is SQLite, where nobody else writes: to sort there takes as long as to read."""
    lite, full = [sa.select(*columns).where(among(S.transaction_id, "numbers", sqlite=one)) for one in (True, False)]
    return {True: lite, False: full.order_by(S.id).with_for_update(key_share=True, of=TABLE)}


WHOLE = _of_transactions(list(TABLE.c))
MOVED = _of_transactions(
    [S.transaction_id, *METERED_COLUMNS, *(sa.type_coerce(one, sa.types.NullType) for one in OTHERS)]
)
"""What a meter moves as values, and all else that may change as the driver has it: to compare, not to read."""
CHANGE = sa.update(TABLE).where(S.id == sa.bindparam(KEY))
"""SET is of the other names of the rows that it is given."""


class _Seen(msgspec.Struct, frozen=True):
    """A session as it was read last, and what the driver had of what no meter moves."""

    session: Session
    others: tuple[Any, ...]


async def of_transactions(tx: AsyncSession, transaction_ids: Sequence[int]) -> dict[int, Session]:
    """Sessions by transaction id, held as `sessions.held` does, in the order of their ids.

    Of two that hold several neither waits for the other's. To make a session of its row is most of the work of a
    reading; so one that was seen before, and of which only the meter has moved, is not read anew.
    """
    if not transaction_ids:
        return {}
    sqlite = tx.get_bind().dialect.name == "sqlite"
    wanted = {"numbers": listed(transaction_ids, sqlite=sqlite)}
    moved = {row[0]: tuple(row) for row in await tx.execute(MOVED[sqlite], wanted)}
    found: dict[int, Session] = {}
    for number, row in moved.items():
        seen = kept(tx, ("session", number))
        if seen is not None and seen.others == row[len(METERED) + 1 :]:
            found[number] = _as_metered(seen.session, row)
    new = [number for number in moved if number not in found]
    if new:
        for row in await tx.execute(WHOLE[sqlite], {"numbers": listed(new, sqlite=sqlite)}):
            number = row.transaction_id
            found[number] = to_struct(row, Session)
            keep(tx, ("session", number), _Seen(found[number], moved[number][len(METERED) + 1 :]))
    return found


def _as_metered(session: Session, row: Sequence[Any]) -> Session:
    read_at, register_wh, power_w, soc_pct, idle_since, followed, reason, full, wakes = row[1 : len(METERED) + 1]
    return msgspec.structs.replace(
        session,
        read_at=read_at,
        register_wh=register_wh,
        power_w=power_w,
        soc_pct=soc_pct,
        idle_since=idle_since,
        followed=Followed(followed),
        not_followed_reason=reason,
        full=full,
        wakes=wakes,
    )


async def open_of(tx: AsyncSession, station_ids: Sequence[UUID]) -> list[Session]:
    """The open sessions of some stations, oldest first."""
    rows = sa.select(TABLE).where(S.station_id.in_(padded(station_ids)), S.state == "open")
    return [to_struct(row, Session) for row in await tx.execute(rows.order_by(S.started_at, S.id))]


async def charged_at(tx: AsyncSession, location_ids: Sequence[UUID]) -> list[UUID]:
    """Those of some locations where a session is open, in their order."""
    rows = sa.select(S.location_id).distinct().where(S.location_id.in_(padded(location_ids)), S.state == "open")
    charged = set((await tx.execute(rows)).scalars())
    return [one for one in location_ids if one in charged]


async def nothing_to_hold(tx: AsyncSession, station_ids: Sequence[UUID]) -> list[Station]:
    """Those of some stations that are to hold nothing now: known, accepted, behind no shared limit, and without a car.

    Known: it was asked what its profiles may be. One that still holds a share of a limit that is gone is to be let go.
    """
    here = sa.select(FEEDERS.c.id).where(FEEDERS.c.location_id == STATIONS.c.location_id).exists()
    charging = sa.select(S.id).where(S.station_id == STATIONS.c.id, S.state == "open").exists()
    rows = sa.select(STATIONS).where(STATIONS.c.id.in_(padded(station_ids)), STATIONS.c.unit.is_not(None))
    rows = rows.where(STATIONS.c.admission == ACCEPTED, STATIONS.c.safe_held_w.is_(None), ~here, ~charging)
    return [to_struct(row, Station) for row in await tx.execute(rows)]


async def open_named(tx: AsyncSession, station_ids: Sequence[UUID]) -> list[UUID]:
    """The open sessions of some stations whose transactions they named (2.x), oldest first, by id."""
    rows = sa.select(S.id).where(S.station_id.in_(padded(station_ids)), S.state == "open")
    found = await tx.execute(rows.where(S.transaction_ref.is_not(None)).order_by(S.started_at, S.id))
    return list(found.scalars())


async def save_metered(tx: AsyncSession, changes: Sequence[tuple[Session, Session]]) -> None:
    """Write what a meter changed (METERED) between two values of each of several sessions."""
    alike: dict[tuple[str, ...], list[bare_rows.Row]] = {}
    for before, after in changes:
        changed = [name for name in METERED if getattr(before, name) != getattr(after, name)]
        if changed:
            row = (*(getattr(after, name) for name in changed), before.id)
            alike.setdefault((*changed, KEY), []).append(row)
    for names, rows in alike.items():
        await bare_rows.execute(tx, CHANGE, names, rows)
