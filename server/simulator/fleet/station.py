"""A station of a fleet: what it has to say, and when. How it says it is a version's: `station16`, `station201`.

What waits is in `queue`; while there is no line, messages of a transaction wait on and the rest is dropped.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

import msgspec

from server.simulator.car import FAR_US, MIN_PILOT_MA, Car
from server.simulator.fleet import samples
from server.simulator.fleet.chaos import Chaos
from server.simulator.fleet.evse import Evse, Running
from server.simulator.fleet.plan import PAUSE_BETWEEN_S, CarPlan, StationPlan, car
from server.simulator.fleet.saying import Deaf, Payload, Reading, Refused, Saying, World
from server.simulator.fleet.spoiled import spoil
from server.simulator.profiles import stamp
from shared.units import power_w

SECOND_US = 1_000_000
TRIES = 3
"""A message of a transaction that is refused is said so often."""
RETRY_BOOT_S = 10


class Station(ABC):
    """One station. `woken` is called when there is something to say, or something else may flow."""

    subprotocol: str

    def __init__(self, plan: StationPlan, world: World, chaos: Chaos | None) -> None:
        self.plan, self.world, self.chaos = plan, world, chaos
        self.evse = Evse(plan, world.now_us())
        self.queue: deque[Saying] = deque()
        self.ended: list[Running] = []
        self.online = self.accepted = False
        self.needs_boot = True
        self.operative = True
        self.reset_wanted = ""
        self.over = False
        self.token = ""
        self.remote_start_id: int | None = None
        self.woken: Callable[[], None] = lambda: None
        self._status = "Available"
        self._finishing = self._denied = False
        self.calls = self.answers = self.ids = 0  # so many so far, over all lines
        self._visits = self._messages = self._readings = 0
        self._plug_us = self._unplug_us = FAR_US
        self._reading_us = self._heartbeat_us = self._boot_us = FAR_US
        self._heartbeat_s = 0

    # --- what happens by itself ------------------------------------------------
    def has(self, quirk: str) -> bool:
        """Whether it has a quirk."""
        return quirk in self.plan.quirks

    def next_us(self) -> int:
        """When something of its own happens next."""
        now_us = self.world.now_us()
        held = min((saying.not_before_us for saying in self.queue if saying.not_before_us > now_us), default=FAR_US)
        out = min(self.evse.next_us(), self._plug_us, self._unplug_us, held)
        if self.evse.running:
            out = min(out, self._reading_us)
        return min(out, self._boot_us, self._heartbeat_us) if self.online else out

    def tick(self) -> None:
        """Look again: cars come and go, readings and heartbeats fall due."""
        now_us = self.world.now_us()
        self.evse.flow_to(now_us)
        if now_us >= self._unplug_us:
            self.unplug()
        elif now_us >= self._plug_us:
            self.plug(car(self.world.plan, self.plan.identity, self._visits))
        self._tell_status()
        if self.evse.running and now_us >= self._reading_us:
            self.read(samples.PERIODIC)
        if self.online and now_us >= self._boot_us:
            self.boot()
        if self.online and self.accepted and now_us >= self._heartbeat_us:
            self.beat()

    # --- people ----------------------------------------------------------------
    def plug(self, brought: CarPlan) -> None:
        """A car is plugged in and a card is shown."""
        now_us, fleet = self.world.now_us(), self.world.plan
        phases = min(brought.spec.phases, self.plan.phases)
        spec = msgspec.structs.replace(brought.spec, phases=phases, max_ac_w=power_w(brought.spec.max_ma, phases))
        asleep_us = int(fleet.sleeps_after_s * SECOND_US)
        self.evse.car = Car(spec, brought.soc_permille, now_us, sleepy=brought.sleepy, sleeps_after_us=asleep_us)
        self.token, self._finishing = "" if self.has("no_card") else fleet.card, False
        self._denied = False
        self._visits += 1
        self._plug_us = FAR_US
        self._unplug_us = now_us + int(fleet.stay_s * SECOND_US) if fleet.stay_s else FAR_US
        self._tell_status()
        self._show_card()

    def unplug(self) -> None:
        """The car leaves; with stays of a certain length another one comes."""
        self.end("EVDisconnected")
        self.evse.car, self._finishing, self._unplug_us = None, False, FAR_US
        if self.world.plan.stay_s and not self.over:
            self._plug_us = self.world.now_us() + int(PAUSE_BETWEEN_S * SECOND_US)
        self._tell_status()

    def leave(self) -> None:
        """It is over: whoever is here leaves, nobody comes any more."""
        self.over, self._plug_us = True, FAR_US
        if self.evse.car:
            self.unplug()

    def _show_card(self) -> None:
        if self.evse.car is None or self.evse.running or self._finishing or self._denied:
            return
        if self.online and self.accepted:
            if self.has("no_card"):
                self.begin(self.token)
            else:
                self.authorize(self.token)
        elif not self.online and self.starts_alone:
            self.begin(self.token)

    # --- a transaction ------------------------------------------------------------
    def begin(self, token: str) -> None:
        """Start a transaction for the car that is here."""
        now_us = self.world.now_us()
        self.evse.flow_to(now_us)
        if self.has("register_per_session"):
            self.evse.register_uj = 0
        running = Running(token, now_us, self.evse.register_wh)
        self.evse.running, self.evse.energised = running, not self.online
        self.evse.changed()
        self._finishing = False
        self._reading_us = now_us + self._interval_us()
        self.world.figures.started += 1
        self.say_start(running)

    def begun(self, running: Running, *, accepted: bool) -> None:
        """The server has heard of a transaction."""
        if self.evse.running is not running:
            return
        self.evse.flow_to(self.world.now_us())
        if accepted:
            self.evse.energised = True
            self.evse.changed()
        else:
            self.world.figures.denied += 1
            self.end("DeAuthorized")
        self.woken()

    def authorized(self, *, accepted: bool) -> None:
        """The server has judged the card."""
        if not accepted:
            self._denied = True
            self.world.figures.denied += 1
        elif self.evse.car and not self.evse.running and not self._finishing:
            self.begin(self.token)
        self.woken()

    def end(self, reason: str) -> None:
        """End the running transaction, if there is one."""
        running = self.evse.running
        if running is None:
            return
        now_us = self.world.now_us()
        self.evse.flow_to(now_us)
        running.stopped_us, running.meter_stop_wh = now_us, self.evse.register_wh
        self.say_stop(running, reason)
        self.evse.running, self.evse.energised, self._finishing = None, False, True
        self.evse.profiles.forget_transaction()
        self.evse.changed()
        self.ended.append(running)
        figures = self.world.figures
        figures.ended += 1
        figures.energy_wh += running.meter_stop_wh - running.meter_start_wh
        self._tell_status()

    def remote_start(self, token: str, remote_id: int | None = None) -> bool:
        """The server wants a transaction (in 2.0.1 under a number of its own): yes, if a car waits here."""
        if self.evse.running or self.evse.car is None or not self.operative:
            return False
        self.token, self.remote_start_id = token, remote_id
        self.begin(token)
        self.remote_start_id = None
        return True

    def options_changed(self, *, heartbeat: bool) -> None:
        """The server has set an option; from a `heartbeat` on, that counts before what the boot said."""
        if heartbeat:
            self._heartbeat_s = 0
        self.spoke()
        self.woken()

    def read(self, context: str) -> None:
        """Say what the meter says."""
        now_us = self.world.now_us()
        self.evse.flow_to(now_us)
        self._reading_us = now_us + self._interval_us()
        self._readings += 1
        self.say_reading(Reading(now_us, samples.samples(self.evse, context, self._readings)), self.evse.running)

    def _interval_us(self) -> int:
        seconds = self.world.plan.reading_s or self.reading_s
        return int(seconds * SECOND_US) or FAR_US

    # --- the line -------------------------------------------------------------------
    def connected(self) -> None:
        """The line stands: a boot where one is due, else the state of the connector, then whatever has waited."""
        self.online = True
        if self.has("never_boots"):
            self.needs_boot = False
        if self.needs_boot:
            self.boot()
            if self.has("early_security_event"):
                self.say_security_event()
        else:
            self._go_on()

    def lost(self) -> None:
        """The line broke: what does not belong to a transaction is not worth keeping."""
        self.evse.flow_to(self.world.now_us())
        self.online = False
        self.queue = deque(saying for saying in self.queue if saying.kept)
        if self.evse.running:
            self.evse.energised = True
            self.evse.changed()
        self._show_card()

    def power_cycle(self, reason: str) -> None:
        """It restarts: its transaction ends, it must boot again."""
        self.end(reason)
        self.needs_boot, self.accepted, self.reset_wanted = True, False, ""

    def boot(self) -> None:
        """Say who it is; little else may be said until the server accepts."""
        self._boot_us, self.accepted = FAR_US, False
        saying = Saying("BootNotification", self.who_it_is(), self._booted, early=True, solid=True)
        self.queue.appendleft(saying)

    def _booted(self, answer: Payload) -> None:
        interval = int(answer.get("interval") or 0)
        told = str(answer.get("currentTime"))
        bad_time = self.has("strict_time") and ("." in told or not told.endswith("Z"))
        if answer.get("status") == "Accepted" and not bad_time:
            self.needs_boot = False
            self._heartbeat_s = interval
            self._go_on()
        else:
            self._boot_us = self.world.now_us() + (interval or RETRY_BOOT_S) * SECOND_US
        self.woken()

    def _go_on(self) -> None:
        self.accepted = True
        self.queue.appendleft(self.status_saying(self._status))
        self.spoke()
        if self.plan.charges and not self._visits and not self.over:
            self._plug_us = self.world.now_us()
        if self.has("stop_of_nobody"):
            self.say_stop_of_nobody()
        self._show_card()

    def spoke(self) -> None:
        """A message went out: the next heartbeat may wait a whole interval."""
        interval = self._heartbeat_s or self.heartbeat_s
        self._heartbeat_us = self.world.now_us() + interval * SECOND_US if interval else FAR_US

    def say(self, saying: Saying) -> None:
        """Let a message wait for its turn, unless there is no line and it is not worth keeping."""
        if not (saying.kept or self.online):
            return
        self._messages += 1
        if self.chaos and not saying.solid and (held := self.chaos.held_s(self._messages)):
            saying.not_before_us = self.world.now_us() + int(held * SECOND_US)
            self.world.figures.upset("held back")
        self.queue.append(saying)

    def beat(self) -> None:
        """Say a heartbeat."""
        self.spoke()
        self.say(Saying("Heartbeat", {}))

    def say_status(self) -> None:
        """Say the state of the connector once more."""
        self.say(self.status_saying(self._status))

    def next_saying(self) -> Saying | None:
        """What may be said now, in order except for what is held back."""
        if not self.online:
            return None
        now_us, passed = self.world.now_us(), False
        for saying in self.queue:
            may = (self.accepted or saying.early) and (saying.not_before_us <= now_us or self.over)
            if may and not (passed and saying.in_turn):
                return saying
            if saying.solid:
                return None
            passed = True
        return None

    def spoiled(self, saying: Saying) -> Payload:
        """A message's payload as it goes out, with the quirks in it."""
        return spoil(self.plan.version, self.plan.quirks, saying.action, saying.made(), self.calls)

    def take(self, saying: Saying, answer: Payload | None) -> None:
        """A message was answered, None: with an error; what belongs to a transaction is said again then."""
        self.spoke()
        if answer is None and saying.kept and saying.tried + 1 < TRIES:
            saying.tried += 1
            saying.not_before_us = self.world.now_us() + saying.tried * SECOND_US
            return
        if saying in self.queue:
            self.queue.remove(saying)
        if answer is not None and saying.answered:
            saying.answered(answer)
        elif answer is None and saying.action == "BootNotification":
            self._booted({})

    # --- states -----------------------------------------------------------------------
    def state(self) -> str:
        """The connector's state in 1.6's words."""
        car = self.evse.car
        if not self.operative and not self.evse.running:
            return "Unavailable"
        if car is None:
            return "Available"
        if self.evse.running is None:
            return "Finishing" if self._finishing else "Preparing"
        if car.power_w:
            return "Charging"
        return "SuspendedEVSE" if car.pilot_ma < MIN_PILOT_MA else "SuspendedEV"

    def _tell_status(self) -> None:
        status = self.state()
        if status != self._status:
            before, self._status = self._status, status
            self.say_state(before, status)

    def stamp(self, us: int) -> str:
        """A time as this station writes it."""
        return stamp(us)

    # --- a version's words --------------------------------------------------------------
    starts_alone: bool
    reading_s: int
    heartbeat_s: int

    @abstractmethod
    def who_it_is(self) -> Payload:
        """The payload of its boot."""

    @abstractmethod
    def heard(self, action: str, payload: Payload) -> Payload | Refused | Deaf:
        """Answer a call of the server."""

    @abstractmethod
    def status_saying(self, status: str) -> Saying:
        """Its connector's state, given in 1.6's words."""

    @abstractmethod
    def say_state(self, before: str, now: str) -> None:
        """Its connector's state, in 1.6's words, has changed."""

    @abstractmethod
    def authorize(self, token: str) -> None:
        """Ask about a card; `authorized` follows."""

    @abstractmethod
    def say_start(self, running: Running) -> None:
        """A transaction begins; `begun` follows."""

    @abstractmethod
    def say_reading(self, reading: Reading, running: Running | None) -> None:
        """The meter was read."""

    @abstractmethod
    def say_stop(self, running: Running, reason: str) -> None:
        """A transaction ends."""

    @abstractmethod
    def say_security_event(self) -> None:
        """A security event, before anything else."""

    @abstractmethod
    def say_stop_of_nobody(self) -> None:
        """End a transaction that nobody saw begin, where the version can."""
