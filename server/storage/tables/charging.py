"""What happens at a station: sessions, readings, plans and what is to be done about them."""

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.core.car_needs import CarNeeds
from server.storage.columns import BigId, UtcDateTime, big_field, json_field, partial_index, party_field, time_field


def new_stamp() -> int:
    """A number that no other state of a row has."""
    return secrets.randbits(60)


class Transactions(SQLModel, table=True):
    """Counts OCPP 1.6 transaction ids: positive, unique, int32."""

    __tablename__ = "transactions"
    __table_args__ = {"sqlite_autoincrement": True}
    id: int | None = Field(default=None, sa_column=sa.Column(sa.Integer, primary_key=True, autoincrement=True))
    session_id: UUID = Field(unique=True)


class Sessions(SQLModel, table=True):
    """`stamp`: another number after every change, so that who read a row before knows whether it is as it was."""

    __tablename__ = "sessions"
    __table_args__ = (
        sa.CheckConstraint("state in ('open','ended','settled')", name="state"),
        sa.UniqueConstraint("station_id", "transaction_ref", name="uq_sessions_station_transaction_ref"),
        partial_index("ix_sessions_open", "location_id", "state = 'open'"),
        partial_index("ix_sessions_charging", "station_id", "state = 'open'"),
    )
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    evse_id: UUID = Field(foreign_key="evses.id", index=True)
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
    one_block: bool = False
    answer_worth_minor: int | None = None
    asked: bool = False
    question_closed: bool = False
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
    car_needs: Any = json_field(CarNeeds, nullable=True)
    transaction_ref: str | None = None
    stamp: int = Field(
        default=0, sa_column=sa.Column(sa.BigInteger, nullable=False, default=new_stamp, onupdate=new_stamp)
    )


class TransactionEvents(SQLModel, table=True):
    """Which events of a transaction of its own naming a station has told (OCPP 2.x): none is heard twice.

    `told`: what it said, where a session may yet be opened or corrected by it.
    """

    __tablename__ = "transaction_events"
    station_id: UUID = Field(primary_key=True, foreign_key="stations.id")
    reference: str = Field(primary_key=True)
    seq_no: int = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    received_at: datetime = time_field()
    told: str | None = None


class SignedValues(SQLModel, table=True):
    """What meters signed, as it came."""

    __tablename__ = "signed_values"
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    connector_no: int | None = None
    reference: str | None = None
    at: datetime = time_field()
    received_at: datetime = time_field()
    context: str
    data: str


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
    __table_args__ = {"sqlite_with_rowid": False}
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
    received_at: datetime = time_field(index=True)
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
    depart_reason: str = ""
    depart_stays: int = 0
    price_source: str = ""
    curve_id: str = ""
    solver: str = ""
    sent_at: datetime | None = time_field(nullable=True)
    outcome: str = ""
    delivered_at_wh: int = 0  # what the session had taken when the plan was made
    inputs_id: UUID | None = Field(default=None, foreign_key="plan_inputs.id")


class PlanInputs(SQLModel, table=True):
    """What the engine was asked, as JSON, deflated: with it a plan can be made again."""

    __tablename__ = "plan_inputs"
    id: UUID = Field(primary_key=True)
    location_id: UUID = Field(foreign_key="locations.id")
    made_at: datetime = time_field()
    problem: bytes


class StartWishes(SQLModel, table=True):
    """What a driver said with a remote start, until the session that it starts has opened."""

    __tablename__ = "start_wishes"
    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id")
    evse_id: UUID = Field(primary_key=True, foreign_key="evses.id")
    party_id: UUID = party_field()
    stated_at: datetime = time_field()
    ready_by: datetime = time_field()


class Outbox(SQLModel, table=True):
    """What is to be done after commit. `key` orders: rows of one key are done one after the other."""

    __tablename__ = "outbox"
    __table_args__ = (
        partial_index("ix_outbox_open", "due_at", "done_at is null"),
        partial_index("ix_outbox_waiting", "key", "done_at is null"),  # or each who queues reads all that wait
    )
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    kind: str
    key: str
    payload: str = Field(default="{}", sa_type=sa.Text)
    due_at: datetime = time_field()
    attempts: int = 0
    started_at: datetime | None = time_field(nullable=True)
    done_at: datetime | None = time_field(nullable=True)
    outcome: str = ""
