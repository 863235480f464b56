"""What a town must remember to go on later: registers, default profiles, and the cars that are plugged in.

Coming back is a power cycle to the stations: they boot, transactions go on, transaction profiles are lost.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from server.simulator.car import Car
from server.simulator.faults import FaultKind
from server.simulator.people import Person
from server.simulator.profiles import Profile, Transaction
from server.simulator.report import StayRecord
from server.simulator.station import Station
from server.simulator.visits import Visit


class Kept(msgspec.Struct, frozen=True):
    """A car that is plugged in. `visit_id` None: someone who came by the app."""

    station: str
    person_id: UUID
    visit_id: UUID | None
    soc_permille: int
    drawn_uj: int
    token: str | None
    transaction: Transaction | None
    finished: bool


class Memory(msgspec.Struct, frozen=True):
    """A town at a moment (microseconds since the epoch), as a value that can be written down as JSON.

    `left_with`: state of charge per mille of cars that have left, by car.
    """

    now_us: int
    registers_uj: dict[str, int]
    defaults: dict[str, tuple[Profile, ...]]
    stays: tuple[Kept, ...]
    left_with: dict[UUID, int]


def remember(
    now_us: int, stations: Sequence[Station], present: dict[int, StayRecord], left_with: dict[UUID, int]
) -> Memory:
    """The town as it stands; `present` is who is plugged in, by the station's number."""
    return Memory(
        now_us=now_us,
        registers_uj={station.spec.identity: station.meter.register_uj for station in stations},
        defaults={station.spec.identity: station.profiles.defaults() for station in stations},
        stays=tuple(_kept(stations[number], stay) for number, stay in sorted(present.items())),
        left_with=dict(left_with),
    )


def _kept(station: Station, stay: StayRecord) -> Kept:
    assert stay.person_id is not None
    return Kept(
        station=station.spec.identity,
        person_id=stay.person_id,
        visit_id=stay.visit.id if stay.visit else None,
        soc_permille=stay.car.plugged_permille,
        drawn_uj=stay.car.drawn_uj,
        token=station.token,
        transaction=station.running,
        finished=station.finished,
    )


def recall_station(memory: Memory, station: Station) -> None:
    """Give a station its register and its default profiles back."""
    identity = station.spec.identity
    station.meter.register_uj = memory.registers_uj.get(identity, station.meter.register_uj)
    station.profiles.restore(memory.defaults.get(identity, ()))


def recall_stay(kept: Kept, station: Station, person: Person, visit: Visit | None) -> StayRecord:
    """Plug a car in again as it was, and let its transaction go on."""
    assert person.car is not None
    sleepy = visit is not None and any(fault.kind is FaultKind.SLEEPER for fault in visit.faults)
    car = Car(person.car, kept.soc_permille, station.now_us(), sleepy=sleepy)
    car.resume(kept.drawn_uj)
    stay = StayRecord(visit, person.id, station, car)
    answered = kept.transaction is not None and kept.transaction.id is not None
    station.resume(car, kept.token, kept.transaction if answered else None, finished=kept.finished)
    return stay
