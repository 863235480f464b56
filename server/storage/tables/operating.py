"""What operators work with: the message log, what stations told of themselves, files."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import BigId, partial_index, party_field, time_field


class MessageLog(SQLModel, table=True):
    """Frames between stations and us, in order. No foreign keys: each costs a look-up a frame.

    `odd`: what is not as the specification says.
    """

    __tablename__ = "message_log"
    __table_args__ = (
        sa.Index("ix_message_log_party", "party_id", "id"),
        sa.Index("ix_message_log_station", "station_id", "id"),
    )
    id: int = Field(sa_column=sa.Column(BigId, primary_key=True, autoincrement=False))
    party_id: UUID
    station_id: UUID
    at: datetime = time_field()
    direction: str
    kind: str
    action: str
    message_id: str
    raw: str
    asked_by: UUID | None = None
    odd: str = ""


class StationFiles(SQLModel, table=True):
    """Files that stations were asked for; `size` None until one came."""

    __tablename__ = "station_files"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    request_no: int
    kind: str
    asked_at: datetime = time_field()
    expires_at: datetime = time_field()
    token_sha256: str = Field(unique=True)
    name: str = ""
    came_at: datetime | None = time_field(nullable=True)
    size: int | None = None


class StationInventory(SQLModel, table=True):
    """What a station reported when it was asked, a row a line, the last word counts; and what it says is wrong.

    `kind`: variable, monitor, message, customer, report (which parts of one came), problem. `said`: JSON.
    """

    __tablename__ = "station_inventory"
    __table_args__ = (
        sa.UniqueConstraint("station_id", "kind", "name", name="uq_station_inventory_station_kind_name"),
        partial_index("ix_station_inventory_problems", "station_id", "kind = 'problem'"),
    )
    id: int | None = Field(default=None, sa_column=sa.Column(BigId, primary_key=True, autoincrement=True))
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id")
    kind: str
    name: str
    said: str = Field(default="{}", sa_type=sa.Text)
    request_no: int | None = None
    at: datetime = time_field()
