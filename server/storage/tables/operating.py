"""What operators work with: the message log, what stations told of themselves, files."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import BigId, party_field, time_field


class MessageLog(SQLModel, table=True):
    """Frames between stations and us, in order. No foreign key to the station, which costs a look-up.

    `odd`: what is not as the specification says.
    """

    __tablename__ = "message_log"
    __table_args__ = (
        sa.Index("ix_message_log_party", "party_id", "id"),
        sa.Index("ix_message_log_station", "station_id", "id"),
    )
    id: int = Field(sa_column=sa.Column(BigId, primary_key=True, autoincrement=False))
    party_id: UUID = Field(foreign_key="parties.id")
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
