"""EVSEs that are kept free for a driver."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import partial_index, party_field, time_field

STATES = ("asked", "held", "used", "cancelled", "expired", "removed", "refused")
STANDS = "state in ('asked', 'held')"


class Reservations(SQLModel, table=True):
    """`id` is what the station calls it; `word`: the station's own for what became of it."""

    __tablename__ = "reservations"
    __table_args__ = (
        sa.CheckConstraint(f"state IN {STATES}", name="state"),
        partial_index("ix_reservations_one_an_account", "account_id", STANDS, unique=True),
        partial_index("ix_reservations_one_an_evse", "evse_id", STANDS, unique=True),
    )
    id: int | None = Field(default=None, primary_key=True)
    party_id: UUID = party_field()
    station_id: UUID = Field(foreign_key="stations.id", index=True)
    evse_id: UUID = Field(foreign_key="evses.id")
    connector_no: int
    account_id: UUID = Field(foreign_key="accounts.id", index=True)
    token_uid: str
    made_at: datetime = time_field()
    expires_at: datetime = time_field()
    state: str
    word: str = ""
    session_id: UUID | None = None
