"""Plans: one a session and version, with what it was made of."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.following import UNANSWERED
from server.core.timegrid import Grid
from server.storage import bare_rows
from server.storage.db import after_commit, among, forget, keep, kept, listed, padded, to_struct
from server.storage.tables import Locations, Plans

TABLE = Plans.__table__  # type: ignore[attr-defined]
P = TABLE.c
LOCATIONS = Locations.__table__  # type: ignore[attr-defined]
L = LOCATIONS.c

RAW_ID = sa.type_coerce(P.id, sa.types.NullType).label("raw_id")
HEARD = (RAW_ID, *(sa.type_coerce(one, sa.types.NullType) for one in (P.made_at, P.sent_at, P.outcome)))
HEARD_OF = {sqlite: sa.select(*HEARD).where(among(P.id, "ids", sqlite=sqlite)) for sqlite in (True, False)}
"""As the driver has it, to compare. An id is of one plan, but for one whose transaction failed."""
TIMES = ("made_at", "grid_start", "depart_at", "sent_at")
Heard = dict[str, tuple[Any, ...]]
"""Values of HEARD by the plan's id as SQLite has it, where another statement of this transaction brought them."""
ADVANCE = sa.update(LOCATIONS).where(L.id == sa.bindparam("location"), L.planned_version == sa.bindparam("seen"))
ADVANCE = ADVANCE.values(planned_version=L.planned_version + 1)
INSERT = sa.insert(TABLE)
OF_IDS = sa.select(TABLE, RAW_ID).where(P.id.in_(sa.bindparam("ids", expanding=True)))


def _held() -> sa.Select[Any]:
    ours = P.session_id.in_(sa.bindparam("sessions", expanding=True))
    newest = sa.select(P.session_id, sa.func.max(P.version).label("version"))
    last = newest.where(ours, P.outcome == "accepted").group_by(P.session_id).subquery()
    since = sa.or_(last.c.version.is_(None), P.version > last.c.version)
    held = sa.or_(P.version == last.c.version, sa.and_(since, P.outcome.in_(UNANSWERED)))
    rows = sa.select(TABLE).outerjoin(last, P.session_id == last.c.session_id)
    return rows.where(ours, held).order_by(P.version)


HELD = _held()
ONE = sa.select(TABLE).where(P.id == sa.bindparam("plan"))
LAST = sa.select(TABLE).where(P.session_id == sa.bindparam("session"), P.made_at <= sa.bindparam("until"))
LAST = LAST.order_by(P.version.desc()).limit(1)
SET_OUTCOME = sa.update(TABLE).where(P.id == sa.bindparam("plan"))
SET_OUTCOME = SET_OUTCOME.values(sent_at=sa.bindparam("sent"), outcome=sa.bindparam("said"))


class Plan(msgspec.Struct, frozen=True, dict=True):
    """Energy by slot for one session. `final_w` holds after the last slot; `outcome` is what the station said."""

    id: UUID
    party_id: UUID
    session_id: UUID
    location_id: UUID
    version: int
    made_at: datetime
    grid_start: datetime
    slot_seconds: int
    energy_wh: list[int]
    need_wh: int
    final_w: int
    shortfall_wh: int = 0
    reason: str | None = None
    depart_at: datetime | None = None
    depart_source: str = "none"
    depart_reason: str = ""  # of a forecast: the code of its sentence, and on how many own stays it stands
    depart_stays: int = 0
    price_source: str = ""
    curve_id: str = ""
    need_source: str = ""
    solver: str = ""
    sent_at: datetime | None = None
    outcome: str = ""
    delivered_at_wh: int = 0
    inputs_id: UUID | None = None

    @cached_property
    def grid(self) -> Grid:
        """The plan's slots; the first may have begun before `made_at`."""
        return Grid(self.grid_start, len(self.energy_wh), self.slot_seconds)

    @cached_property
    def _slots(self) -> dict[int, "_InSlot"]:
        """The slots that were asked for, by number: every reading asks."""
        return {}

    @cached_property
    def _asked(self) -> list["_InSlot"]:
        """The slot that was asked for last, of those of the grid: a reading asks for one several times."""
        return []

    def _at(self, moment: datetime) -> "_InSlot":
        """The slot of a moment; all that lie before the first are one (-1), and all that lie after the last."""
        asked = self._asked
        if asked and asked[0].start <= moment < asked[0].end:
            return asked[0]
        slots = len(self.energy_wh)
        slot = max(-1, min(slots, self.grid.index(moment)))
        known = self._slots.get(slot)
        if known is None:
            known = self._slots[slot] = self._in_slot(slot)
        if 0 <= slot < slots:
            asked[:] = [known]
        return known

    def _in_slot(self, slot: int) -> "_InSlot":
        grid, wh = self.grid, self.energy_wh
        start, end = grid.at(slot), grid.at(slot + 1)
        begun = max(self.made_at, start)
        seconds = (end - begun).total_seconds()
        inside = 0 <= slot < len(wh)
        energy_wh = wh[slot] if inside else 0
        limit_w = 0 if seconds <= 0 else round(energy_wh * 3600 / seconds)
        if not inside:
            limit_w = self.final_w
        first = slot
        while first > 0 and wh[first - 1] > 0:
            first -= 1
        since = max(self.made_at, grid.at(first)) if limit_w > 0 else None
        over = not any(wh[max(0, slot) :])
        return _InSlot(start, end, limit_w, since, begun, seconds, energy_wh, sum(wh[: max(0, slot)]), over)

    def power_w(self, moment: datetime) -> int:
        """What the plan allows at a moment, W."""
        return self._at(moment).limit_w

    def moments(self, now: datetime) -> list[datetime]:
        """When the plan's limit may change: now, each coming slot, and the end."""
        grid = self.grid
        return [now, *[start for start in grid.starts() if start > now], max(now, grid.end)]

    def allowed_since(self, moment: datetime) -> datetime | None:
        """Since when, without a pause, the plan has allowed charging at a moment; None where it does not."""
        return self._at(moment).since

    def energy_until(self, moment: datetime) -> int:
        """What the plan meant to have delivered by a moment, Wh since it was made."""
        at = self._at(moment)
        part = (moment - at.begun).total_seconds() / at.seconds if at.seconds > 0 and moment > at.begun else 0.0
        return at.before_wh + round(at.energy_wh * part)

    def left_on(self, grid: Grid) -> list[int]:
        """What the last limit allows in each whole slot of another grid after this plan's end, Wh."""
        whole_wh = self.final_w * grid.slot_seconds // 3600
        until = min(grid.slots, max(0, -((grid.start - self.grid.end) // timedelta(seconds=grid.slot_seconds))))
        return [0] * until + [whole_wh] * (grid.slots - until)

    def delivered_by(self, moment: datetime) -> bool:
        """Whether all of the plan's energy lies before a moment."""
        return self._at(moment).over


class _InSlot(msgspec.Struct, frozen=True):
    """A slot of a plan: its limit (W), since when it charges without a pause, what of it the plan was made for.

    `before_wh`: the energy of the slots before it; `over`: neither it nor a later one has any.
    """

    start: datetime
    end: datetime
    limit_w: int
    since: datetime | None
    begun: datetime
    seconds: float
    energy_wh: int
    before_wh: int
    over: bool


async def insert(tx: AsyncSession, plans: Sequence[Plan]) -> None:
    """Keep new plans. Once they are committed nobody has to read them."""
    if plans:
        written = [msgspec.structs.replace(plan, energy_wh=_text(plan.energy_wh)) for plan in plans]
        await bare_rows.execute(tx, INSERT, Plan.__struct_fields__, list(map(msgspec.structs.astuple, written)))
        after_commit(tx, partial(_remember, tx, plans))


def _text(energy_wh: Sequence[int]) -> str:
    return msgspec.json.encode(energy_wh).decode()


def _remember(tx: AsyncSession, plans: Sequence[Plan]) -> None:
    """Keep plans as they will be read."""
    sqlite = tx.get_bind().dialect.name == "sqlite"
    for plan in plans:
        times = {name: at.astimezone(UTC) for name in TIMES if (at := getattr(plan, name)) is not None}
        said = (plan.id, plan.made_at, plan.sent_at, plan.outcome)
        heard = tuple(bare_rows.texts(said)) if sqlite else said
        _keep(tx, _Seen(msgspec.structs.replace(plan, **times), heard))


async def get(tx: AsyncSession, plan_id: UUID | None) -> Plan | None:
    """A plan by id."""
    row = None if plan_id is None else (await tx.execute(ONE, {"plan": plan_id})).first()
    return None if row is None else to_struct(row, Plan)


async def in_force(tx: AsyncSession, plan_ids: Sequence[UUID], heard: Heard | None = None) -> dict[UUID, Plan]:
    """Plans by session, for the plan ids that sessions hold.

    One that was written or read here is not read whole again, for only what was heard of it changes (and `inputs_id`,
    which may name inputs that are forgotten by now).

    `heard`: what this transaction has read of that, and not changed since; the rest is asked for.
    """
    known = heard or {}
    rows = [known[one.hex] for one in plan_ids if one.hex in known] if known else []
    if len(rows) < len(plan_ids):
        left = [one for one in plan_ids if one.hex not in known]
        sqlite = tx.get_bind().dialect.name == "sqlite"
        rows += map(tuple, await tx.execute(HEARD_OF[sqlite], {"ids": listed(left, sqlite=sqlite)}))
    found: dict[UUID, Plan] = {}
    new: dict[Any, tuple[Any, ...]] = {}
    for row in rows:
        seen = _as_heard(tx, kept(tx, ("plan", row[0])), row)
        if seen is None:
            new[row[0]] = row
        else:
            found[seen.plan.session_id] = seen.plan
            kept(tx, ("plan of", seen.plan.session_id))  # used as lately as what it names
    if new:
        for one in await tx.execute(OF_IDS, {"ids": padded(plan_ids)}):
            plan = to_struct(one, Plan)
            found[plan.session_id] = plan
            if one.raw_id in new:
                _keep(tx, _Seen(plan, new[one.raw_id]))
    return found


def forget_of(tx: AsyncSession, session_id: UUID) -> None:
    """A session is over: its plan is not asked for any more."""
    before = kept(tx, ("plan of", session_id))
    if before is not None:
        forget(tx, ("plan", before))
        forget(tx, ("plan of", session_id))


def _as_heard(tx: AsyncSession, seen: "_Seen | None", heard: tuple[Any, ...]) -> "_Seen | None":
    """A plan that is kept with what is heard of it now, None where it is another one."""
    if seen is None or seen.heard == heard:
        return seen
    if seen.heard[:2] != heard[:2]:
        return None
    told = msgspec.structs.replace(seen.plan, sent_at=bare_rows.time_of(heard[2]), outcome=heard[3])
    seen = _Seen(told, heard)
    _keep(tx, seen)
    return seen


def _keep(tx: AsyncSession, seen: "_Seen") -> None:
    """Of a session the plan that was asked for last: the ones before it are of no use, and each is some KiB."""
    session_id = seen.plan.session_id
    forget_of(tx, session_id)
    keep(tx, ("plan", seen.heard[0]), seen)
    keep(tx, ("plan of", session_id), seen.heard[0])


class _Seen(msgspec.Struct, frozen=True):
    """A plan as it was last written or read, and what the driver has of what may change of it."""

    plan: Plan
    heard: tuple[Any, ...]


async def last_of(tx: AsyncSession, session_id: UUID, until: datetime) -> Plan | None:
    """The last plan of a session that was made by a moment."""
    row = (await tx.execute(LAST, {"session": session_id, "until": until})).first()
    return None if row is None else to_struct(row, Plan)


async def may_hold(tx: AsyncSession, session_ids: Sequence[UUID]) -> dict[UUID, list[Plan]]:
    """What the station of each session may be doing, oldest first; sessions of which nothing is known are left out.

    That is the newest plan that it accepted, and those since then that it did not answer.
    """
    if not session_ids:
        return {}
    out: dict[UUID, list[Plan]] = {}
    for row in await tx.execute(HELD, {"sessions": padded(session_ids)}):
        out.setdefault(row.session_id, []).append(to_struct(row, Plan))
    return out


class Outcome(msgspec.Struct, frozen=True):
    """What a station said of a plan that was sent, as columns of a bulk update."""

    plan: UUID
    sent: datetime
    said: str


OUTCOME = Outcome.__struct_fields__


async def set_outcomes(tx: AsyncSession, rows: Sequence[Outcome]) -> None:
    """Record that plans were sent and what the stations said, in one statement."""
    if rows:
        await bare_rows.execute(tx, SET_OUTCOME, OUTCOME, list(map(msgspec.structs.astuple, rows)))


async def advance_version(tx: AsyncSession, location_id: UUID, seen: int) -> bool:
    """Count one more plan of a location, unless another was saved since `seen`: an older answer never wins."""
    result = await tx.execute(ADVANCE, {"location": location_id, "seen": seen})
    return bool(result.rowcount)  # type: ignore[attr-defined]
