"""Runs the town: cars come and go, faults happen, meters count, and every station talks OCPP over its own socket.

One loop serves both ways of running: it goes from event to event (a plug, a reading that is due, a profile's next
period, a car that is full), lets what flows flow in between, and lets every station look again.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec

from server.simulator.car import FAR_US, Car, micros, need_wh
from server.simulator.driver import Drivers
from server.simulator.faults import Fault, FaultKind
from server.simulator.limits import Watch
from server.simulator.link import Link
from server.simulator.log import MessageLog
from server.simulator.pace import Clock, Live, StepClock, Stepped
from server.simulator.people import Person
from server.simulator.report import Report, StayRecord
from server.simulator.station import SECOND_US, Station
from server.simulator.town import Town
from server.simulator.visits import Visit

STRIDE_US = 900 * SECOND_US
"""Time never jumps further than this, so that the server's own timers are not skipped over."""
RETRY_US = 60 * SECOND_US
RETRY_WALL_S = 5
STATES_AFTER_US = 20 * SECOND_US
GUEST_AFTER_US = 5 * SECOND_US
GUEST_STAYS_US = 4 * 3600 * SECOND_US
GUEST_NEEDS_PERMILLE = 300
ROUNDS = 200
"""Stations and server answer each other within an instant; more rounds than this is a quarrel that never ends."""

Act = Callable[[], Awaitable[None]]


class Ends(msgspec.Struct, frozen=True):
    """Where the server is: `ws_url` as in ws://127.0.0.1:9000/ocpp, `api_url` without path (None: drivers do nothing).

    `log` takes every frame.
    """

    ws_url: str
    api_url: str | None = None
    log: MessageLog | None = None


class Runner:
    """A town that runs. `connect`, then `run` as often as wanted (also to a moment in between), then `close`."""

    def __init__(self, town: Town, pace: Stepped | Live, ends: Ends) -> None:
        self.town = town
        self.now_us = micros(town.start)
        self.stays: list[StayRecord] = []
        self.refused: list[UUID] = []
        self._pace = pace
        self._log = ends.log or MessageLog()
        self.stations = [Station(spec, self.moment_us, pace.wake) for spec in town.stations]
        self.links = [Link(station, number, ends.ws_url, self._log) for number, station in enumerate(self.stations)]
        self.drivers = Drivers(ends.api_url)
        self.watch = Watch(town, tolerant=pace.live)
        self._people = {person.id: person for person in town.people}
        self._numbers = {station.spec.identity: number for number, station in enumerate(self.stations)}
        self._present: dict[int, StayRecord] = {}
        self._left_with: dict[UUID, int] = {}
        self._retry_us: dict[int, int] = {}
        self._heap: list[tuple[int, int, int, Act]] = []
        self._sequence = 0
        self._background: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []
        for number, station in enumerate(self.stations):
            station.guest = self._guest_of(number)
        for visit in town.visits:
            self._plan(visit)

    # --- running -------------------------------------------------------------
    async def connect(self) -> None:
        """Let every station connect and boot, one after the other."""
        for number in range(len(self.links)):
            await self._connect(number)

    async def run(self, until: datetime) -> None:
        """Let the town live until then."""
        end_us = micros(until)
        await self._react()
        while self.now_us < end_us:
            await self._pace.reach(min(self._next_us(), self.now_us + STRIDE_US, end_us))
            if self._failed:
                raise self._failed[0]
            await self._catch_up(min(self._pace.now_us(), end_us))

    async def power_cycle(self, number: int) -> None:
        """The power of one station fails: its socket breaks, its transaction profiles are lost."""
        await self.links[number].drop()
        self.stations[number].power_cycle(self.moment_us())
        self._retry_us[number] = self.moment_us() + RETRY_US
        await self._react()

    def report(self) -> Report:
        """The account so far."""
        return Report(
            sessions=tuple(session for stay in self.stays for session in stay.sessions()),
            violations=tuple(self.watch.violations()),
            trouble=tuple(trouble for link in self.links for trouble in link.trouble),
            refusals=tuple(self.drivers.refusals),
            refused_visits=tuple(self.refused),
            frames=self._log.frames,
        )

    async def close(self) -> None:
        """Close all sockets; nothing more happens."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        for link in self.links:
            await link.close()
        await self.drivers.close()
        self._log.flush()

    def moment_us(self) -> int:
        """The present. Live: lets flow what flowed since the last look, but never past an event not yet dealt with."""
        if self._pace.live:
            self._flow_to(min(self._pace.now_us(), self._next_us()))
        return self.now_us

    # --- the loop ------------------------------------------------------------
    def _next_us(self) -> int:
        out = min((station.next_us(self.now_us) for station in self.stations), default=FAR_US)
        out = min(out, self.watch.next_us(self.now_us), *self._retry_us.values(), FAR_US)
        return max(self.now_us, min(out, self._heap[0][0] if self._heap else FAR_US))

    def _flow_to(self, to_us: int) -> None:
        if to_us > self.now_us:
            self.watch.observe(self.stations, self.now_us, to_us, self._pace.speed)
            for station in self.stations:
                station.advance(to_us - self.now_us)
            self.now_us = to_us

    async def _catch_up(self, to_us: int) -> None:
        """Go through all that is due until `to_us`, each at its own time."""
        stuck = 0
        while True:
            before = self.now_us
            self._flow_to(min(to_us, self._next_us()))
            stuck = 0 if self.now_us > before else stuck + 1
            assert stuck < ROUNDS, "time stands still"
            await self._pace.settle()
            await self._react()
            if await self._due():
                continue
            if self.now_us >= to_us or self._next_us() > to_us:
                self._flow_to(to_us)
                break
        self._log.flush()

    async def _due(self) -> bool:
        """Deal with the first thing that is due now, if there is one."""
        for number, at in sorted(self._retry_us.items()):
            if at <= self.now_us:
                await self._connect(number)
                return True
        if self._heap and self._heap[0][0] <= self.now_us:
            await heapq.heappop(self._heap)[3]()
            await self._react()
            return True
        return False

    async def _react(self) -> None:
        """Every station looks again and says what it has to, until nobody has anything left to say."""
        for _ in range(ROUNDS):
            self._send_guests_home()
            for number, station in enumerate(self.stations):
                station.tick(self.now_us)
                if not station.online and not self.links[number].held_down and number not in self._retry_us:
                    self._retry_us[number] = self.now_us + self._patience_us()
                if station.reset_wanted:
                    await self._reset(number)
            if not await self._say():
                return
        raise AssertionError("stations and server never come to rest")

    async def _say(self) -> bool:
        busy = False
        for link in self.links:
            if link.station.sayable and not link.busy:
                if self._pace.live:
                    self._spawn(link.flush())
                else:
                    await link.flush()
                    await self._pace.settle()
                    busy = True
        return busy

    def _patience_us(self) -> int:
        return max(RETRY_US, RETRY_WALL_S * SECOND_US * self._pace.speed)

    async def _connect(self, number: int) -> None:
        self._retry_us.pop(number, None)
        if (
            not self.links[number].held_down
            and not self.stations[number].online
            and not await self.links[number].open()
        ):
            self._retry_us[number] = self.now_us + self._patience_us()
        await self._react()

    async def _reset(self, number: int) -> None:
        station = self.stations[number]
        kind, station.reset_wanted = station.reset_wanted, None
        station.stop("HardReset" if kind == "Hard" else "SoftReset")
        if not self._pace.live:
            await self.links[number].flush()
        await self.links[number].close()
        station.power_cycle(self.now_us)
        self._retry_us[number] = self.now_us + RETRY_US

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed.append(error)
            self._pace.wake()

    # --- what will happen ----------------------------------------------------
    def _at(self, moment: datetime | int, number: int, act: Act) -> None:
        us = moment if isinstance(moment, int) else micros(moment)
        self._sequence += 1
        heapq.heappush(self._heap, (us, number, self._sequence, act))

    def _plan(self, visit: Visit) -> None:
        number, person = self._numbers[visit.station], self._people[visit.person_id]
        spec = self.stations[number].spec
        self._at(visit.plug_at, number, lambda: self._plug(number, visit, person))
        self._at(visit.unplug_at, number, lambda: self._unplug(number, visit))
        if visit.ready_by is not None:
            states_us = micros(visit.plug_at) + STATES_AFTER_US
            self._at(states_us, number, lambda: self._drive(number, visit, self.drivers.state(person, visit, spec)))
            self._at(visit.ready_by, number, lambda: self._departure(number, visit))
        for fault in visit.faults:
            self._plan_fault(number, visit, fault)

    def _plan_fault(self, number: int, visit: Visit, fault: Fault) -> None:
        person, spec = self._people[visit.person_id], self.stations[number].spec
        if fault.at is None:
            return
        if fault.kind in {FaultKind.OVERRIDES, FaultKind.OVERRIDES_UNDONE}:
            self._at(fault.at, number, lambda: self._drive(number, visit, self.drivers.override(person, spec)))
            if fault.until is not None:
                self._at(fault.until, number, lambda: self._drive(number, visit, self.drivers.undo(person, spec)))
            return
        assert fault.until is not None
        self._at(fault.at, number, lambda: self._lose(number))
        self._at(fault.until, number, lambda: self._regain(number))
        if fault.power_at is not None:
            self._at(fault.power_at, number, lambda: self._fail_power(number))

    async def _plug(self, number: int, visit: Visit, person: Person) -> None:
        station, spec = self.stations[number], person.car
        assert spec is not None
        assert person.token_uid is not None
        elsewhere = any(stay.car.spec.id == spec.id for stay in self._present.values())
        if station.car is not None or elsewhere:
            self.refused.append(visit.id)  # someone who was not planned for got there first
            return
        soc = self._left_with.get(spec.id, visit.soc_permille) if visit.continues else visit.soc_permille
        kinds = {fault.kind for fault in visit.faults}
        car = Car(spec, soc, self.now_us, sleepy=FaultKind.SLEEPER in kinds)
        stay = StayRecord(visit, person.id, station, car)
        stay.need_wh = need_wh(spec, soc)
        self._present[number] = stay
        self.stays.append(stay)
        station.twice = FaultKind.SENDS_TWICE in kinds
        station.plug(car, person.token_uid, self.now_us)

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

    async def _drive(self, number: int, visit: Visit, action: Coroutine[None, None, None]) -> None:
        stay = self._present.get(number)
        if stay is None or stay.visit is not visit:
            action.close()
        elif self._pace.live:
            self._spawn(action)
        else:
            await action
            await self._pace.settle()

    async def _lose(self, number: int) -> None:
        self.links[number].held_down = True
        await self.links[number].drop()
        await self._pace.settle()

    async def _fail_power(self, number: int) -> None:
        self.stations[number].power_cycle(self.now_us)

    async def _regain(self, number: int) -> None:
        self.links[number].held_down = False
        await self._connect(number)

    # --- someone who was not planned for -------------------------------------
    def _guest_of(self, number: int) -> Callable[[str], bool]:
        return lambda token: self._guest(number, token)

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
        self._at(plug_us, number, lambda: self._plug_guest(number, person, token))
        self._at(leave_us, number, lambda: self._unplug(number, None))
        return True

    async def _plug_guest(self, number: int, person: Person, token: str) -> None:
        spec = person.car
        assert spec is not None
        if self.stations[number].car is None:
            soc = max(50, spec.limit_pct * 10 - GUEST_NEEDS_PERMILLE)
            stay = StayRecord(None, person.id, self.stations[number], Car(spec, soc, self.now_us))
            stay.need_wh = need_wh(spec, soc)
            self._present[number] = stay
            self.stays.append(stay)
            self.stations[number].plug(stay.car, token, self.now_us)

    def _send_guests_home(self) -> None:
        """Who came by the app and has stopped drives off, before the next planned visitor comes."""
        for number, stay in self._present.items():
            if stay.visit is None and self.stations[number].finished and not stay.leaving:
                stay.leaving = True
                self._at(self.now_us + RETRY_US, number, partial(self._unplug, number, None))


async def run_stepped(town: Town, clock: StepClock, settle: Callable[[], Awaitable[None]], ends: Ends) -> Report:
    """Run the whole town on a clock that only this moves. The same town and server give the same frames.

    Events go in order of time, then station. After each message that was answered, each driver's action and before
    each step of the clock `settle` is awaited: it returns when the server is idle.
    """
    return await _run(Runner(town, Stepped(clock, settle), ends))


async def run_live(town: Town, clock: Clock, ends: Ends) -> Report:
    """Run the town on a clock that runs by itself, until the town's end or until cancelled."""
    return await _run(Runner(town, Live(clock), ends))


async def _run(runner: Runner) -> Report:
    try:
        await runner.connect()
        await runner.run(runner.town.end)
        return runner.report()
    finally:
        await runner.close()
