"""Sessions of many stations at once: one statement reads them, one for each kind of change writes them."""

import secrets
from collections.abc import Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Session
from server.core.station import ACCEPTED, Station
from server.storage import bare_rows, plans
from server.storage.db import among, keep, kept, listed, padded, to_struct
from server.storage.sessions import TABLE, S
from server.storage.stations import EVSES, FEEDERS, STATIONS

MOVING = ("read_at", "register_wh", "power_w", "soc_pct")
"""What nearly every report changes of a session."""
SELDOM = ("idle_since", "followed", "not_followed_reason", "full", "wakes")
"""What else readings may change. All other columns are others' to write."""
KEY, STEP = "which_session", "step"
STEP_BITS = 40

_moving, _seldom = attrgetter(*MOVING), attrgetter(*SELDOM)


def _of_transactions(columns: Sequence[sa.ColumnElement[Any]]) -> dict[bool, sa.Select[Any]]:
    """By whether the database is SQLite, where nobody else writes: to sort there takes as long as to read."""
    lite, full = [sa.select(*columns).where(among(S.transaction_id, "numbers", sqlite=one)) for one in (True, False)]
    return {True: lite, False: full.order_by(S.id).with_for_update(key_share=True, of=TABLE)}


WHOLE = _of_transactions(list(TABLE.c))
STAMPS = _of_transactions([S.transaction_id, S.stamp])
_LEFT = TABLE.outerjoin(plans.TABLE, plans.P.id == S.plan_id)
STAMPS_AND_HEARD = STAMPS[True].add_columns(*plans.HEARD).select_from(_LEFT)
"""On SQLite, where each statement is a trip."""
AT_STATIONS = S.station_id.in_(sa.bindparam("stations", expanding=True))
AT_CONNECTORS = sa.select(TABLE, EVSES.c.connector_no.label("at_connector")).join(EVSES, S.evse_id == EVSES.c.id)
AT_CONNECTORS = AT_CONNECTORS.where(AT_STATIONS, S.state == "open")
AT_CONNECTORS = AT_CONNECTORS.order_by(S.started_at, S.id)
OPEN_OF = sa.select(TABLE).where(AT_STATIONS, S.state == "open").order_by(S.started_at, S.id)
OPEN_NAMED = sa.select(S.id).where(AT_STATIONS, S.state == "open", S.transaction_ref.is_not(None))
OPEN_NAMED = OPEN_NAMED.order_by(S.started_at, S.id)
CHARGED_AT = sa.select(S.location_id).distinct().where(S.state == "open")
CHARGED_AT = CHARGED_AT.where(S.location_id.in_(sa.bindparam("locations", expanding=True)))


def _nothing_to_hold() -> sa.Select[Any]:
    here = sa.select(FEEDERS.c.id).where(FEEDERS.c.location_id == STATIONS.c.location_id).exists()
    charging = sa.select(S.id).where(S.station_id == STATIONS.c.id, S.state == "open").exists()
    rows = sa.select(STATIONS).where(STATIONS.c.id.in_(sa.bindparam("stations", expanding=True)), ~here, ~charging)
    return rows.where(STATIONS.c.unit.is_not(None), STATIONS.c.admission == ACCEPTED, STATIONS.c.safe_held_w.is_(None))


NOTHING_TO_HOLD = _nothing_to_hold()
CHANGE = sa.update(TABLE).where(S.id == sa.bindparam(KEY)).values(stamp=S.stamp + sa.bindparam(STEP))
"""SET is of the other names of the rows that it is given."""


class _Seen(msgspec.Struct, frozen=True):
    """A session as it was with this stamp."""

    session: Session
    stamp: int


async def of_transactions(
    tx: AsyncSession, transaction_ids: Sequence[int], heard: plans.Heard | None = None
) -> dict[int, Session]:
    """Sessions by transaction id, held as `sessions.held` does, in the order of their ids.

    Of two that hold several neither waits for the other's. To make a session of its row is most of the work of a
    reading; so one whose stamp was seen before is not read anew. `heard` is given what `plans.in_force` takes.
    """
    if not transaction_ids:
        return {}
    sqlite = tx.get_bind().dialect.name == "sqlite"
    found: dict[int, Session] = {}
    new: list[int] = []
    stamps = STAMPS_AND_HEARD if sqlite and heard is not None else STAMPS[sqlite]
    for number, stamp, *plan in await tx.execute(stamps, {"numbers": listed(transaction_ids, sqlite=sqlite)}):
        if plan and plan[0] is not None and heard is not None:
            heard[plan[0]] = tuple(plan)
        seen = kept(tx, ("session", number))
        if seen is not None and seen.stamp == stamp:
            found[number] = seen.session
        else:
            new.append(number)
    if new:
        for row in await tx.execute(WHOLE[sqlite], {"numbers": listed(new, sqlite=sqlite)}):
            session = found[row.transaction_id] = to_struct(row, Session)
            if session.ended_at is None:
                keep(tx, ("session", row.transaction_id), _Seen(session, row.stamp))
    return found


async def open_of(tx: AsyncSession, station_ids: Sequence[UUID]) -> list[Session]:
    """The open sessions of some stations, oldest first."""
    return [to_struct(row, Session) for row in await tx.execute(OPEN_OF, {"stations": padded(station_ids)})]


async def open_at_connectors(tx: AsyncSession, station_ids: Sequence[UUID]) -> dict[tuple[UUID, int], Session]:
    """The open sessions of some stations by station and connector; of one connector the newest."""
    if not station_ids:
        return {}
    found = await tx.execute(AT_CONNECTORS, {"stations": padded(sorted(set(station_ids)))})
    return {(row.station_id, row.at_connector): to_struct(row, Session) for row in found}


async def charged_at(tx: AsyncSession, location_ids: Sequence[UUID]) -> list[UUID]:
    """Those of some locations where a session is open, in their order."""
    charged = set((await tx.execute(CHARGED_AT, {"locations": padded(location_ids)})).scalars())
    return [one for one in location_ids if one in charged]


async def nothing_to_hold(tx: AsyncSession, station_ids: Sequence[UUID]) -> list[Station]:
    """Those of some stations that are to hold nothing now: known, accepted, behind no shared limit, and without a car.

    Known: it was asked what its profiles may be. One that still holds a share of a limit that is gone is to be let go.
    """
    return [to_struct(row, Station) for row in await tx.execute(NOTHING_TO_HOLD, {"stations": padded(station_ids)})]


async def open_named(tx: AsyncSession, station_ids: Sequence[UUID]) -> list[UUID]:
    """The open sessions of some stations whose transactions they named (2.x), oldest first, by id."""
    return list((await tx.execute(OPEN_NAMED, {"stations": padded(station_ids)})).scalars())


async def save_metered(tx: AsyncSession, changes: Sequence[tuple[Session, Session]]) -> None:
    """Write what a meter changed (MOVING, SELDOM) between two values of each of several sessions."""
    step = secrets.randbits(STEP_BITS) + 1
    few: list[bare_rows.Row] = []
    more: list[bare_rows.Row] = []
    for before, after in changes:
        if after is before:
            continue
        moving, seldom = _moving(after), _seldom(after)
        if seldom == _seldom(before):
            few.append((*moving, before.id, step))
        else:
            more.append((*moving, *seldom, before.id, step))
        _keep_moved(tx, before, after, step)
    for names, rows in ((MOVING, few), (MOVING + SELDOM, more)):
        if rows:
            await bare_rows.execute(tx, CHANGE, (*names, KEY, STEP), rows)


def _keep_moved(tx: AsyncSession, before: Session, after: Session, step: int) -> None:
    """The session as it is once this is written; where it was changed meanwhile, or is not, no stamp will fit."""
    seen = kept(tx, ("session", before.transaction_id))
    if seen is not None and seen.session is before:
        keep(tx, ("session", before.transaction_id), _Seen(after, seen.stamp + step))
