"""Rows of master data as they are entered at once: the demo town, and the command line's first accounts."""

from uuid import UUID

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
