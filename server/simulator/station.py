"""A charging station with one connector: when cars come and go, when the server speaks, when it is alone.

Without any profile it charges at its maximum. What it has to say waits in `outbox` until its link sends it; while
there is no link, messages of a transaction wait on and the rest is dropped (OCPP 1.6, 4.1 and 5.x).
"""

from collections import deque
from collections.abc import Callable

from ocpp.v16 import call, call_result, datatypes
from ocpp.v16.enums import ChargePointErrorCode, ChargePointStatus, ReadingContext, Reason

from server.simulator.car import FAR_US, MIN_PILOT_MA, Car
from server.simulator.configuration import Configuration
from server.simulator.local_list import LocalList
from server.simulator.meter import Flow, Meter
from server.simulator.outgoing import Outgoing
from server.simulator.places import StationSpec
from server.simulator.profiles import Limit, Profiles, Transaction, stamp
from shared.units import VOLTS

CONNECTOR = 1
STEP_W = 500
"""A change of power of at least this much is worth a reading of its own."""
DARK_US = 60_000_000
"""A power cycle takes a minute."""
SECOND_US = 1_000_000


class Station:
    """One station. `now_us` tells the time; `heard` is called when something arrived that may change what flows."""

    def __init__(self, spec: StationSpec, now_us: Callable[[], int], heard: Callable[[], None]) -> None:
        self.spec = spec
        self.meter = Meter(spec.register_wh, spec.register_unit)
        self.profiles = Profiles(spec.unit)
        self.configuration = Configuration(spec.unit)
        self.local_list = LocalList()
        self.outbox: deque[Outgoing] = deque()
        self.car: Car | None = None
        self.running: Transaction | None = None
        self.token: str | None = None
        self.online = False
        self.accepted = False
        self.needs_boot = True
        self.operative = True
        self.twice = False
        self.deaf_to: frozenset[str] = frozenset()  # calls of these names are neither done nor answered
        self.reset_wanted: str | None = None
        self.started: list[Transaction] = []
        self.guest: Callable[[str], bool] = lambda _token: False
        self.now_us = now_us
        self.heard = heard
        self._status = ChargePointStatus.available
        self._finishing = False
        self._energised = False
        self._dark_until_us = 0
        self._limit: Limit | None = None
        self._reading_us = FAR_US
        self._heartbeat_us = FAR_US
        self._boot_us = FAR_US
        self._told_w = 0

    # --- what flows ----------------------------------------------------------
    @property
    def finished(self) -> bool:
        """Whether a transaction has ended while its car is still plugged in."""
        return self.car is not None and self._finishing

    @property
    def sayable(self) -> bool:
        """Whether something waits in the outbox that may be sent now."""
        return self.online and bool(self.outbox) and (self.accepted or self.outbox[0].boot)

    @property
    def power_w(self) -> int:
        """Power drawn now."""
        return self.car.power_w if self.car else 0

    @property
    def feeder_ma(self) -> tuple[int, int, int]:
        """Current now on each phase of the feeder, by the station's wiring."""
        out = [0, 0, 0]
        if self.car:
            for conductor in range(min(self.car.spec.phases, self.spec.phases)):
                out[(conductor + self.spec.rotation) % 3] = self.car.current_ma
        return out[0], out[1], out[2]

    def advance(self, us: int) -> None:
        """Let what flows flow for `us` microseconds."""
        if self.car:
            self.meter.advance(self.car.power_w, us)
            self.car.advance(us)

    def next_us(self, now_us: int) -> int:
        """When something of its own happens next, if nobody interferes."""
        out = min(self._boot_us, self._heartbeat_us if self.online and self.accepted else FAR_US)
        if self._dark_until_us > now_us:
            out = min(out, self._dark_until_us)
        if self.running:
            out = min(out, self._reading_us)
        if self._limit and self._limit.until_us > now_us:
            out = min(out, self._limit.until_us)
        if self.car:
            out = min(out, now_us + self.car.until_change_us())
        return max(out, now_us)

    def tick(self, now_us: int) -> None:
        """Look again at what is allowed now, and say what changed or is due."""
        if self.car:
            self.car.allow(self._pilot_ma(now_us), now_us)
        self._tell_status(now_us)
        if now_us < self._dark_until_us:
            self._schedule_reading(now_us)
        elif self.running and now_us >= self._reading_us:
            self._read(now_us, ReadingContext.sample_clock)
        elif self.running and abs(self.power_w - self._told_w) >= STEP_W:
            self._read(now_us, ReadingContext.sample_periodic)
        if now_us >= self._boot_us:
            self.boot()
        if self.online and self.accepted and now_us >= self._heartbeat_us:
            self.beat()

    def _pilot_ma(self, now_us: int) -> int:
        if not self.running or not self._energised or now_us < self._dark_until_us:
            return 0
        if self._limit is None or now_us >= self._limit.until_us:
            self._limit = self.profiles.limit(now_us, self.running)
        pilot = self.spec.max_ma
        if self._limit.milli is not None:
            assert self.car
            phases = min(self.car.spec.phases, self.spec.phases)
            allowed = self._limit.milli if self.spec.unit == "A" else self._limit.milli // (VOLTS * phases)
            pilot = min(pilot, allowed)
        return pilot if pilot >= MIN_PILOT_MA else 0

    # --- people --------------------------------------------------------------
    def plug(self, car: Car, token: str, now_us: int) -> None:
        """A car is plugged in and its driver's card is held to the reader."""
        assert self.car is None, self.spec.identity
        self.car, self.token, self._finishing = car, token, False
        self._tell_status(now_us)
        self._hold_card()

    def _hold_card(self) -> None:
        """The card of whoever waits here: asked about over the link; without one taken at its word, if that may be."""
        token = self.token
        if self.car is None or token is None or self.running or self._finishing:
            return
        if self.online and self.accepted:
            self.send(Outgoing(lambda: call.Authorize(id_tag=token), self._authorized))
        elif not self.online and self.configuration.starts_alone:
            self.begin(token)

    def begin(self, token: str) -> None:
        """Start a transaction for the car that is plugged in."""
        now_us = self.now_us()
        running = Transaction(token, now_us, self.meter.register_wh)
        self._finishing = False
        self.running, self._energised, self._told_w = running, not self.online, 0
        self._limit = None
        self._schedule_reading(now_us)
        self.send(
            Outgoing(
                lambda: call.StartTransaction(
                    connector_id=CONNECTOR,
                    id_tag=token,
                    meter_start=running.meter_start_wh,
                    timestamp=stamp(running.started_us),
                ),
                lambda answer: self._begun(running, answer),
                transactional=True,
            )
        )
        self.started.append(running)

    def remote_start(self, token: str) -> bool:
        """The server wants a transaction: yes, if a car is waiting here or the token's owner can bring one."""
        if self.running or not self.operative:
            return False
        if self.car is None:
            return self.guest(token)
        self.token = token
        self.begin(token)
        return True

    def resume(self, car: Car, token: str | None, running: Transaction | None, *, finished: bool) -> None:
        """Go on with a car that was plugged in when the power went; with no transaction its card counts once more."""
        self.car, self.token, self._finishing = car, token, finished
        if running is not None:
            self.running, self._energised = running, True
            self.started.append(running)
            self._schedule_reading(self.now_us())
        elif token and not finished:
            self.begin(token)

    def unplug(self, now_us: int) -> None:
        """The car leaves."""
        self.stop(Reason.ev_disconnected)
        self.car, self.token, self._finishing = None, None, False
        self._tell_status(now_us)

    def stop(self, reason: str) -> None:
        """End the running transaction, if there is one."""
        running = self.running
        if running is None:
            return
        now_us, stop_wh = self.now_us(), self.meter.register_wh
        ends = self.meter.ends(running, now_us)
        running.stopped_us, running.meter_stop_wh = now_us, stop_wh
        self.running, self._energised, self._finishing = None, False, True
        self.profiles.forget_transaction()
        if self.car:
            self.car.allow(0, now_us)
        self.send(
            Outgoing(
                lambda: call.StopTransaction(
                    meter_stop=stop_wh,
                    timestamp=stamp(now_us),
                    transaction_id=running.id if running.id is not None else -1,
                    reason=reason,
                    id_tag=running.token,
                    transaction_data=ends,
                ),
                transactional=True,
            )
        )

    def power_cycle(self, now_us: int) -> None:
        """The power fails for a minute: transaction profiles are lost, defaults and the transaction stay."""
        self.profiles.forget_transaction()
        self._limit, self._dark_until_us = None, now_us + DARK_US
        self.needs_boot, self.accepted = True, False
        if self.running:
            self._energised = True

    # --- the link ------------------------------------------------------------
    def connected(self) -> None:
        """The socket is open: a boot where one is due, the state of the connector, then whatever has waited."""
        self.online = True
        if self.needs_boot:
            self.boot()
        else:
            self.accepted = True
            self.outbox.appendleft(self._status_message(self.now_us()))
            self.spoke()
            self._hold_card()

    def lost(self) -> None:
        """The socket is gone: what does not belong to a transaction is not worth keeping."""
        self.online = False
        self.outbox = deque(message for message in self.outbox if message.transactional)
        if self.running:
            self._energised = True
        self._hold_card()

    def boot(self) -> None:
        """Say who it is; nothing else may be said until the server accepts."""
        self._boot_us = FAR_US
        self.accepted = False
        spec = self.spec
        self.outbox.appendleft(
            Outgoing(
                lambda: call.BootNotification(
                    charge_point_model=spec.model[:20],
                    charge_point_vendor=spec.vendor,
                    firmware_version=spec.firmware,
                    charge_box_serial_number=spec.id.hex[:12],
                ),
                self._booted,
                boot=True,
            )
        )

    def spoke(self) -> None:
        """A message went out: the next heartbeat may wait a whole interval."""
        interval = self.configuration.seconds("HeartbeatInterval")
        self._heartbeat_us = self.now_us() + interval * SECOND_US if interval else FAR_US

    def send(self, message: Outgoing) -> None:
        """Put a message in the outbox, unless there is no link and it is not worth keeping."""
        if message.transactional or self.online:
            self.outbox.append(message)

    def beat(self) -> None:
        """Send a heartbeat."""
        self.spoke()
        self.send(Outgoing(call.Heartbeat))

    def status(self) -> None:
        """Say the state of the connector once more."""
        self.send(self._status_message(self.now_us()))

    def reading(self) -> None:
        """Send a reading because the server asked for one."""
        self._read(self.now_us(), ReadingContext.trigger, schedule=False)

    def changed(self, *, profile: bool = False) -> None:
        """Something about profiles, availability or configuration changed."""
        self._limit = None
        if profile and self.car:
            self.car.nudge(self.now_us())
        if self.running and self._reading_us > self.now_us():  # one that is due now is not put off
            self._schedule_reading(self.now_us())
        self.heard()

    # --- answers -------------------------------------------------------------
    def _booted(self, answer: call_result.BootNotification | None) -> None:
        if answer is not None and answer.status == "Accepted":
            self.accepted, self.needs_boot = True, False
            if answer.interval > 0:
                self.configuration.change("HeartbeatInterval", str(answer.interval))
            self.outbox.appendleft(self._status_message(self.now_us()))
            self.spoke()
            self._hold_card()
        else:
            wait = answer.interval if answer is not None and answer.interval > 0 else 60
            self._boot_us = self.now_us() + wait * SECOND_US
        self.heard()

    def _authorized(self, answer: call_result.Authorize | None) -> None:
        if answer is None or answer.id_tag_info["status"] != "Accepted":
            self.token = None
        elif self.car and self.token and not self.running:
            self.begin(self.token)
        self.heard()

    def _begun(self, running: Transaction, answer: call_result.StartTransaction | None) -> None:
        if answer is None:
            self.running = None if self.running is running else self.running
            return
        running.id = answer.transaction_id
        if self.running is running:
            if answer.id_tag_info["status"] == "Accepted":
                self._energised = True
                self._read(self.now_us(), ReadingContext.transaction_begin, schedule=False)
            else:
                self.stop(Reason.de_authorized)
        self.heard()

    # --- what it says --------------------------------------------------------
    def _tell_status(self, now_us: int) -> None:
        status = self._state()
        if status != self._status:
            self._status = status
            self.send(self._status_message(now_us))

    def _state(self) -> ChargePointStatus:
        if not self.operative and not self.running:
            return ChargePointStatus.unavailable
        if self.car is None:
            return ChargePointStatus.available
        if self.running is None:
            return ChargePointStatus.finishing if self._finishing else ChargePointStatus.preparing
        if self.car.power_w:
            return ChargePointStatus.charging
        if self.car.pilot_ma < MIN_PILOT_MA:
            return ChargePointStatus.suspended_evse
        return ChargePointStatus.suspended_ev

    def _status_message(self, now_us: int) -> Outgoing:
        status = self._status
        return Outgoing(
            lambda: call.StatusNotification(
                connector_id=CONNECTOR,
                error_code=ChargePointErrorCode.no_error,
                status=status,
                timestamp=stamp(now_us),
            )
        )

    def _flow(self) -> Flow:
        if self.car is None:
            return Flow(0, (0,) * self.spec.phases, None)
        used = min(self.car.spec.phases, self.spec.phases)
        currents = tuple(self.car.current_ma if phase < used else 0 for phase in range(self.spec.phases))
        return Flow(self.car.power_w, currents, self.car.soc_pct if self.car.spec.reports_soc else None)

    def _read(self, now_us: int, context: ReadingContext, *, schedule: bool = True) -> None:
        running, flow = self.running, self._flow()
        value = datatypes.MeterValue(timestamp=stamp(now_us), sampled_value=self.meter.sample(flow, context))
        self._told_w = flow.power_w
        if schedule:
            self._schedule_reading(now_us)
        self.send(
            Outgoing(
                lambda: call.MeterValues(
                    connector_id=CONNECTOR, meter_value=[value], transaction_id=running.id if running else None
                ),
                transactional=running is not None,
            )
        )

    def _schedule_reading(self, now_us: int) -> None:
        """The next reading: at the next multiple of an interval since midnight UTC, whichever interval is first."""
        intervals = [self.configuration.seconds(f"{key}Interval") for key in ("ClockAlignedData", "MeterValueSample")]
        dues = [(now_us // (s * SECOND_US) + 1) * s * SECOND_US for s in intervals if s]
        self._reading_us = min(dues, default=FAR_US)
