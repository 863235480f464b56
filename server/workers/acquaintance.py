"""What workers learn of a station by asking it and by what it takes, and how much they write to its flash."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import traits
from server.core.access import master_group
from server.core.station import Station
from server.flows.facts import SessionFacts
from server.storage import contracts, outbox, planned_sessions, sessions, stations
from server.storage.planned_sessions import InForce
from server.storage.plans import Plan
from server.storage.sessions import SessionEvent
from server.workers.context import WorkContext
from server.workers.ports import Heard, Order
from shared.sessions import Delay

V16 = "ocpp1.6"
PLAN, SHARE = "TxProfile", "TxDefaultProfile"
REFUSALS = ("rejected", "not_supported", "error")
OTHER = {"A": "W", "W": "A"}
READING_OPTIONS = (
    ("MeterValueSampleInterval", "300"),
    ("MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import"),
)
SERVES_WH = 500
"""A plan that gives this much less still serves."""


async def first(context: WorkContext, station: Station) -> Station:
    """Ask a station that we do not know yet what its profiles may be, and to report energy and power.

    One that never said who it is is asked for that too: some say nothing until they are (Wallbox Pulsar Pro).
    """
    said = await context.stations.get_options(station.id, traits.KEYS)
    await tell_readings(context, station)
    async with context.db.read() as tx:
        booted = (await stations.get(tx, station.id)).booted_at is not None
    if not booted:
        await context.stations.trigger(station.id, "BootNotification")
    known = {"unit": traits.unit_of(said), "traits": traits.probed(station.manner, said)}
    async with context.db.begin() as tx:
        await stations.update(tx, station.id, **known)
    return msgspec.structs.replace(station, unit=traits.unit_of(said), traits=traits.probed(station.manner, said))


async def tell_readings(context: WorkContext, station: Station) -> None:
    """Have a station report energy and power, and know the cards that end any session (2.x)."""
    for key, value in READING_OPTIONS:
        await context.stations.set_option(station.id, key, value)
    async with context.db.read() as tx:
        knows_master = station.ocpp != V16 and await contracts.has_master(tx, station.party_id)
    if knows_master:
        await context.stations.set_option(station.id, "MasterPassGroupId", master_group(station.party_id))
    async with context.db.begin() as tx:
        await stations.wrote(tx, {station.id: len(READING_OPTIONS) + knows_master}, context.clock.now().date())


def is_open(station: Station, purpose: str, heard: Heard) -> bool:
    """Whether a profile that was refused may be taken in the other unit: nobody has seen one of its purpose taken."""
    known = {*station.manner.purposes, *station.manner.refused}
    return heard.status in REFUSALS and purpose not in known


async def ask_other_unit(
    context: WorkContext, told: Sequence[SessionFacts], orders: Sequence[Order], answers: Sequence[Heard]
) -> tuple[list[SessionFacts], list[Heard]]:
    """Plans that were refused, said once more in the other unit where that may help; who takes it, and all answers."""
    places = [place for place, one in enumerate(told) if is_open(one.station, PLAN, answers[place])]
    retold = [
        (told[place].station.id, msgspec.structs.replace(orders[place], unit=OTHER[orders[place].unit]))
        for place in places
    ]
    heard = await asyncio.gather(*(context.stations.set_plan(station_id, order) for station_id, order in retold))
    facts, found = list(told), list(answers)
    for place, (_, order), answer in zip(places, retold, heard, strict=True):
        if answer.accepted:
            station = msgspec.structs.replace(told[place].station, unit=order.unit)
            facts[place], found[place] = msgspec.structs.replace(told[place], station=station), answer
    return facts, found


async def remember(tx: AsyncSession, told: Sequence[SessionFacts], answers: Sequence[Heard], now: datetime) -> None:
    """Keep what stations took of what they were told, in which unit, and that it went to their flash."""
    writes: dict[UUID, int] = {}
    for one, heard in zip(told, answers, strict=True):
        if heard.accepted:
            writes[one.station.id] = writes.get(one.station.id, 0) + 1
        await keep(tx, one.station, PLAN, heard)
    await stations.wrote(tx, writes, now.date())


async def tell_the_rest(
    tx: AsyncSession, told: Sequence[SessionFacts], orders: Sequence[Order], answers: Sequence[Heard]
) -> None:
    """Queue the rest of a plan that has more periods than its station holds, for when the last that fitted begins."""
    for one, said, heard in zip(told, orders, answers, strict=True):
        pairs = itertools.pairwise(said.energy_wh)
        changes = [slot for slot, (before, after) in enumerate(pairs, start=1) if before != after]
        kept = max(said.periods_max or len(changes) + 2, traits.PERIODS_LEAST) - 1
        if heard.accepted and len(changes) > kept:
            due = said.start + timedelta(seconds=said.slot_seconds * changes[kept - 1])
            await outbox.put_once(tx, "resend", str(one.session.id), {"session_id": one.session.id}, due)


async def keep(tx: AsyncSession, station: Station, purpose: str, heard: Heard) -> None:
    """Keep whether a station took a profile; a refusal never takes back that one was taken."""
    manner = station.manner
    refused = heard.status in REFUSALS and purpose not in manner.purposes
    after = traits.heard(manner, purpose, accepted=heard.accepted) if heard.accepted or refused else manner
    if after != manner:
        await stations.update(tx, station.id, traits=after, unit=station.unit)


def spent(one: SessionFacts, now: datetime) -> bool:
    """Whether a station has been sent all that its flash is to take today.

    Behind a shared limit every plan is somebody else's safety, and what a driver asks for is not put off.
    """
    station = one.station
    if station.feeder_id is not None or one.session.delay is not Delay.MANAGED:
        return False
    return station.writes_on(now.date()) >= station.manner.flash_writes_a_day


def instead(one: SessionFacts, held: Sequence[Plan], now: datetime) -> Plan | None:
    """The plan that a station holds and may go on with; None where the new one gives more, or for another departure."""
    accepted = [plan for plan in held if plan.outcome == "accepted"]
    if one.plan is None or not accepted or accepted[-1].depart_at != one.plan.depart_at:
        return None
    old, new = (plan.energy_until(plan.grid.end) - plan.energy_until(now) for plan in (accepted[-1], one.plan))
    return accepted[-1] if old >= new - SERVES_WH else None


async def leave(context: WorkContext, kept: Sequence[tuple[SessionFacts, Plan]], now: datetime) -> None:
    """The plan that a station holds stays in force, which is said in its session."""
    if not kept:
        return
    rows = [InForce(one.session.id, one.session.delay.value, plan.id, one.session.plan_version) for one, plan in kept]
    said = [(one.session, SessionEvent(one.session.id, now, "plan_not_sent", "write_budget")) for one, _ in kept]
    async with context.db.begin() as tx:
        await planned_sessions.set_plans(tx, rows)
        await sessions.add_events(tx, said)
