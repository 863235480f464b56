"""The ledger's storage: entries and transfers are appended, balances are sums."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.ledger import Entry, Kind, Transfer
from server.storage.db import to_struct
from server.storage.tables import Accounts, Cdrs, Entries, Locations, Sessions, Transfers
from shared.cdrs import Receipt

T = Transfers.__table__.c  # type: ignore[attr-defined]
E = Entries.__table__.c  # type: ignore[attr-defined]
A = Accounts.__table__.c  # type: ignore[attr-defined]
CDRS = Cdrs.__table__  # type: ignore[attr-defined]
C = CDRS.c
S = Sessions.__table__.c  # type: ignore[attr-defined]
L = Locations.__table__.c  # type: ignore[attr-defined]
LOCK = sa.select(A.id).where(A.id == sa.bindparam("account")).with_for_update()
# In one step: of two that post at once, the second waits for the first and then finds it.
POST = {
    "sqlite": sqlite.insert(Entries).on_conflict_do_nothing(index_elements=["id"]).returning(E.seq),
    "postgresql": postgresql.insert(Entries).on_conflict_do_nothing(index_elements=["id"]).returning(E.seq),
}
TRANSFER = sa.insert(Transfers)
ADD_CDR = sa.insert(Cdrs)
PENDING_CORRECTION = "pending_correction"
"""The kind of a line that corrects what is saved up: money that was not paid yet."""


def _balance() -> sa.Select[int]:
    amount = sa.func.coalesce(sa.func.sum(T.amount_minor), 0)
    credit = sa.select(amount).where(T.credit == sa.bindparam("account")).scalar_subquery()
    debit = sa.select(amount).where(T.debit == sa.bindparam("account")).scalar_subquery()
    return sa.select(credit - debit)


def _newest() -> sa.ColumnElement[bool]:
    """Of a session's CDRs the one that holds: no later revision corrects it."""
    later = CDRS.alias("later")
    corrected = sa.select(later.c.id).where(later.c.session_id == C.session_id, later.c.revision > C.revision)
    return ~corrected.exists()


def _earned() -> sa.Select[int, int, int, int]:
    smart = sa.func.sum(sa.case((C.smart.is_(True), 1), else_=0))
    columns = [
        sa.func.coalesce(sa.func.sum(C.driver_minor), 0).label("earnings_minor"),
        sa.func.coalesce(sa.func.sum(C.savings_minor), 0).label("savings_minor"),
        sa.func.count().label("sessions"),
        sa.func.coalesce(smart, 0).label("smart_sessions"),
    ]
    return sa.select(*columns).where(C.account_id == sa.bindparam("account"), NEWEST)


BALANCE, NEWEST = _balance(), _newest()
EARNED = _earned()
RECEIPT = sa.select(C.receipt).where(C.session_id == sa.bindparam("session"), NEWEST)


class PostedLine(msgspec.Struct, frozen=True):
    """What one transfer of an entry did to a driver's account: in is positive, out is negative."""

    seq: int
    entry_id: UUID
    at: datetime
    kind: str
    amount_minor: int
    session_id: UUID | None
    location_name: str | None


async def lock(tx: AsyncSession, account_id: UUID) -> None:
    """Let settlements of one account take turns (SQLite's writers do so anyway)."""
    if tx.get_bind().dialect.name != "sqlite":
        await tx.execute(LOCK, {"account": account_id})


async def post(tx: AsyncSession, entry: Entry, party_id: UUID, account_id: UUID | None, at: datetime) -> bool:
    """Append an entry with its transfers, once: an entry id that is there already changes nothing."""
    head = {"id": entry.id, "party_id": party_id, "account_id": account_id, "session_id": entry.session_id}
    once = POST[tx.get_bind().dialect.name]
    if (await tx.execute(once, {**head, "kind": entry.kind, "at": at})).first() is None:
        return False
    rows = [{**msgspec.structs.asdict(one), "party_id": party_id, "at": at} for one in entry.transfers]
    if rows:
        await tx.execute(TRANSFER, rows)
    return True


async def balance(tx: AsyncSession, account: str) -> int:
    """The balance of a ledger account: what it was credited less what it was debited, minor units."""
    return int((await tx.execute(BALANCE, {"account": account})).scalar_one())


async def total(tx: AsyncSession) -> int:
    """The sum of all balances over the whole ledger: 0, or the ledger is broken."""
    names = sa.union(sa.select(T.debit.label("name")), sa.select(T.credit)).subquery()
    credit = sa.select(sa.func.coalesce(sa.func.sum(T.amount_minor), 0)).where(T.credit == names.c.name)
    debit = sa.select(sa.func.coalesce(sa.func.sum(T.amount_minor), 0)).where(T.debit == names.c.name)
    each = (
        sa.select((credit.scalar_subquery() - debit.scalar_subquery()).label("balance")).select_from(names).subquery()
    )
    return int((await tx.execute(sa.select(sa.func.coalesce(sa.func.sum(each.c.balance), 0)))).scalar_one())


async def total_of(tx: AsyncSession, prefix: str) -> int:
    """The sum of the balances of all accounts whose name begins so, minor units."""
    credit = sa.select(sa.func.coalesce(sa.func.sum(T.amount_minor), 0)).where(T.credit.startswith(prefix))
    debit = sa.select(sa.func.coalesce(sa.func.sum(T.amount_minor), 0)).where(T.debit.startswith(prefix))
    return int((await tx.execute(sa.select(credit.scalar_subquery() - debit.scalar_subquery()))).scalar_one())


async def posted_twice(tx: AsyncSession) -> int:
    """How many sessions have more than one settlement entry or CDR: 0, or something was paid twice."""
    entries = sa.select(E.session_id).where(E.kind == "settlement").group_by(E.session_id).having(sa.func.count() > 1)
    cdrs = sa.select(C.session_id).group_by(C.session_id, C.revision).having(sa.func.count() > 1)
    both = sa.union(entries, cdrs).subquery()
    return int((await tx.execute(sa.select(sa.func.count()).select_from(both))).scalar_one())


async def transfers_of(tx: AsyncSession, account: str) -> list[Transfer]:
    """All transfers that touched a ledger account."""
    columns = (T.id, T.entry_id, T.debit, T.credit, T.amount_minor, T.currency, T.kind)
    rows = sa.select(*columns).where(sa.or_(T.credit == account, T.debit == account))
    return [to_struct(row, Transfer) for row in await tx.execute(rows)]


async def transfers_of_session(tx: AsyncSession, session_id: UUID) -> list[Transfer]:
    """All transfers that a session's settlement and its corrections posted."""
    columns = (T.id, T.entry_id, T.debit, T.credit, T.amount_minor, T.currency, T.kind)
    rows = sa.select(*columns).join(Entries.__table__, E.id == T.entry_id).where(E.session_id == session_id)  # type: ignore[attr-defined]
    return [to_struct(row, Transfer) for row in await tx.execute(rows.order_by(E.seq, T.id))]


async def lines(tx: AsyncSession, purse: str, saved: str, before: int | None, entries: int) -> list[PostedLine]:
    """What the newest entries moved in and out of a purse and of what is saved up; newest first.

    An entry has a line for each kind; what is released from what is saved up into the purse is the purse's. `before`
    is the last seen seq. Entries come whole: what one posted is never on two pages.
    """
    paid, put_back = sa.or_(T.credit == purse, T.debit == purse), T.kind == Kind.CORRECTION
    kept = sa.or_(T.credit == saved, sa.and_(T.debit == saved, put_back))
    shown = sa.select(E.seq).join(Transfers.__table__, T.entry_id == E.id).where(paid | kept)  # type: ignore[attr-defined]
    if before is not None:
        shown = shown.where(E.seq < before)
    newest = shown.distinct().order_by(E.seq.desc()).limit(entries)
    kind = sa.case((put_back, PENDING_CORRECTION), else_=T.kind).label("kind")
    both = sa.union_all(
        sa.select(T.entry_id, T.kind, _signed(purse)).where(paid),
        sa.select(T.entry_id, kind, _signed(saved)).where(kept),
    ).subquery()
    amount = sa.cast(sa.func.sum(both.c.amount_minor), sa.BigInteger).label("amount_minor")
    moved = sa.select(both.c.entry_id, both.c.kind, amount).group_by(both.c.entry_id, both.c.kind).subquery()
    m = moved.c
    own = [column.label(str(column.name)) for column in (m.entry_id, m.kind, m.amount_minor)]
    rows = sa.select(E.seq, E.at, *own, E.session_id, L.name.label("location_name")).select_from(
        moved.join(Entries.__table__, E.id == m.entry_id)  # type: ignore[attr-defined]
        .outerjoin(Sessions.__table__, S.id == E.session_id)  # type: ignore[attr-defined]
        .outerjoin(Locations.__table__, L.id == S.location_id)  # type: ignore[attr-defined]
    )
    rows = rows.where(E.seq.in_(newest)).order_by(E.seq.desc(), m.kind)
    return [to_struct(row, PostedLine) for row in await tx.execute(rows)]


def _signed(account: str) -> sa.ColumnElement[int]:
    return sa.case((T.credit == account, T.amount_minor), else_=-T.amount_minor).label("amount_minor")


async def add_cdr(tx: AsyncSession, receipt: Receipt, party_id: UUID, account_id: UUID | None, at: datetime) -> None:
    """Keep the immutable statement of a session."""
    values = {
        "id": receipt.cdr_id,
        "party_id": party_id,
        "session_id": receipt.session_id,
        "revision": receipt.revision,
        "account_id": account_id,
        "driver_minor": receipt.split.driver_minor,
        "savings_minor": receipt.savings_minor,
        "smart": any(slot.baseline_wh != slot.actual_wh for slot in receipt.slots),
    }
    await tx.execute(ADD_CDR, {**values, "settled_at": at, "receipt": receipt})


class Earned(msgspec.Struct, frozen=True):
    """Sums over an account's settled sessions, minor units."""

    earnings_minor: int
    savings_minor: int
    sessions: int
    smart_sessions: int


async def earned(tx: AsyncSession, account_id: UUID) -> Earned:
    """What an account's settled sessions earned and saved."""
    row = (await tx.execute(EARNED, {"account": account_id})).one()
    return Earned(*(int(value) for value in row))


async def receipt(tx: AsyncSession, session_id: UUID) -> Receipt | None:
    """The receipt of a settled session, as it was last corrected."""
    row = (await tx.execute(RECEIPT, {"session": session_id})).first()
    return None if row is None else row.receipt


async def receipts(tx: AsyncSession, session_ids: Sequence[UUID]) -> dict[UUID, Receipt]:
    """The receipts of some sessions."""
    rows = await tx.execute(sa.select(C.session_id, C.receipt).where(C.session_id.in_(list(session_ids)), NEWEST))
    return {row.session_id: row.receipt for row in rows}


async def receipts_of(tx: AsyncSession, account_id: UUID) -> list[Receipt]:
    """All receipts of an account, oldest first."""
    rows = sa.select(C.receipt).where(C.account_id == account_id, NEWEST).order_by(C.settled_at, C.id)
    return [row.receipt for row in await tx.execute(rows)]
