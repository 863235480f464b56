"""The driver's cars."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.session import Refused
from server.flows.announcements import SessionMoved
from server.storage import accounts, outbox, sessions, vehicles
from server.storage.db import announce
from server.storage.vehicles import VehicleRow
from shared.sessions import SessionState
from shared.vehicles import Vehicle, VehicleUpdate

CARS_MAX = 10
NOT_YOURS = Refused("not_found", "List your cars with GET /api/vehicles.")


class Saved(msgspec.Struct, frozen=True):
    """A car as it is now, and whether it is new."""

    vehicle: Vehicle
    created: bool


async def mine(tx: AsyncSession, account_id: UUID) -> list[Vehicle]:
    """The cars of an account, by name."""
    return [_view(row) for row in await vehicles.of(tx, account_id)]


def _view(row: VehicleRow) -> Vehicle:
    return msgspec.convert(row, Vehicle, from_attributes=True)


async def save(
    tx: AsyncSession, account_id: UUID, vehicle_id: UUID, said: VehicleUpdate, now: datetime
) -> Saved | Refused:
    """Change a car, or add it under an id that its driver chose. A plugged-in one is planned anew."""
    known = await vehicles.get(tx, vehicle_id)
    if known is None:
        return await _add(tx, account_id, vehicle_id, said)
    if known.account_id != account_id:
        return NOT_YOURS
    values = msgspec.structs.asdict(said)
    await vehicles.update(tx, vehicle_id, **values)
    for session in await sessions.current_of(tx, account_id):
        if session.vehicle_id == vehicle_id and session.state is SessionState.OPEN:
            await outbox.put_once(tx, "replan", str(session.location_id), {"why": "vehicle"}, now)
            announce(tx, SessionMoved(account_id, session.id))
    return Saved(_view(msgspec.structs.replace(known, **values)), created=False)


async def _add(tx: AsyncSession, account_id: UUID, vehicle_id: UUID, said: VehicleUpdate) -> Saved | Refused:
    account = await accounts.get(tx, account_id)
    if account is None:
        return NOT_YOURS
    if len(await vehicles.of(tx, account_id)) >= CARS_MAX:
        return Refused("too_many_cars", f"An account holds {CARS_MAX} cars; change one that is no longer yours.")
    row = VehicleRow(id=vehicle_id, party_id=account.party_id, account_id=account_id, **msgspec.structs.asdict(said))
    await vehicles.insert(tx, row)
    return Saved(_view(row), created=True)
