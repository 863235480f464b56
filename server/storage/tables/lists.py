"""The lists of tokens that stations keep for when we are away: what we know that each holds."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import party_field, time_field


class StationLists(SQLModel, table=True):
    """One a station; `state`: held (as the tokens say), unknown, failed, not_supported (by this `firmware`)."""

    __tablename__ = "station_lists"
    __table_args__ = (sa.CheckConstraint("state IN ('held', 'unknown', 'failed', 'not_supported')", name="state"),)
    station_id: UUID = Field(primary_key=True, foreign_key="stations.id")
    party_id: UUID = party_field()
    state: str
    version: int = 0  # the last that it was sent
    failures: int = 0
    capacity: int | None = None
    per_message: int | None = None
    firmware: str = ""
    synced_at: datetime | None = time_field(nullable=True)


class StationListTokens(SQLModel, table=True):
    """A token in a station's list."""

    __tablename__ = "station_list_tokens"
    station_id: UUID = Field(primary_key=True, foreign_key="stations.id")
    uid: str = Field(primary_key=True)
    party_id: UUID = party_field()
    status: str
    expires_at: datetime | None = time_field(nullable=True)
    group: str = ""
    card: bool = True
