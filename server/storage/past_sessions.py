"""What sessions that have ended teach: when drivers came and left, what their cars took, and how fast."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.departure import Stay
from server.storage.db import padded
from server.storage.sessions import READINGS, TABLE

S = TABLE.c
R = READINGS.c
TAKEN = sa.func.coalesce(S.meter_stop_wh, S.register_wh) - S.meter_start_wh
ENERGY = sa.case((TAKEN > 0, TAKEN), else_=0).label("energy_wh")
VISIT = (S.account_id, S.started_at, S.ended_at, ENERGY)
NEWEST = sa.func.row_number().over(partition_by=S.account_id, order_by=S.started_at.desc()).label("newest")
OF_THESE = S.account_id.in_(sa.bindparam("accounts", expanding=True))
ENDED = {
    False: sa.and_(S.location_id == sa.bindparam("location"), S.ended_at.is_not(None)),
    True: sa.and_(S.location_id == sa.bindparam("location"), S.ended_at <= sa.bindparam("until")),
}
"""Whether those that had ended at a moment are asked for."""


class Visit(msgspec.Struct, frozen=True):
    """A driver's stay at a place that has ended, and what it took."""

    account_id: UUID
    started_at: datetime
    ended_at: datetime
    energy_wh: int


def _own(ended: sa.ColumnElement[bool]) -> sa.Select[Any]:
    last = sa.select(*VISIT, NEWEST).where(OF_THESE, ended).subquery().c
    wanted = sa.select(last.account_id, last.started_at, last.ended_at, last.energy_wh)
    return wanted.where(last.newest <= sa.bindparam("most")).order_by(last.started_at.desc())


def _everybodys(ended: sa.ColumnElement[bool], *, but_one: bool) -> sa.Select[Any]:
    others = [S.account_id != sa.bindparam("mine")] if but_one else []
    rows = sa.select(*VISIT).where(S.account_id.is_not(None), ended, *others)
    return rows.order_by(S.started_at.desc()).limit(sa.bindparam("most"))


def _energies() -> sa.Select[Any]:
    rows = sa.select(S.account_id, (S.meter_stop_wh - S.meter_start_wh).label("energy"), NEWEST)
    here = (S.location_id == sa.bindparam("location"), S.meter_stop_wh.is_not(None))
    last = rows.where(OF_THESE, *here).subquery().c
    # One row a driver: a site has hundreds of sessions, and reading their ids would take longer than finding them.
    said = sa.cast(last.newest, sa.String) + ":" + sa.cast(last.energy, sa.String)
    wanted = sa.select(last.account_id, sa.func.aggregate_strings(said, ",").label("said"))
    return wanted.where(last.newest <= sa.bindparam("most")).group_by(last.account_id)


OWN = {until: _own(ended) for until, ended in ENDED.items()}
EVERYBODYS = {(until, one): _everybodys(ended, but_one=one) for until, ended in ENDED.items() for one in (False, True)}
ENERGIES = _energies()
"""Made once: to make one takes longer than to run it."""
RECENT = sa.select(S.id).where(S.vehicle_id == sa.bindparam("vehicle"), S.state == "settled")
RECENT = RECENT.order_by(S.started_at.desc()).limit(sa.bindparam("most"))
POWERS = sa.select(R.session_id, R.power_w).where(
    R.session_id.in_(sa.bindparam("sessions", expanding=True)), R.power_w > 0
)


async def stays(tx: AsyncSession, account_id: UUID, location_id: UUID, limit: int = 120) -> list[Stay]:
    """A driver's ended stays at a location, newest first."""
    rows = sa.select(S.started_at, S.ended_at)
    rows = rows.where(S.account_id == account_id, S.location_id == location_id, S.ended_at.is_not(None))
    found = await tx.execute(rows.order_by(S.started_at.desc()).limit(limit))
    return [Stay(started_at=row.started_at, ended_at=row.ended_at) for row in found]


async def visits(
    tx: AsyncSession, account_ids: Sequence[UUID], location_id: UUID, limit: int = 120, until: datetime | None = None
) -> dict[UUID, list[Visit]]:
    """The newest visits of each of some drivers to a location, newest first; `until`: of those that had ended then."""
    found: dict[UUID, list[Visit]] = {account_id: [] for account_id in account_ids}
    if found:
        wanted = {"accounts": padded(account_ids), "most": limit, **_here(location_id, until)}
        for row in await tx.execute(OWN[until is not None], wanted):
            found[row.account_id].append(Visit(*row))
    return found


async def others_visits(
    tx: AsyncSession, account_ids: Sequence[UUID], location_id: UUID, limit: int = 80, until: datetime | None = None
) -> dict[UUID, list[Visit]]:
    """For each of some drivers the newest visits of all others to a location, newest first; `until` as in `visits`.

    Of several drivers, one whose own visits fill the newest ones of the place is guessed by fewer of the others'.
    """
    alone = {"mine": account_ids[0]} if len(account_ids) == 1 else {}
    wanted = {"most": limit * min(2, len(account_ids)), **alone, **_here(location_id, until)}
    all_here = [Visit(*row) for row in await tx.execute(EVERYBODYS[until is not None, bool(alone)], wanted)]
    return {mine: [one for one in all_here if one.account_id != mine][:limit] for mine in account_ids}


def _here(location_id: UUID, until: datetime | None) -> dict[str, Any]:
    return {"location": location_id} if until is None else {"location": location_id, "until": until}


async def energies(
    tx: AsyncSession, account_ids: Sequence[UUID], location_id: UUID, limit: int = 20
) -> dict[UUID, tuple[int, ...]]:
    """What each driver's last ended sessions at a location took, Wh, oldest first."""
    if not account_ids:
        return {}
    found = await tx.execute(ENERGIES, {"accounts": padded(account_ids), "location": location_id, "most": limit})
    return {row.account_id: _oldest_first(row.said) for row in found}


def _oldest_first(said: str) -> tuple[int, ...]:
    """The energies of `number:energy,...`, where the newest has number 1."""
    numbered = sorted((one.split(":") for one in said.split(",")), key=lambda one: -int(one[0]))
    return tuple(max(0, int(energy)) for _, energy in numbered)


async def powers(tx: AsyncSession, vehicle_id: UUID, limit: int = 20) -> list[list[int]]:
    """The metered powers (W, while drawing) of a car's last settled sessions, a list a session."""
    ids = [row.id for row in await tx.execute(RECENT, {"vehicle": vehicle_id, "most": limit})]
    found: dict[UUID, list[int]] = {session_id: [] for session_id in ids}
    for row in await tx.execute(POWERS, {"sessions": padded(ids)}) if ids else ():
        found[row.session_id].append(row.power_w)
    return [values for values in found.values() if values]


async def stays_at_stations(
    tx: AsyncSession, party_id: UUID, since: datetime
) -> dict[UUID, list[tuple[datetime, datetime | None, str | None, int, bool]]]:
    """What is known of a party's stays since a moment, by station: start, end, why it ended, Wh, held back."""
    rows = sa.select(S.station_id, S.started_at, S.ended_at, S.stop_reason, ENERGY, S.held_back)
    rows = rows.where(S.party_id == party_id, S.transaction_id > 0, S.started_at >= since).order_by(S.started_at, S.id)
    out: dict[UUID, list[tuple[datetime, datetime | None, str | None, int, bool]]] = {}
    for row in await tx.execute(rows):
        out.setdefault(row.station_id, []).append((row[1], row[2], row[3], row[4], row[5]))
    return out
