"""The tables. Private to storage; validation stands in structs and CHECK constraints, never here.
Every account, contract, station, tariff and wallet belongs to a party: `party_id` is in every row that is somebody's.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.core.tariff import PublicTariffTerms
from server.storage.columns import (
    NAMES,
    BigId,
    UtcDateTime,
    big_field,
    json_field,
    partial_index,
    party_field,
    time_field,
)
from shared.accounts import Habit
from shared.cdrs import Receipt
from shared.tariffs import HomeTariffInput

SQLModel.metadata.naming_convention = NAMES


class Parties(SQLModel, table=True):
    __tablename__ = "parties"
    __table_args__ = (sa.CheckConstraint("role in ('provider','operator','supplier','fleet')", name="role"),)
    id: UUID = Field(primary_key=True)
    name: str
    role: str
    created_at: datetime = time_field()


class Accounts(SQLModel, table=True):
    __tablename__ = "accounts"
    __table_args__ = (
        sa.CheckConstraint("role in ('driver','fleet_manager','operator','supplier','administrator')", name="role"),
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
    story: str | None = None
    created_at: datetime = time_field()
    closed_at: datetime | None = time_field(nullable=True)


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
    name: str
    capacity_wh: int
    max_ac_w: int
    phases: int
    target_pct: int = 80
    reference_ac_w: int | None = None  # of the model, never of the driver: what a baseline may reckon with
    reference_phases: int | None = None


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


class Locations(SQLModel, table=True):
    __tablename__ = "locations"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    tariff_id: UUID | None = Field(default=None, foreign_key="tariffs.id")
    name: str
    address: str
    latitude: float
    longitude: float
    time_zone: str = "Europe/Amsterdam"
    zone: str = "NL"
    public: bool = False
    planned_version: int = 0


class Feeders(SQLModel, table=True):
    __tablename__ = "feeders"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    location_id: UUID = Field(foreign_key="locations.id", index=True)
    limit_ma: Any = json_field(list[int], nullable=True)
    limit_w: int | None = None
    base_load: Any = json_field(list[tuple[str, str, int]])


class Stations(SQLModel, table=True):
    __tablename__ = "stations"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    location_id: UUID = Field(foreign_key="locations.id", index=True)
    feeder_id: UUID | None = Field(default=None, foreign_key="feeders.id")
    identity: str = Field(unique=True)
    key_sha256: str
    max_w: int
    phases: int
    unit: str | None = None  # A or W once the station has shown what it takes
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    online: bool = False
    connection_id: str | None = None
    last_seen_at: datetime | None = time_field(nullable=True)
    booted_at: datetime | None = time_field(nullable=True)
    safe_held_w: int | None = None  # the safe share that the station confirmed as its default profile
    starts_alone: bool = False  # it refused to stop taking cards while it is out of reach


class Evses(SQLModel, table=True):
    __tablename__ = "evses"
    __table_args__ = (sa.UniqueConstraint("station_id", "connector_no", name="uq_evses_station_connector"),)
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    location_id: UUID = Field(foreign_key="locations.id", index=True)
    connector_no: int
    label: str
    max_w: int
    phases: int
    status: str = "Unavailable"
    error_code: str = "NoError"
    status_at: datetime | None = time_field(nullable=True)


class Transactions(SQLModel, table=True):
    """Counts OCPP 1.6 transaction ids: positive, unique, int32."""

    __tablename__ = "transactions"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=True))
    session_id: UUID = Field(unique=True)


class Sessions(SQLModel, table=True):
    __tablename__ = "sessions"
    __table_args__ = (
        sa.CheckConstraint("state in ('open','ended','settled')", name="state"),
        partial_index("ix_sessions_open", "location_id", "state = 'open'"),
    )
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    evse_id: UUID = Field(foreign_key="evses.id")
    location_id: UUID = Field(foreign_key="locations.id")
    connector_no: int
    transaction_id: int = Field(unique=True)
    token_uid: str
    started_at: datetime = time_field()
    received_at: datetime = time_field()
    meter_start_wh: int = big_field()
    state: str = "open"
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", index=True)
    contract_id: UUID | None = Field(default=None, foreign_key="contracts.id")
    vehicle_id: UUID | None = Field(default=None, foreign_key="vehicles.id")
    ended_at: datetime | None = time_field(nullable=True)
    meter_stop_wh: int | None = big_field(None, nullable=True)
    stop_reason: str | None = None
    register_wh: int = big_field()
    read_at: datetime | None = time_field(nullable=True)
    power_w: int = 0
    soc_pct: int | None = None
    stated_ready_by: datetime | None = time_field(nullable=True)
    stated_energy_wh: int | None = None
    stated_at_wh: int = 0
    target_pct: int | None = None
    override_since: datetime | None = time_field(nullable=True)
    delay: str = "managed"
    reference_power_w: int = 0
    reference_power_source: str = ""
    plan_id: UUID | None = None
    plan_version: int = 0
    held_back: bool = False
    plan_accepted: bool = False
    followed: str = "pending"
    not_followed_reason: str | None = None
    idle_since: datetime | None = time_field(nullable=True)
    full: bool = False
    wakes: int = 0


class SessionEvents(SQLModel, table=True):
    __tablename__ = "session_events"
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    party_id: UUID = party_field()
    session_id: UUID = Field(foreign_key="sessions.id", index=True)
    at: datetime = time_field()
    kind: str
    detail: str = ""


class Readings(SQLModel, table=True):
    __tablename__ = "readings"
    session_id: UUID = Field(primary_key=True, foreign_key="sessions.id")
    at: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    register_wh: int = big_field()
    power_w: int | None = None
    soc_pct: int | None = None
    received_at: datetime = time_field()


class OrphanMessages(SQLModel, table=True):
    """What stations said of transactions that we do not know: acknowledged, kept, not acted on."""

    __tablename__ = "orphan_messages"
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    received_at: datetime = time_field()
    action: str
    payload: str


class Plans(SQLModel, table=True):
    __tablename__ = "plans"
    __table_args__ = (sa.UniqueConstraint("session_id", "version", name="uq_plans_session_version"),)
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    session_id: UUID = Field(foreign_key="sessions.id")
    location_id: UUID = Field(foreign_key="locations.id")
    version: int
    made_at: datetime = time_field()
    grid_start: datetime = time_field()
    slot_seconds: int
    energy_wh: Any = json_field(list[int])
    need_wh: int
    need_source: str = ""
    shortfall_wh: int = 0
    reason: str | None = None
    final_w: int
    depart_at: datetime | None = time_field(nullable=True)
    depart_source: str = "none"
    price_source: str = ""
    curve_id: str = ""
    solver: str = ""
    sent_at: datetime | None = time_field(nullable=True)
    outcome: str = ""
    delivered_at_wh: int = 0  # what the session had taken when the plan was made


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
    __tablename__ = "cdrs"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    session_id: UUID = Field(foreign_key="sessions.id", unique=True)
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


class Outbox(SQLModel, table=True):
    """What is to be done after commit. `key` orders: rows of one key are done one after the other."""

    __tablename__ = "outbox"
    __table_args__ = (partial_index("ix_outbox_open", "due_at", "done_at is null"),)
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    kind: str
    key: str
    payload: str = Field(default="{}", sa_type=sa.Text)
    due_at: datetime = time_field()
    attempts: int = 0
    started_at: datetime | None = time_field(nullable=True)
    done_at: datetime | None = time_field(nullable=True)
    outcome: str = ""
