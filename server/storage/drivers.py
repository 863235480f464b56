"""Who charges: what planning and settlement need of an account."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import padded, to_struct
from server.storage.tables import Accounts, Locations, Rotas
from shared.accounts import Dial, Habit, Role

A = Accounts.__table__.c  # type: ignore[attr-defined]
L = Locations.__table__.c  # type: ignore[attr-defined]
R = Rotas.__table__.c  # type: ignore[attr-defined]
HOME = sa.exists().where(L.account_id == A.id).label("has_home_station")
OWN = (A.id, A.party_id, A.name, A.time_zone, A.currency, A.consent_at, A.habits, A.role, A.dial, A.closed_at)
SOME = sa.select(*OWN, R.calendar, R.travel_minutes, HOME).outerjoin(Rotas, R.account_id == A.id)
SOME = SOME.where(A.id.in_(sa.bindparam("accounts", expanding=True)))


class Driver(msgspec.Struct, frozen=True):
    """An account that charges. `consent_at`: when it agreed to delays, None if never. `calendar`: of its shifts."""

    id: UUID
    party_id: UUID
    name: str
    time_zone: str
    currency: str
    consent_at: datetime | None
    habits: list[Habit]
    dial: Dial = Dial.SURE
    calendar: str | None = None
    travel_minutes: int | None = None
    has_home_station: bool = False
    role: Role = Role.DRIVER
    closed_at: datetime | None = None


async def by_id(tx: AsyncSession, account_ids: Sequence[UUID]) -> dict[UUID, Driver]:
    """Drivers by account id."""
    if not account_ids:
        return {}
    rows = await tx.execute(SOME, {"accounts": padded(account_ids)})
    return {row.id: to_struct(row, Driver) for row in rows}
