"""Stations whose words go to another central system too: which, how it is spoken to, and what it has yet to hear."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from server.storage.columns import BigId, json_field, party_field, time_field


class Forwardings(SQLModel, table=True):
    """A list of stations and the other system that hears them; of a party, or (`account_id`) of a home's owner."""

    __tablename__ = "forwardings"
    id: UUID = Field(primary_key=True)
    party_id: UUID = party_field()
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", index=True)
    name: str
    url: str  # what a station's identity is appended to
    is_on: bool = True
    allowed: Any = json_field(list[str])  # commands of the other system that reach the stations
    their_cards: bool = True  # cards that we do not know charge by its word
    changed_at: datetime = time_field()


class ForwardedStations(SQLModel, table=True):
    __tablename__ = "forwarded_stations"
    station_id: UUID = Field(primary_key=True, foreign_key="stations.id")
    party_id: UUID = party_field()
    forwarding_id: UUID = Field(foreign_key="forwardings.id", index=True)
    sealed_key: str  # hex, see core/sealed.py
    is_on: bool = True
    state: str = "waiting"
    state_at: datetime | None = time_field(nullable=True)
    error: str = ""
    note: str = ""
    boot: str | None = Field(default=None, sa_type=sa.Text)  # what the station said of itself last, JSON
    booted: bool = False  # and the other system took it
    delivered: int = 0
    dropped: int = 0
    untold: int = 0  # sessions that were said in a version which the other system does not take
    takes: str = ""  # the subprotocol that the other system takes where it refused another one of the station's


class ForwardedFrames(SQLModel, table=True):
    """What the other system must hear and has not answered, in order."""

    __tablename__ = "forwarded_frames"
    __table_args__ = (sa.Index("ix_forwarded_frames_station", "station_id", "id"),)
    id: int = Field(sa_column=sa.Column(BigId, primary_key=True, autoincrement=False))
    party_id: UUID = Field(foreign_key="parties.id")
    station_id: UUID
    version: str
    action: str
    message_id: str
    transaction_id: int | None = None  # ours, in 1.6
    payload: str = Field(sa_type=sa.Text)


class ForwardedTransactions(SQLModel, table=True):
    """A transaction's number here and there (1.6); `theirs` None until the other system has said it."""

    __tablename__ = "forwarded_transactions"
    station_id: UUID = Field(primary_key=True, foreign_key="stations.id")
    transaction_id: int = Field(primary_key=True)
    party_id: UUID = party_field()
    theirs: int | None = Field(default=None, sa_type=sa.BigInteger)
    stopped: bool = False
    at: datetime = time_field(index=True)


class ForwardedCards(SQLModel, table=True):
    """What the other system said of a card last, in OCPP's words."""

    __tablename__ = "forwarded_cards"
    forwarding_id: UUID = Field(primary_key=True)  # no foreign key: a word may come while its list is deleted
    uid: str = Field(primary_key=True)  # in lower case
    party_id: UUID = party_field()
    status: str
    at: datetime = time_field(index=True)
