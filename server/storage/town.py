"""Rows of master data as they are entered at once: the demo town, and the command line's first accounts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from server.core.contract import Contract
from server.storage import contracts, tables

KINDS = (
    "parties",
    "accounts",
    "tokens",
    "vehicles",
    "tariffs",
    "home_tariffs",
    "locations",
    "feeders",
    "stations",
    "evses",
)


class PastStay(msgspec.Struct, frozen=True):
    """A stay of before this server's time: it teaches, and owes nobody anything.

    `answer_worth_minor`: what it was worth to be told when the car leaves, where nobody said and nobody was asked.
    """

    id: UUID
    party_id: UUID
    station_id: UUID
    evse_id: UUID
    location_id: UUID
    account_id: UUID
    token_uid: str
    started_at: datetime
    ended_at: datetime
    energy_wh: int
    answer_worth_minor: int | None = None


async def add_past(tx: AsyncSession, stays: Sequence[PastStay]) -> None:
    """Enter past stays as settled sessions; their transaction ids count down from -1, which no station ever uses."""
    rows = [
        {
            "id": stay.id,
            "party_id": stay.party_id,
            "station_id": stay.station_id,
            "evse_id": stay.evse_id,
            "location_id": stay.location_id,
            "account_id": stay.account_id,
            "token_uid": stay.token_uid,
            "connector_no": 1,
            "transaction_id": -1 - number,
            "state": "settled",
            "started_at": stay.started_at,
            "received_at": stay.started_at,
            "ended_at": stay.ended_at,
            "meter_start_wh": 0,
            "meter_stop_wh": stay.energy_wh,
            "register_wh": stay.energy_wh,
            "stop_reason": "Past",
            "answer_worth_minor": stay.answer_worth_minor,
        }
        for number, stay in enumerate(stays)
    ]
    if rows:
        await tx.execute(sa.insert(tables.Sessions), rows)


async def is_there(tx: AsyncSession, party_id: UUID) -> bool:
    """Whether a party was entered already."""
    column = tables.Parties.__table__.c.id  # type: ignore[attr-defined]
    return (await tx.execute(sa.select(column).where(column == party_id))).first() is not None


async def add(tx: AsyncSession, table: str, /, **values: object) -> None:
    """Enter one row of a kind (see KINDS)."""
    assert table in KINDS, table
    await tx.execute(sa.insert(SQLModel.metadata.tables[table]).values(**values))


async def add_contract(tx: AsyncSession, contract: Contract) -> None:
    """Enter a contract."""
    await contracts.add_contract(tx, contract)


async def add_all(tx: AsyncSession, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter rows of one kind, all with the same columns, in one statement."""
    assert table in KINDS, table
    if rows:
        await tx.execute(sa.insert(SQLModel.metadata.tables[table]), [dict(row) for row in rows])
