"""What became of the promises of the dial: one balance a party and stop."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import dial
from server.core.dial import Dial
from server.storage.db import padded
from server.storage.tables import DialBalances

TABLE = DialBalances.__table__  # type: ignore[attr-defined]
B = TABLE.c
OF_PARTIES = sa.select(TABLE).where(B.party_id.in_(sa.bindparam("parties", expanding=True)))


async def balances(tx: AsyncSession, party_ids: Sequence[UUID]) -> dict[tuple[UUID, Dial], float]:
    """The balances of some parties; 0 where a stop has none."""
    if not party_ids:
        return {}
    rows = await tx.execute(OF_PARTIES, {"parties": padded(party_ids)})
    return {(row.party_id, Dial(row.stop)): row.balance for row in rows}


async def advance(tx: AsyncSession, party_id: UUID, stop: Dial, missing_wh: int) -> None:
    """One more session of a party and stop has ended. Sessions that end at once take turns."""
    insert = sqlite.insert(TABLE) if tx.get_bind().dialect.name == "sqlite" else postgresql.insert(TABLE)
    first = {"party_id": party_id, "stop": stop.value, "balance": 0.0}
    await tx.execute(insert.values(**first).on_conflict_do_nothing())
    this = sa.and_(B.party_id == party_id, B.stop == stop.value)
    so_far = (await tx.execute(sa.select(B.balance).where(this).with_for_update())).scalar_one()
    await tx.execute(sa.update(TABLE).where(this).values(balance=dial.after(stop, so_far, missing_wh)))
