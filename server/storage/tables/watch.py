"""How stations are: what happened to them, what is wrong with them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import BigId, UtcDateTime, json_field, party_field, time_field
from shared.health import Remedy


class StationEvents(SQLModel, table=True):
    """online, offline, boot, faulted, recovered, the remedies that were tried (`detail`: what was answered), and what
    stations tell of firmware, diagnostics, logs, certificates and security (`said_at`: by their clocks).
    """

    __tablename__ = "station_events"
    __table_args__ = (
        sa.Index("ix_station_events_party_at", "party_id", "at"),
        sa.Index("ix_station_events_kind_at", "kind", "at"),
        sa.Index("ix_station_events_station", "station_id", "id"),
    )
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    party_id: UUID = Field(foreign_key="parties.id")
    station_id: UUID = Field(foreign_key="stations.id")
    at: datetime = Field(sa_type=UtcDateTime)
    said_at: datetime | None = time_field(nullable=True)
    kind: str
    status: str = ""
    detail: str = ""
    request_no: int | None = None
    raw: str = "{}"


class Findings(SQLModel, table=True):
    """What is or was wrong with a station; of each rule at most one is open."""

    __tablename__ = "findings"
    __table_args__ = (
        sa.Index(
            "uq_findings_open",
            "station_id",
            "rule",
            unique=True,
            sqlite_where=sa.text("resolved_at is null"),
            postgresql_where=sa.text("resolved_at is null"),
        ),
    )
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id")
    rule: str
    severity: str
    since: datetime = time_field()
    detail: str = ""
    tried: Any = json_field(tuple[Remedy, ...])
    tried_at: datetime | None = time_field(nullable=True)
    told_at: datetime | None = time_field(nullable=True)
    resolved_at: datetime | None = time_field(nullable=True)
