"""Runs the town: cars come and go, faults happen, meters count, and every station talks OCPP over its own socket."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from uuid import UUID

import msgspec

from server.simulator.car import Car, micros
from server.simulator.faults import Fault, FaultKind
from server.simulator.log import MessageLog
from server.simulator.loop import RETRY_US, Loop
from server.simulator.memory import Memory, recall_station, recall_stay, remember
from server.simulator.pace import Clock, Live, StepClock, Stepped
from server.simulator.people import Person
from server.simulator.report import Report, StayRecord
from server.simulator.station import SECOND_US
from server.simulator.town import Town
from server.simulator.visits import Visit

STATES_AFTER_US = 20 * SECOND_US
GUEST_AFTER_US = 5 * SECOND_US
GUEST_STAYS_US = 4 * 3600 * SECOND_US
GUEST_NEEDS_PERMILLE = 300
KEEP_WALL_S = 5.0

Action = Callable[[], Coroutine[None, None, None]]


class Ends(msgspec.Struct, frozen=True):
    """Where the server is: `ws_url` as in ws://127.0.0.1:9000/ocpp, `api_url` without path (None: drivers do nothing).

    `log` takes every frame. `memory` is what an earlier run left, to go on from there.
    """

    ws_url: str
    api_url: str | None = None
    log: MessageLog | None = None
    memory: Memory | None = None


class Runner(Loop):
    """A town that runs. `connect`, then `run` as often as wanted (also to a moment in between), then `close`."""

    def __init__(self, town: Town, pace: Stepped | Live, ends: Ends) -> None:
        super().__init__(town, pace, (ends.ws_url, ends.api_url), ends.log or MessageLog())
        self.stays: list[StayRecord] = []
        self.refused: list[UUID] = []
        self._people = {person.id: person for person in town.people}
        self._numbers = {station.spec.identity: number for number, station in enumerate(self.stations)}
        self._present: dict[int, StayRecord] = {}
        self._left_with: dict[UUID, int] = {}
        for number, station in enumerate(self.stations):
            station.guest = partial(self._guest, number)
        for visit in town.visits:
            self._plan(visit)
        if ends.memory:
            self._recall(ends.memory)

    def report(self) -> Report:
        """The account so far."""
        return Report(
            sessions=tuple(session for stay in self.stays for session in stay.sessions()),
            violations=tuple(self.watch.violations()),
            trouble=tuple(trouble for link in self.links for trouble in link.trouble),
            refusals=tuple(self.drivers.refusals),
            refused_visits=tuple(self.refused),
            frames=self.log.frames,
        )

    def memory(self) -> Memory:
        """What a later run needs to go on from here."""
        return remember(self.moment_us(), self.stations, self._present, self._left_with)

    def _recall(self, memory: Memory) -> None:
        """Take up what was going on; what was planned for before is over."""
        self.now_us = memory.now_us
        self.agenda.forget_before(memory.now_us)
        self._left_with = dict(memory.left_with)
        visits = {visit.id: visit for visit in self.town.visits}
        for station in self.stations:
            recall_station(memory, station)
        for kept in memory.stays:
            visit = visits.get(kept.visit_id) if kept.visit_id else None
            number = self._numbers[kept.station]
            stay = recall_stay(kept, self.stations[number], self._people[kept.person_id], visit)
            self._present[number] = stay
            self.stays.append(stay)
            if visit is None:
                self.agenda.at(memory.now_us + GUEST_STAYS_US, number, partial(self._unplug, number, None))

    # --- what will happen ----------------------------------------------------
    def _plan(self, visit: Visit) -> None:
        number, person = self._numbers[visit.station], self._people[visit.person_id]
        spec = self.stations[number].spec
        self.agenda.at(visit.plug_at, number, partial(self._plug, number, visit, person))
        self.agenda.at(visit.unplug_at, number, partial(self._unplug, number, visit))
        if visit.ready_by is not None:
            state: Action = partial(self.drivers.state, person, visit, spec)
            states_us = micros(visit.plug_at) + STATES_AFTER_US
            self.agenda.at(states_us, number, partial(self._drive, number, visit, state))
            self.agenda.at(visit.ready_by, number, partial(self._departure, number, visit))
        for fault in visit.faults:
            self._plan_fault(number, visit, fault)

    def _plan_fault(self, number: int, visit: Visit, fault: Fault) -> None:
        person, spec = self._people[visit.person_id], self.stations[number].spec
        if fault.at is None:
            return
        if fault.kind in {FaultKind.OVERRIDES, FaultKind.OVERRIDES_UNDONE}:
            override, undo = (partial(act, person, spec) for act in (self.drivers.override, self.drivers.undo))
            self.agenda.at(fault.at, number, partial(self._drive, number, visit, override))
            if fault.until is not None:
                self.agenda.at(fault.until, number, partial(self._drive, number, visit, undo))
            return
        assert fault.until is not None
        self.agenda.at(fault.at, number, partial(self._lose, number))
        self.agenda.at(fault.until, number, partial(self._regain, number))
        if fault.power_at is not None:
            self.agenda.at(fault.power_at, number, partial(self._fail_power, number))

    async def _plug(self, number: int, visit: Visit, person: Person) -> None:
        station, spec = self.stations[number], person.car
        assert spec is not None
        elsewhere = any(stay.car.spec.id == spec.id for stay in self._present.values())
        if station.car is not None or elsewhere:
            self.refused.append(visit.id)  # someone who was not planned for got there first
            return
        soc = self._left_with.get(spec.id, visit.soc_permille) if visit.continues else visit.soc_permille
        kinds = {fault.kind for fault in visit.faults}
        station.twice = FaultKind.SENDS_TWICE in kinds
        self._arrive(number, person, visit, Car(spec, soc, self.now_us, sleepy=FaultKind.SLEEPER in kinds))

    def _arrive(self, number: int, person: Person, visit: Visit | None, car: Car) -> None:
        assert person.token_uid is not None
        stay = StayRecord(visit, person.id, self.stations[number], car)
        self._present[number] = stay
        self.stays.append(stay)
        self.stations[number].plug(car, person.token_uid, self.now_us)

    async def _unplug(self, number: int, visit: Visit | None) -> None:
        stay = self._present.get(number)
        if stay is None or stay.visit is not visit:
            return
        self._left_with[stay.car.spec.id] = stay.car.soc_permille
        self.stations[number].unplug(self.now_us)
        stay.leave()
        if visit is not None and not stay.transactions:
            self.refused.append(visit.id)
        del self._present[number]

    async def _departure(self, number: int, visit: Visit) -> None:
        stay = self._present.get(number)
        if stay is not None and stay.visit is visit:
            stay.note_departure()

    async def _drive(self, number: int, visit: Visit, action: Action) -> None:
        stay = self._present.get(number)
        if stay is None or stay.visit is not visit:
            return
        if self.pace.live:
            self.spawn(action())
        else:
            await action()
            await self.pace.settle()

    async def _lose(self, number: int) -> None:
        self.links[number].held_down = True
        await self.links[number].drop()
        await self.pace.settle()

    async def _fail_power(self, number: int) -> None:
        self.stations[number].power_cycle(self.now_us)

    async def _regain(self, number: int) -> None:
        self.links[number].held_down = False
        await self.reconnect(number)

    # --- someone who was not planned for -------------------------------------
    def _guest(self, number: int, token: str) -> bool:
        """A person in the app starts at a free station: their car comes, unless it stands somewhere else."""
        person = next((person for person in self.town.people if person.token_uid == token), None)
        if person is None or person.car is None:
            return False
        spec = person.car
        if any(stay.car.spec.id == spec.id for stay in self._present.values()):
            return False
        plug_us = self.now_us + GUEST_AFTER_US
        taken = [micros(v.plug_at) for v in self.town.visits if v.station == self.stations[number].spec.identity]
        leave_us = min([plug_us + GUEST_STAYS_US, *(at - RETRY_US for at in taken if at > plug_us + RETRY_US)])
        self.agenda.at(plug_us, number, partial(self._plug_guest, number, person))
        self.agenda.at(leave_us, number, partial(self._unplug, number, None))
        return True

    async def _plug_guest(self, number: int, person: Person) -> None:
        spec = person.car
        assert spec is not None
        if self.stations[number].car is None:
            soc = max(50, spec.limit_pct * 10 - GUEST_NEEDS_PERMILLE)
            self._arrive(number, person, None, Car(spec, soc, self.now_us))

    def look(self) -> None:
        """Who came by the app and has stopped drives off, before the next planned visitor comes."""
        for number, stay in self._present.items():
            if stay.visit is None and self.stations[number].finished and not stay.leaving:
                stay.leaving = True
                self.agenda.at(self.now_us + RETRY_US, number, partial(self._unplug, number, None))


async def run_stepped(town: Town, clock: StepClock, settle: Callable[[], Awaitable[None]], ends: Ends) -> Report:
    """Run the whole town on a clock that only this moves. The same town and server give the same frames.

    Events go in order of time, then station. After each message that was answered, each driver's action and before
    each step of the clock `settle` is awaited: it returns when the server is idle.
    """
    return await _run(Runner(town, Stepped(clock, settle), ends))


async def run_live(town: Town, clock: Clock, ends: Ends, keep: Callable[[Memory], None] | None = None) -> Report:
    """Run the town on a clock that runs by itself, until the town's end or until cancelled.

    `keep` gets the town's memory every few seconds and at the end, also when cancelled: hand it back in `Ends` with the
    same town (or a longer one of the same seed and start) to go on.
    """
    runner = Runner(town, Live(clock), ends)
    keeping = asyncio.create_task(_keep_on(runner, keep)) if keep else None
    try:
        return await _run(runner)
    finally:
        if keep and keeping:
            keeping.cancel()
            keep(runner.memory())


async def _keep_on(runner: Runner, keep: Callable[[Memory], None]) -> None:
    """A process that is killed keeps nothing at its end."""
    while True:
        await asyncio.sleep(KEEP_WALL_S)
        keep(runner.memory())


async def _run(runner: Runner) -> Report:
    try:
        await runner.connect()
        await runner.run(runner.town.end)
        return runner.report()
    finally:
        await runner.close()
