"""The drivers' cars."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.storage.db import padded, to_struct
from server.storage.tables import Vehicles

TABLE = Vehicles.__table__  # type: ignore[attr-defined]
V = TABLE.c
ONE = sa.select(TABLE).where(V.id == sa.bindparam("vehicle"))
OF = sa.select(TABLE).where(V.account_id == sa.bindparam("account")).order_by(V.name, V.id)
SLEEPY = sa.select(sa.func.count()).where(V.name == sa.bindparam("name"), V.failed_resumes > 0)
SOME = sa.select(TABLE).where(V.id.in_(sa.bindparam("vehicles", expanding=True)))


class VehicleRow(msgspec.Struct, frozen=True):
    """A car and whose it is. `reference_*` is the model's, for baselines; the rest is what the driver entered."""

    id: UUID
    party_id: UUID
    account_id: UUID
    name: str
    capacity_wh: int
    max_ac_w: int
    phases: int
    target_pct: int = 80
    reference_ac_w: int | None = None
    reference_phases: int | None = None
    tail_s: int | None = None  # learnt: how much longer it takes near full
    failed_resumes: int = 0  # learnt: in so many sessions it did not go on after a pause
    timer_at: str | None = None  # learnt: HH:MM, local, when its own timer begins


async def get(tx: AsyncSession, vehicle_id: UUID | None) -> VehicleRow | None:
    """A car by id."""
    row = None if vehicle_id is None else (await tx.execute(ONE, {"vehicle": vehicle_id})).first()
    return None if row is None else to_struct(row, VehicleRow)


async def by_id(tx: AsyncSession, vehicle_ids: Sequence[UUID]) -> dict[UUID, VehicleRow]:
    """Cars by id."""
    if not vehicle_ids:
        return {}
    rows = await tx.execute(SOME, {"vehicles": padded(vehicle_ids)})
    return {row.id: to_struct(row, VehicleRow) for row in rows}


async def of(tx: AsyncSession, account_id: UUID) -> list[VehicleRow]:
    """The cars of an account, by name."""
    return [to_struct(row, VehicleRow) for row in await tx.execute(OF, {"account": account_id})]


async def sleepy_of_name(tx: AsyncSession, name: str) -> int:
    """How many cars of a name did not go on after a pause."""
    return int((await tx.execute(SLEEPY, {"name": name})).scalar_one())


async def update(tx: AsyncSession, vehicle_id: UUID, **values: object) -> None:
    """Write columns of a car."""
    await tx.execute(sa.update(Vehicles).where(V.id == vehicle_id).values(**values))


async def insert(tx: AsyncSession, new: VehicleRow) -> None:
    """Keep a new car."""
    await tx.execute(sa.insert(Vehicles).values(**msgspec.structs.asdict(new)))
