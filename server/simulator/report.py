"""What happened in the town, by its own meters: the account that the server's figures are held against."""

from uuid import UUID

import msgspec

from server.simulator.car import Car, micros, need_wh
from server.simulator.driver import ApiRefusal
from server.simulator.faults import MISSES_DEPARTURE
from server.simulator.limits import Violation
from server.simulator.link import Trouble
from server.simulator.profiles import Transaction, stamp
from server.simulator.station import Station
from server.simulator.visits import Visit

SHORT_WH = 1_000
"""A car is short when more than 1 kWh is missing at departure (as the replay counts it)."""


class SessionReport(msgspec.Struct, frozen=True):
    """A session as the meter saw it; together `station_id` and `transaction_id` find it on the server.

    `need_wh`: AC energy to the car's limit at plug-in. `departure`: the stated one, None where none was stated;
    `at_departure_wh`: delivered by then (or by unplug, if that came first). `met`: no more than 1 kWh was missing.
    `explained_by`: the injected fault that explains a miss.
    """

    station: str
    station_id: UUID
    transaction_id: int | None
    visit_id: UUID | None
    person_id: UUID | None
    started_at: str
    ended_at: str | None
    energy_wh: int
    need_wh: int
    departure: str | None
    at_departure_wh: int
    met: bool
    faults: tuple[str, ...]
    explained_by: str | None


class Report(msgspec.Struct, frozen=True):
    """The whole run. `refused_visits`: stays where the server accepted no card, or the place was taken."""

    sessions: tuple[SessionReport, ...]
    violations: tuple[Violation, ...]
    trouble: tuple[Trouble, ...]
    refusals: tuple[ApiRefusal, ...]
    refused_visits: tuple[UUID, ...]
    frames: int

    @property
    def missed(self) -> tuple[SessionReport, ...]:
        """Sessions with a stated departure that was not met."""
        return tuple(session for session in self.sessions if session.departure is not None and not session.met)


class StayRecord:
    """One car's stay while it happens: the transactions of it, and what the meter read at the stated departure."""

    def __init__(self, visit: Visit | None, person_id: UUID | None, station: Station, car: Car) -> None:
        self.visit, self.person_id, self.station, self.car = visit, person_id, station, car
        self.need_wh = need_wh(car.spec, car.plugged_permille)
        self.leaving = False
        self.transactions: list[Transaction] = []
        self._first = len(station.started)
        self._at_departure_wh: int | None = None

    def note_departure(self) -> None:
        """The stated departure is now: read the meter, once."""
        if self._at_departure_wh is None:
            self._at_departure_wh = self.station.meter.register_wh

    def leave(self) -> None:
        """The car is gone: these were its transactions."""
        self.note_departure()
        self.transactions = self.station.started[self._first :]

    def sessions(self) -> list[SessionReport]:
        """A report for each transaction of the stay, those still running included."""
        running = self.transactions or self.station.started[self._first :]
        return [self._session(transaction) for transaction in running]

    def _session(self, transaction: Transaction) -> SessionReport:
        now_wh = self.station.meter.register_wh
        stop_wh = transaction.meter_stop_wh if transaction.meter_stop_wh is not None else now_wh
        read_wh = min(stop_wh, self._at_departure_wh if self._at_departure_wh is not None else now_wh)
        delivered = max(0, read_wh - transaction.meter_start_wh)
        met = delivered >= self.need_wh - SHORT_WH
        visit = self.visit
        faults = tuple(fault.kind.value for fault in visit.faults) if visit else ()
        causes = [fault.kind.value for fault in visit.faults if fault.kind in MISSES_DEPARTURE] if visit else []
        return SessionReport(
            station=self.station.spec.identity,
            station_id=self.station.spec.id,
            transaction_id=transaction.id,
            visit_id=visit.id if visit else None,
            person_id=self.person_id,
            started_at=stamp(transaction.started_us),
            ended_at=stamp(transaction.stopped_us) if transaction.stopped_us is not None else None,
            energy_wh=stop_wh - transaction.meter_start_wh,
            need_wh=self.need_wh,
            departure=stamp(micros(visit.ready_by)) if visit and visit.ready_by else None,
            at_departure_wh=delivered,
            met=met,
            faults=faults,
            explained_by=causes[0] if causes and not met else None,
        )
