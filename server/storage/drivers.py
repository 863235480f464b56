"""Who charges: what planning and settlement need of an account."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import to_struct
from server.storage.tables import Accounts, Locations
from shared.accounts import Habit, Role

A = Accounts.__table__.c  # type: ignore[attr-defined]
L = Locations.__table__.c  # type: ignore[attr-defined]


class Driver(msgspec.Struct, frozen=True):
    """An account that charges. `consent_at`: when it agreed to delays, None if never."""

    id: UUID
    party_id: UUID
    name: str
    time_zone: str
    currency: str
    consent_at: datetime | None
    habits: list[Habit]
    has_home_station: bool = False
    role: Role = Role.DRIVER


async def by_id(tx: AsyncSession, account_ids: Sequence[UUID]) -> dict[UUID, Driver]:
    """Drivers by account id."""
    if not account_ids:
        return {}
    home = sa.exists().where(L.account_id == A.id).label("has_home_station")
    columns = [A.id, A.party_id, A.name, A.time_zone, A.currency, A.consent_at, A.habits, A.role, home]
    rows = await tx.execute(sa.select(*columns).where(A.id.in_(list(account_ids))))
    return {row.id: to_struct(row, Driver) for row in rows}
