"""Who: parties, accounts with what they agreed to, their cards, cars, contracts and tariffs."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.core.tariff import PublicTariffTerms
from server.storage.columns import BigId, big_field, json_field, party_field, time_field
from shared.accounts import Habit
from shared.tariffs import HomeTariffInput


class Parties(SQLModel, table=True):
    __tablename__ = "parties"
    __table_args__ = (sa.CheckConstraint("role in ('provider','operator','supplier','fleet')", name="role"),)
    id: UUID = Field(primary_key=True)
    name: str
    role: str
    created_at: datetime = time_field()
    one_session_a_token: bool = False


class Accounts(SQLModel, table=True):
    __tablename__ = "accounts"
    __table_args__ = (
        sa.CheckConstraint("role in ('driver','fleet_manager','operator','supplier','administrator')", name="role"),
        sa.CheckConstraint("dial in ('sure','balanced','cheap')", name="dial"),
    )
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    role: str
    name: str
    email: str = Field(unique=True)
    password_hash: str | None = None
    language: str = "en"
    theme: str = "system"
    time_zone: str = "Europe/Amsterdam"
    currency: str = "EUR"
    consent_at: datetime | None = time_field(nullable=True)
    habits: Any = json_field(list[Habit])
    dial: str = "sure"
    story: str | None = None
    created_at: datetime = time_field()
    closed_at: datetime | None = time_field(nullable=True)


class Rotas(SQLModel, table=True):
    """The calendar of a driver's shifts, as it was given."""

    __tablename__ = "rotas"
    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id")
    party_id: UUID = party_field()
    calendar: str = Field(sa_type=sa.Text)
    travel_minutes: int = 0
    saved_at: datetime = time_field()


class DialBalances(SQLModel, table=True):
    """Sessions left short beyond what was aimed at, by party and stop of the dial."""

    __tablename__ = "dial_balances"
    __table_args__ = (sa.CheckConstraint("stop in ('sure','balanced','cheap')", name="stop"),)
    party_id: UUID = Field(primary_key=True, foreign_key="parties.id")
    stop: str = Field(primary_key=True)
    balance: float = 0.0


class Consents(SQLModel, table=True):
    __tablename__ = "consents"
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    party_id: UUID = party_field()
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    given: bool
    at: datetime = time_field()


class RefreshTokens(SQLModel, table=True):
    __tablename__ = "refresh_tokens"
    token_sha256: str = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    family: UUID = Field(index=True)
    expires_at: datetime = time_field()
    used_at: datetime | None = time_field(nullable=True)
    revoked_at: datetime | None = time_field(nullable=True)


class Contracts(SQLModel, table=True):
    __tablename__ = "contracts"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    location_id: UUID | None = Field(default=None, foreign_key="locations.id", index=True)
    counterparty_id: UUID | None = Field(default=None, foreign_key="parties.id")
    kind: str
    partner: bool = True
    share_driver_bps: int = 5000
    share_operator_bps: int = 3000
    share_provider_bps: int = 2000
    min_payout_minor: int = 20
    max_payout_minor: int = 1000
    payout: str = "ACCUMULATE"
    override_policy: str = "PRO_RATA"
    platform_fee_nano: int = big_field()
    currency: str = "EUR"


class Tokens(SQLModel, table=True):
    __tablename__ = "tokens"
    uid: str = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    kind: str = "rfid"
    valid: bool = True
    expires_at: datetime | None = time_field(nullable=True)


class Vehicles(SQLModel, table=True):
    __tablename__ = "vehicles"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    name: str = Field(index=True)
    capacity_wh: int
    max_ac_w: int
    phases: int
    target_pct: int = 80
    reference_ac_w: int | None = None  # of the model, never of the driver: what a baseline may reckon with
    reference_phases: int | None = None
    tail_s: int | None = None
    failed_resumes: int = 0  # sessions in which it did not go on after a pause
    timer_at: str | None = None  # HH:MM, local: when its own timer begins


class Tariffs(SQLModel, table=True):
    __tablename__ = "tariffs"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    name: str
    terms: Any = json_field(PublicTariffTerms)


class HomeTariffs(SQLModel, table=True):
    __tablename__ = "home_tariffs"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    entered: Any = json_field(HomeTariffInput)
    supplier_partner: bool = False
    supplier_id: UUID | None = Field(default=None, foreign_key="parties.id")
    valid_from: datetime = time_field()
    valid_to: datetime | None = time_field(nullable=True)
