"""Who plugs in where and when: the town's habits, turned by the seed into the visits of a noon-to-noon day."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.simulator.car import CarSpec, need_wh
from server.simulator.faults import Fault, FaultKind
from server.simulator.people import Person
from server.simulator.places import Place, StationSpec
from shared.ids import derive
from shared.units import VOLTS

HISTORY_DAYS = 28
PAST_WORTH_MINOR = (1, 10)
LATER_FAULT_CHANCE = 0.34
SURE_SHARE = 0.65
"""What a driver asks for is at most this share of what the place could give in the stay."""


class Visit(msgspec.Struct, frozen=True):
    """A planned stay. `ready_by` and `energy_wh` (still to come) are what the driver states right after plug-in.

    `need_wh` is AC energy to the car's own limit. `continues`: the same car comes back with what it has by then.
    """

    id: UUID
    person_id: UUID
    station: str
    plug_at: datetime
    unplug_at: datetime
    soc_permille: int
    need_wh: int
    ready_by: datetime | None = None
    energy_wh: int | None = None
    faults: tuple[Fault, ...] = ()
    continues: bool = False


class Stay(msgspec.Struct, frozen=True):
    """A stay of the weeks before the town began.

    `answer_worth_minor`: what it was worth then to be told when the car leaves, too little to ask; None where told.
    """

    person_id: UUID
    station: str
    plugged_at: datetime
    unplugged_at: datetime
    energy_wh: int
    answer_worth_minor: int | None = None


class Whim(msgspec.Struct, frozen=True):
    """On this share of the days a person leaves so many hours after plug-in instead, whatever the habit says."""

    share: float
    least_h: float
    most_h: float


class Routine(msgspec.Struct, frozen=True):
    """A person's usual visit: plugs in between two local times, takes some kWh, leaves at the habit's time or so.

    `within_s`: who states no time leaves so much before or after the habit's at most.
    """

    key: str
    station: str
    earliest: str
    latest: str
    kwh: tuple[int, int]
    states: bool = False
    fault: FaultKind | None = None
    whim: Whim | None = None
    within_s: int = 900


class Stand(msgspec.Struct, frozen=True):
    """What the plan stands on: the seed, the span, the people by their part in the play, the stations and places."""

    seed: int
    start: datetime
    end: datetime
    players: dict[str, Person]
    stations: dict[str, StationSpec]
    places: dict[UUID, Place]

    @property
    def zone(self) -> ZoneInfo:
        """All of the town keeps one local time."""
        return ZoneInfo(next(iter(self.places.values())).time_zone)


K = FaultKind
Minutes = Callable[[int, int], timedelta]
"""A seeded span of time between so many and so many minutes."""
ROUTINES = (
    Routine("dynamic", "HOME-1", "17:35", "18:35", (24, 40), states=True),
    Routine("fixed", "HOME-2", "18:00", "19:10", (15, 32), fault=K.OVERRIDES_UNDONE),
    Routine("night", "HOME-3", "17:50", "18:50", (14, 26), states=True, fault=K.SLEEPER),
    Routine("day-1", "LOOTS/1", "12:20", "12:50", (6, 11)),
    Routine("day-2", "LOOTS/2", "12:30", "13:10", (12, 20), states=True),
    Routine("day-3", "LOOTS/3", "12:15", "12:40", (8, 14), fault=K.DROPS_CONNECTION),
    Routine("day-4", "LOOTS/4", "12:40", "13:20", (6, 12)),
    Routine("day-5", "LOOTS/5", "13:00", "13:40", (10, 18), states=True),
    Routine("night-1", "LOOTS/1", "17:40", "18:30", (18, 36), states=True, fault=K.OVERRIDES),
    Routine("night-2", "LOOTS/2", "18:00", "19:00", (14, 30), fault=K.DROPS_CONNECTION),
    Routine("night-3", "LOOTS/3", "18:10", "19:00", (10, 20)),
    Routine("night-4", "LOOTS/4", "17:50", "18:30", (9, 18), fault=K.REPLUGS),
    Routine("night-5", "LOOTS/5", "18:30", "19:40", (12, 24), states=True, fault=K.REBOOTS),
    Routine("evening-early", "LOOTS/6", "17:45", "18:20", (15, 25), states=True, fault=K.LEAVES_EARLY),
    Routine("evening-late", "LOOTS/6", "21:10", "22:00", (8, 18), whim=Whim(0.15, 5.0, 8.0)),
    Routine("morning", "LOOTS/1", "09:40", "10:00", (4, 7), states=True),
    *(
        Routine(
            f"van-{number}",
            f"DEPOT-{number:02d}",
            "16:00",
            "17:50",
            (10, 20),
            states=number <= 8,
            fault=K.SENDS_TWICE if number == 3 else None,
        )
        for number in range(1, 13)
    ),
    Routine("parking-night", "ZEEBURG-1", "17:10", "18:20", (22, 38), states=True),
    Routine("parking-day", "ZEEBURG-2", "12:20", "13:10", (18, 30), states=True),
    Routine("on-call", "HOME-4", "17:20", "18:30", (20, 34), whim=Whim(0.2, 4.0, 9.5), within_s=2_400),
)


def plan(stand: Stand) -> tuple[Visit, ...]:
    """All visits of the span, by time of plug-in. A stay under way at the start plugs in within its first minutes."""
    first = _noon_day(stand.start, stand.zone)
    days = (stand.end - stand.start).days + 2
    found = [
        visit
        for day in range(days)
        for number, routine in enumerate(ROUTINES)
        for visit in _visits(stand, routine, first + timedelta(days=day), number if day == 0 else None)
    ]
    inside = [visit for visit in found if visit.plug_at < stand.end - timedelta(minutes=20)]
    return tuple(sorted(inside, key=lambda visit: (visit.plug_at, visit.station)))


def past(stand: Stand) -> tuple[Stay, ...]:
    """Stays of the four weeks before the span, without faults."""
    first = _noon_day(stand.start, stand.zone)
    out = []
    for back in range(HISTORY_DAYS, 0, -1):
        for routine in ROUTINES:
            rng = Random(f"{stand.seed}/past/{first - timedelta(days=back)}/{routine.key}")
            if routine.fault is FaultKind.LEAVES_EARLY or rng.random() < 0.15:
                continue
            visit = _usual(stand, routine, first - timedelta(days=back), rng)
            energy_wh = min(visit.need_wh, _most_wh(stand, visit))
            worth = None if stand.players[routine.key].tells else rng.randrange(*PAST_WORTH_MINOR)
            out.append(Stay(visit.person_id, visit.station, visit.plug_at, visit.unplug_at, energy_wh, worth))
    return tuple(out)


def _most_wh(stand: Stand, visit: Visit) -> int:
    """What a car can take in its whole stay, at most."""
    station = stand.stations[visit.station]
    car = next(one.car for one in stand.players.values() if one.id == visit.person_id)
    assert car is not None
    power_w = min(station.max_ma, car.max_ma) * VOLTS * min(car.phases, station.phases) // 1000
    return int(power_w * (visit.unplug_at - visit.plug_at).total_seconds()) // 3600


def _visits(stand: Stand, routine: Routine, day: date, settling: int | None) -> list[Visit]:
    rng = Random(f"{stand.seed}/{day}/{routine.key}")
    visit = _usual(stand, routine, day, rng)
    faulty = settling is not None or rng.random() < LATER_FAULT_CHANCE
    if visit.unplug_at < stand.start + timedelta(minutes=30):
        return []
    if visit.plug_at < stand.start:
        visit = msgspec.structs.replace(visit, plug_at=stand.start + timedelta(seconds=30 + 15 * (settling or 0)))
    return _with_fault(visit, routine.fault, stand.zone, rng) if routine.fault and faulty else [visit]


def _usual(stand: Stand, routine: Routine, day: date, rng: Random) -> Visit:
    person, station = stand.players[routine.key], stand.stations[routine.station]
    assert person.car is not None
    earliest, latest = (_local(day, clock, stand.zone) for clock in (routine.earliest, routine.latest))
    plug_at = earliest + timedelta(seconds=rng.randrange(int((latest - earliest).total_seconds())))
    leaves = _leaves(person, plug_at, stand.zone)
    if routine.states:
        unplug_at = leaves + timedelta(seconds=rng.randrange(60, 600))
    else:
        unplug_at = leaves + timedelta(seconds=rng.randrange(-routine.within_s, routine.within_s))
    soc = _soc(person.car, _energy_wh(stand, station, person.car, (routine, plug_at, leaves, rng)))
    need = need_wh(person.car, soc)
    if routine.whim is not None and rng.random() < routine.whim.share:
        unplug_at = plug_at + timedelta(hours=rng.uniform(routine.whim.least_h, routine.whim.most_h))
    return Visit(
        id=derive("town-visit", stand.seed, day, routine.key),
        person_id=person.id,
        station=station.identity,
        plug_at=plug_at,
        unplug_at=unplug_at,
        soc_permille=soc,
        need_wh=need,
        ready_by=leaves if routine.states else None,
        energy_wh=need if routine.states and not person.car.reports_soc else None,
    )


def _energy_wh(
    stand: Stand, station: StationSpec, car: CarSpec, usual: tuple[Routine, datetime, datetime, Random]
) -> int:
    """What the driver wants, bounded by what station, car and the fair share of a feeder can give."""
    routine, plug_at, leaves, rng = usual
    wanted = rng.randrange(routine.kwh[0] * 1000, routine.kwh[1] * 1000)
    current = min(station.max_ma, car.max_ma)
    feeder = stand.places[station.location_id].feeder_ma
    if feeder is not None:
        behind = sum(other.location_id == station.location_id for other in stand.stations.values())
        current = min(current, feeder[0] // behind)
    power = current * VOLTS * min(car.phases, station.phases) / 1000
    return min(wanted, int(power * (leaves - plug_at).total_seconds() / 3600 * SURE_SHARE))


def _soc(car: CarSpec, energy_wh: int) -> int:
    """State of charge at arrival, per mille, from which about this AC energy leads to the car's limit."""
    return max(50, car.limit_pct * 10 - energy_wh * 900 // car.capacity_wh)


def _leaves(person: Person, plug_at: datetime, zone: ZoneInfo) -> datetime:
    """The next time that the person's habit says they leave, at least 45 minutes after plug-in."""
    local = plug_at.astimezone(zone)
    for ahead in range(3):
        day = local.date() + timedelta(days=ahead)
        clock = person.habits[day.weekday()].leaves_at
        assert clock is not None
        moment = _local(day, clock, zone)
        if moment > plug_at + timedelta(minutes=45):
            return moment
    raise AssertionError(person.name)


def _with_fault(visit: Visit, kind: FaultKind, zone: ZoneInfo, rng: Random) -> list[Visit]:
    def minutes(low: int, high: int) -> timedelta:
        return timedelta(seconds=rng.randrange(low * 60, high * 60))

    if kind is FaultKind.LEAVES_EARLY:
        early = min(visit.plug_at + minutes(95, 125), visit.unplug_at)
        return [msgspec.structs.replace(visit, unplug_at=early, faults=(Fault(kind),))]
    if kind is FaultKind.REPLUGS:
        return _replug(visit, minutes)
    fault = _timed(visit, kind, zone, minutes)
    if fault.at is not None and fault.at <= visit.plug_at:
        return [visit]  # a town that starts in the middle of the night: the fault's hour is over
    return [msgspec.structs.replace(visit, faults=(fault,))]


def _timed(visit: Visit, kind: FaultKind, zone: ZoneInfo, minutes: Minutes) -> Fault:
    def night(clock: str) -> datetime:
        return _local(visit.unplug_at.astimezone(zone).date(), clock, zone) + minutes(0, 10)

    match kind:
        case FaultKind.OVERRIDES:
            return Fault(kind, at=visit.plug_at + minutes(40, 60))
        case FaultKind.OVERRIDES_UNDONE:
            pressed = visit.plug_at + minutes(60, 80)
            return Fault(kind, at=pressed, until=pressed + minutes(18, 25))
        case FaultKind.DROPS_CONNECTION:
            # By night in the middle of the valley; by day so that the unplug falls into the silence.
            overnight = visit.unplug_at - visit.plug_at > timedelta(hours=8)
            lost = night("02:20") if overnight else visit.unplug_at - minutes(18, 22)
            return Fault(kind, at=lost, until=lost + minutes(38, 42))
        case FaultKind.REBOOTS:
            lost = night("01:30")
            return Fault(kind, at=lost, power_at=lost + minutes(4, 6), until=lost + minutes(26, 30))
        case _:
            return Fault(kind)


def _replug(visit: Visit, minutes: Minutes) -> list[Visit]:
    out_at = visit.plug_at + minutes(25, 35)
    back_at = out_at + minutes(2, 4)
    if back_at > visit.unplug_at - timedelta(minutes=30):
        return [visit]
    replace = msgspec.structs.replace
    return [
        replace(visit, unplug_at=out_at),
        replace(
            visit,
            id=derive("town-visit", visit.id, "again"),
            plug_at=back_at,
            continues=True,
            faults=(Fault(FaultKind.REPLUGS),),
        ),
    ]


def _noon_day(moment: datetime, zone: ZoneInfo) -> date:
    """The local date whose noon-to-noon day holds the moment."""
    return (moment.astimezone(zone) - timedelta(hours=12)).date()


def _local(day: date, clock: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)
