"""What a session shows of its car's sleep: a pause after which it did not go on, and when it began by itself."""

from datetime import timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import waking
from server.core.following import IDLE_MINUTES
from server.core.reports import SampledReading
from server.core.session import Session
from server.storage import locations, outbox, sessions, vehicles
from server.storage.plans import Plan
from server.storage.vehicles import VehicleRow

NUDGED = timedelta(minutes=15)
"""A car that draws at the first reading or two after it was told anything was woken by it."""
RESUMED = "resumed"
BY_ITSELF = "by_itself"
WOKEN = "woken"


async def is_sleepy(tx: AsyncSession, car: VehicleRow | None) -> bool:
    """Whether a car is remembered for not going on after a pause, itself or by its model."""
    if car is None:
        return False
    alike = 0 if car.failed_resumes else await vehicles.sleepy_of_name(tx, car.name)
    return waking.sleepy(car.failed_resumes, alike)


async def not_resumed(tx: AsyncSession, session: Session, sample: SampledReading) -> None:
    """A car may draw again after a pause and does not: no more pauses here, and the car is remembered for it.

    One with a timer of its own only waits for it.
    """
    if session.wakes:
        return
    car = await vehicles.get(tx, session.vehicle_id)
    if car is not None and car.timer_at is not None:
        await sessions.add_event(tx, session, sample.at, "car_timer", car.timer_at)
        return
    if car is not None:
        await vehicles.update(tx, car.id, failed_resumes=car.failed_resumes + 1)
    await sessions.add_event(tx, session, sample.at, "no_more_pauses")
    await outbox.put_once(tx, "replan", str(session.location_id), {"why": "not_resumed"}, sample.at)


async def drew_again(tx: AsyncSession, session: Session, plan: Plan, sample: SampledReading) -> Session:
    """A car that took nothing for a while, though it might, draws: woken by what it was told, or by its own timer.

    One that had been taken for full was not.
    """
    assert session.idle_since is not None
    if sample.at - session.idle_since < timedelta(minutes=IDLE_MINUTES):
        return session
    told = [one.at for one in await sessions.events(tx, session.id) if one.kind in ("wake", "plan_accepted")]
    told_at = max([*told, plan.sent_at or plan.made_at])
    if sample.at - told_at <= NUDGED:
        await sessions.add_event(tx, session, sample.at, RESUMED, WOKEN)
    else:
        await _by_itself(tx, session, sample)
    if session.full:
        await outbox.put_once(tx, "replan", str(session.location_id), {"why": "draws_again"}, sample.at)
    return msgspec.structs.replace(session, full=False)


async def _by_itself(tx: AsyncSession, session: Session, sample: SampledReading) -> None:
    place = await locations.get(tx, session.location_id)
    assert place is not None
    began = waking.local_minute(sample.at, place.time_zone)
    await sessions.add_event(tx, session, sample.at, RESUMED, f"{BY_ITSELF} {began}")
    if session.vehicle_id is None:
        return
    details = await sessions.details_of_car(tx, session.vehicle_id, RESUMED, limit=10)
    timer_at = waking.timer([one.partition(" ")[2] for one in details if one.startswith(BY_ITSELF)])
    if timer_at is not None:
        await vehicles.update(tx, session.vehicle_id, timer_at=timer_at)
        await sessions.add_event(tx, session, sample.at, "car_timer", timer_at)
