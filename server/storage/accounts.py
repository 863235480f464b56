"""Accounts, their consents and their refresh tokens; the parties they belong to."""

from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import Accounts, Consents, Parties, RefreshTokens
from shared.accounts import Dial, Habit, PartyRole, Role

TABLE = Accounts.__table__  # type: ignore[attr-defined]
A = TABLE.c
P = Parties.__table__.c  # type: ignore[attr-defined]
T = RefreshTokens.__table__.c  # type: ignore[attr-defined]


class Account(msgspec.Struct, frozen=True):
    """A person, or a business's employee, who signs in. `story`: only people of the demo town have one."""

    id: UUID
    party_id: UUID
    role: Role
    name: str
    email: str
    created_at: datetime
    password_hash: str | None = None
    language: str = "en"
    theme: str = "system"
    time_zone: str = "Europe/Amsterdam"
    currency: str = "EUR"
    consent_at: datetime | None = None
    habits: list[Habit] = []
    dial: Dial = Dial.SURE
    story: str | None = None
    closed_at: datetime | None = None


class Party(msgspec.Struct, frozen=True):
    """A business that runs on this installation."""

    id: UUID
    name: str
    role: PartyRole
    created_at: datetime


class RefreshToken(msgspec.Struct, frozen=True):
    """A refresh token by its SHA-256. All that one sign-in led to are a family."""

    token_sha256: str
    party_id: UUID
    account_id: UUID
    family: UUID
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


async def get(tx: AsyncSession, account_id: UUID) -> Account | None:
    """An account by id."""
    row = (await tx.execute(sa.select(TABLE).where(A.id == account_id))).first()
    return None if row is None else to_struct(row, Account)


async def by_email(tx: AsyncSession, email: str) -> Account | None:
    """An account by its e-mail address, which is kept in lower case."""
    row = (await tx.execute(sa.select(TABLE).where(A.email == email))).first()
    return None if row is None else to_struct(row, Account)


async def insert(tx: AsyncSession, new: Account) -> None:
    """Keep a new account."""
    await tx.execute(sa.insert(Accounts).values(**msgspec.structs.asdict(new)))


async def update(tx: AsyncSession, before: Account, after: Account) -> None:
    """Write what changed between two values of one account."""
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if changed:
        await tx.execute(sa.update(Accounts).where(A.id == before.id).values(**changed))


async def add_consent(tx: AsyncSession, account: Account, at: datetime, *, given: bool) -> None:
    """Record that a driver agreed to delayed charging, or withdrew it."""
    values = {"party_id": account.party_id, "account_id": account.id, "given": given, "at": at}
    await tx.execute(sa.insert(Consents).values(**values))


async def demo_people(tx: AsyncSession, role: Role) -> list[Account]:
    """The people of the demo town in one role, by name."""
    rows = sa.select(TABLE).where(A.story.is_not(None), A.role == role.value, A.closed_at.is_(None))
    return [to_struct(row, Account) for row in await tx.execute(rows.order_by(A.name, A.id))]


# --- parties ------------------------------------------------------------------


async def party(tx: AsyncSession, party_id: UUID) -> Party | None:
    """A party by id."""
    row = (await tx.execute(sa.select(Parties.__table__).where(P.id == party_id))).first()  # type: ignore[attr-defined]
    return None if row is None else to_struct(row, Party)


async def parties(tx: AsyncSession, role: PartyRole) -> list[Party]:
    """The parties of one role, by name."""
    rows = sa.select(Parties.__table__).where(P.role == role.value).order_by(P.name, P.id)  # type: ignore[attr-defined]
    return [to_struct(row, Party) for row in await tx.execute(rows)]


async def add_party(tx: AsyncSession, new: Party) -> None:
    """Keep a new party."""
    await tx.execute(sa.insert(Parties).values(**msgspec.structs.asdict(new)))


# --- refresh tokens -----------------------------------------------------------


async def refresh_token(tx: AsyncSession, token_sha256: str) -> RefreshToken | None:
    """A refresh token by the hex SHA-256 of its text."""
    row = (await tx.execute(sa.select(RefreshTokens.__table__).where(T.token_sha256 == token_sha256))).first()  # type: ignore[attr-defined]
    return None if row is None else to_struct(row, RefreshToken)


async def add_refresh_token(tx: AsyncSession, new: RefreshToken) -> None:
    """Keep a new refresh token."""
    await tx.execute(sa.insert(RefreshTokens).values(**msgspec.structs.asdict(new)))


async def use_refresh_token(tx: AsyncSession, token_sha256: str, at: datetime) -> bool:
    """Mark a refresh token as used; False where somebody was faster."""
    fresh = sa.update(RefreshTokens).where(T.token_sha256 == token_sha256, T.used_at.is_(None))
    result = await tx.execute(fresh.values(used_at=at))
    return bool(result.rowcount)  # type: ignore[attr-defined]


async def revoke_family(tx: AsyncSession, family: UUID, at: datetime) -> None:
    """End all that came of one sign-in."""
    living = sa.update(RefreshTokens).where(T.family == family, T.revoked_at.is_(None))
    await tx.execute(living.values(revoked_at=at))


async def drop_expired(tx: AsyncSession, account_id: UUID, before: datetime) -> None:
    """Forget an account's refresh tokens that expired before a time."""
    await tx.execute(sa.delete(RefreshTokens).where(T.account_id == account_id, T.expires_at < before))


async def revoke_all(tx: AsyncSession, account_id: UUID, at: datetime) -> None:
    """End every sign-in of an account."""
    running = sa.update(RefreshTokens).where(T.account_id == account_id, T.revoked_at.is_(None))
    await tx.execute(running.values(revoked_at=at))
