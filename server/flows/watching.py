"""The watch: what is wrong with stations is found, kept, mended where that can be done, and told."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.following import DRAWING_W
from server.core.remedy import Finding, next_step
from server.core.session import Followed
from server.core.watch import FLAPS_WITHIN, STRAY_WITHIN, Charge, Found, StationSight, judge_all
from server.flows.announcements import StationMoved
from server.storage import outbox, plans, watch
from server.storage.db import announce
from server.storage.plans import Plan
from server.storage.watch import Lately, OpenSession, Seen
from shared.health import Remedy
from shared.ids import derive

DAY = timedelta(days=1)


class Errand(msgspec.Struct, frozen=True):
    """A remedy that is to be tried for a finding."""

    finding_id: UUID
    remedy: Remedy


class Look(msgspec.Struct, frozen=True):
    """What a look at some stations leads to. `last`: the station to go on after, None where there are no more."""

    last: UUID | None
    changed: Sequence[Finding] = ()
    known: frozenset[UUID] = frozenset()
    errands: Mapping[UUID, Errand] = {}  # by station: one at a time


async def lately(tx: AsyncSession, now: datetime) -> Lately:
    """What a look needs of all stations' last hours."""
    return await watch.lately(tx, now - FLAPS_WITHIN, now - DAY)


async def look(tx: AsyncSession, after: UUID | None, recent: Lately, now: datetime) -> Look:
    """Look at the next stations by id; nothing is written."""
    seen = await watch.page(tx, after, recent, now - STRAY_WITHIN)
    if not seen.sights:
        return Look(None)
    sights = await _with_charges(tx, seen, now)
    found = judge_all(sights.values(), now)
    changed: list[Finding] = []
    errands: dict[UUID, Errand] = {}
    for station_id in sorted({*found, *seen.open}):
        before = seen.open.get(station_id, [])
        used = recent.used.get(station_id, {})
        after_look, errand = _decide(sights[station_id], before, found.get(station_id, ()), used, now)
        changed += [one for one in after_look if one not in before]
        if errand is not None:
            errands[station_id] = errand
    known = frozenset(one.id for group in seen.open.values() for one in group)
    return Look(max(seen.sights), changed, known, errands)


def _decide(
    sight: StationSight, before: Sequence[Finding], found: Sequence[Found], used: Mapping[Remedy, int], now: datetime
) -> tuple[list[Finding], Errand | None]:
    """A station's findings after a look, and the one remedy that is due."""
    wrong = {one.rule: one for one in found}
    after = [_again(one, wrong.pop(one.rule, None), now) for one in before]
    after += [_new(sight, one, now) for one in wrong.values()]
    errand: Errand | None = None
    for place, finding in enumerate(after):
        step = None if finding.resolved_at is not None else next_step(finding, sight, used, now)
        if step is None:
            continue
        if step.remedy is None:
            after[place] = msgspec.structs.replace(finding, told_at=now)
        elif errand is None:
            errand = Errand(finding.id, step.remedy)
            after[place] = msgspec.structs.replace(finding, tried=_with(finding.tried, step.remedy), tried_at=now)
    return after, errand


def _with(tried: tuple[Remedy, ...], remedy: Remedy) -> tuple[Remedy, ...]:
    """What was tried, each once."""
    return tuple(dict.fromkeys((*tried, remedy)))


def _again(finding: Finding, found: Found | None, now: datetime) -> Finding:
    if found is None:
        return msgspec.structs.replace(finding, resolved_at=now)
    return msgspec.structs.replace(finding, severity=found.severity, detail=found.detail)


def _new(sight: StationSight, found: Found, now: datetime) -> Finding:
    return Finding(
        id=derive("finding", sight.station_id, found.rule, now),
        party_id=sight.party_id,
        station_id=sight.station_id,
        rule=found.rule,
        severity=found.severity,
        since=min(found.since, now),
        detail=found.detail,
    )


async def _with_charges(tx: AsyncSession, seen: Seen, now: datetime) -> dict[UUID, StationSight]:
    """The sights with their sessions; plans are read only of those that draw nothing and could."""
    idle = [one.plan_id for one in seen.charging if one.power_w < DRAWING_W and not one.full and one.plan_accepted]
    wanted = [plan_id for plan_id in idle if plan_id is not None]
    in_force = {plan.id: plan for plan in (await plans.in_force(tx, wanted)).values()} if wanted else {}
    charges: dict[UUID, list[Charge]] = {}
    for one in seen.charging:
        plan = None if one.plan_id is None else in_force.get(one.plan_id)
        charges.setdefault(one.station_id, []).append(_charge(one, plan, now))
    return {
        key: msgspec.structs.replace(sight, charges=tuple(charges[key])) if key in charges else sight
        for key, sight in seen.sights.items()
    }


def _charge(one: OpenSession, plan: Plan | None, now: datetime) -> Charge:
    energy_wh = max(0, one.register_wh - one.meter_start_wh)
    given_up = one.full and one.wakes > 0 and energy_wh == 0  # taken for full, for it never took anything
    allowed_since = None if plan is None else _allowed_since(plan, energy_wh, now)
    return Charge(
        connector_no=one.connector_no,
        started_at=one.started_at,
        read_at=one.read_at,
        power_w=one.power_w,
        energy_wh=energy_wh,
        allowed_since=one.idle_since if given_up else allowed_since,
        not_followed=one.not_followed_reason if one.followed == Followed.NOT_FOLLOWED else None,
        nobodys=one.account_id is None,
    )


def _allowed_since(plan: Plan, energy_wh: int, now: datetime) -> datetime | None:
    """Since when a plan gives a session energy that it still lacks: not after its end, and not once it has it all."""
    slot = plan.grid.index(now)
    given = plan.outcome == "accepted" and 0 <= slot < plan.grid.slots and plan.energy_wh[slot] > 0
    served = energy_wh - plan.delivered_at_wh >= plan.need_wh * 0.97 - 100
    since = plan.allowed_since(now) if given and not served else None
    return None if since is None else max(since, plan.sent_at or since)


async def note(tx: AsyncSession, seen: Look, now: datetime) -> None:
    """Keep what a look found, queue what is to be tried, tell the operators of these stations."""
    await watch.save(tx, seen.changed, seen.known)
    for station_id, errand in seen.errands.items():
        await outbox.put(tx, "remedy", str(station_id), errand, now)
    for station_id, party_id in dict.fromkeys((one.station_id, one.party_id) for one in seen.changed):
        announce(tx, StationMoved(party_id, station_id))


async def sight_of(tx: AsyncSession, station_id: UUID, now: datetime) -> StationSight:
    """One station as it stands now."""
    seen = await watch.one(tx, station_id, now - STRAY_WITHIN)
    return (await _with_charges(tx, seen, now))[station_id]


async def due(tx: AsyncSession, errand: Errand) -> Finding | None:
    """The finding that a remedy is for, if it is still open."""
    finding = await watch.get(tx, errand.finding_id)
    return finding if finding is not None and finding.resolved_at is None else None


async def tried(tx: AsyncSession, finding: Finding, remedy: Remedy, answer: str, now: datetime) -> None:
    """Keep what a station answered to a remedy; one whose profiles are gone is configured anew."""
    await watch.happened(tx, watch.StationEvent(finding.station_id, now, remedy.value, f"{finding.rule}:{answer}"))
    if remedy is Remedy.CLEAR_PROFILE:
        await outbox.put_once(tx, "configure", str(finding.station_id), {"station_id": finding.station_id}, now)
    announce(tx, StationMoved(finding.party_id, finding.station_id))
