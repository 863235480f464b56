"""What it costs and brings: market prices, receipts and the ledger."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import BigId, UtcDateTime, big_field, json_field, party_field, time_field
from shared.cdrs import Receipt


class PriceSlots(SQLModel, table=True):
    __tablename__ = "price_slots"
    zone: str = Field(primary_key=True)
    start: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    seconds: int = Field(primary_key=True)
    source: str = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    price_micro_per_kwh: int = big_field()
    quality: str
    fetched_at: datetime = time_field()


class PriceNotices(SQLModel, table=True):
    __tablename__ = "price_notices"
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    zone: str
    at: datetime = time_field()
    kind: str
    detail: str


class Cdrs(SQLModel, table=True):
    """A settled session's receipts: a correction is another row."""

    __tablename__ = "cdrs"
    __table_args__ = (sa.UniqueConstraint("session_id", "revision"),)
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    session_id: UUID = Field(foreign_key="sessions.id")
    revision: int = 1
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", index=True)
    settled_at: datetime = time_field()
    driver_minor: int = big_field()
    savings_minor: int = big_field()
    smart: bool = False
    receipt: Any = json_field(Receipt)


class Entries(SQLModel, table=True):
    """Ledger entries: append-only (triggers in the first migration)."""

    __tablename__ = "entries"
    seq: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    id: UUID = Field(unique=True)
    party_id: UUID = party_field()
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", index=True)
    session_id: UUID | None = Field(default=None, foreign_key="sessions.id")
    kind: str
    at: datetime = time_field()


class Transfers(SQLModel, table=True):
    """Ledger transfers: append-only; amount positive, from `credit` to `debit` account by name."""

    __tablename__ = "transfers"
    __table_args__ = (sa.CheckConstraint("amount_minor > 0", name="positive"),)
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    entry_id: UUID = Field(foreign_key="entries.id", index=True)
    debit: str = Field(index=True)
    credit: str = Field(index=True)
    amount_minor: int = big_field()
    currency: str
    kind: str
    at: datetime = time_field()
