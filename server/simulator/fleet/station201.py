"""A station of a fleet in OCPP 2.0.1."""

from server.simulator.fleet import answers201, samples
from server.simulator.fleet.chaos import Chaos
from server.simulator.fleet.evse import Running
from server.simulator.fleet.plan import StationPlan
from server.simulator.fleet.saying import Deaf, Payload, Reading, Refused, Saying, World
from server.simulator.fleet.station import Station
from server.simulator.fleet.variables import HEARTBEAT, READING, STARTS_ALONE, Variables
from shared.ids import derive

EVSE = {"id": 1, "connectorId": 1}
CHARGING_STATES = {"Charging": "Charging", "SuspendedEV": "SuspendedEV", "SuspendedEVSE": "SuspendedEVSE"}


class Station201(Station):
    """Its words: TransactionEvent with seqNo, and a transaction id of its own."""

    subprotocol = "ocpp2.0.1"

    def __init__(self, plan: StationPlan, world: World, chaos: Chaos | None) -> None:
        super().__init__(plan, world, chaos)
        self.variables = Variables(plan.unit)

    @property
    def starts_alone(self) -> bool:  # type: ignore[override]
        """Whether a card is taken at its word while there is no line."""
        return (self.variables.read(STARTS_ALONE) or "").lower() == "true"

    @property
    def reading_s(self) -> int:  # type: ignore[override]
        """How often the server wants readings."""
        return self.variables.seconds(READING)

    @property
    def heartbeat_s(self) -> int:  # type: ignore[override]
        """How often the server wants heartbeats."""
        return self.variables.seconds(HEARTBEAT)

    # --- what it says ------------------------------------------------------------------
    def who_it_is(self) -> Payload:
        """The payload of its boot."""
        station = {"vendorName": "Dalstroom", "model": "Simulator", "serialNumber": f"{self.plan.number:012d}"}
        return {"reason": "PowerUp", "chargingStation": station | {"firmwareVersion": "1"}}

    def status_saying(self, status: str) -> Saying:
        """The state of its connector."""
        said = {"connectorStatus": _connector(status), "evseId": EVSE["id"], "connectorId": EVSE["connectorId"]}
        return Saying("StatusNotification", said | {"timestamp": self.stamp(self.world.now_us())})

    def say_state(self, before: str, now: str) -> None:
        """Connectors are Available or Occupied; whether it charges is told with the transaction."""
        if _connector(before) != _connector(now):
            self.say(self.status_saying(now))
        if self.evse.running and now in CHARGING_STATES and self.evse.energised:
            self._event("Updated", "ChargingStateChanged", self.evse.running, self._now())

    def authorize(self, token: str) -> None:
        """Ask about a card."""
        said = {"idToken": {"idToken": token, "type": "ISO14443"}}
        self.say(Saying("Authorize", said, lambda answer: self.authorized(accepted=_accepts(answer))))

    def say_start(self, running: Running) -> None:
        """A transaction begins."""
        running.reference = str(derive("fleet-transaction", self.plan.identity, str(running.started_us)))
        running.id = self.plan.number
        more: Payload = {"evse": EVSE, "idToken": {"idToken": running.token, "type": "ISO14443"}}
        if self.has("no_card"):
            more["idToken"] = {"idToken": "", "type": "NoAuthorization"}
        trigger = "Authorized" if self.remote_start_id is None else "RemoteStart"
        reading = Reading(running.started_us, samples.register(self.evse, running.meter_start_wh, samples.BEGIN))
        self._event("Started", trigger, running, reading, **more)

    def say_reading(self, reading: Reading, running: Running | None) -> None:
        """An event of the transaction, or MeterValues where there is none."""
        if running is not None:
            trigger = "Trigger" if reading.samples[-1].context == samples.TRIGGER else "MeterValuePeriodic"
            self._event("Updated", trigger, running, reading)
        else:
            self.say(Saying("MeterValues", {"evseId": EVSE["id"], "meterValue": [self._moment(reading)]}))

    def say_stop(self, running: Running, reason: str) -> None:
        """A transaction ends."""
        assert running.stopped_us is not None
        assert running.meter_stop_wh is not None
        stopped = "ImmediateReset" if reason.endswith("Reset") else reason
        triggers = {"EVDisconnected": "EVCommunicationLost", "Remote": "RemoteStop", "DeAuthorized": "Deauthorized"}
        reading = Reading(running.stopped_us, samples.register(self.evse, running.meter_stop_wh, samples.END))
        self._event("Ended", triggers.get(reason, "ResetCommand"), running, reading, stoppedReason=stopped)

    def say_security_event(self) -> None:
        """A security event, before anything else."""
        said = {"type": "StartupOfTheDevice", "timestamp": self.stamp(self.world.now_us())}
        self.queue.appendleft(Saying("SecurityEventNotification", said, early=True))

    def say_stop_of_nobody(self) -> None:
        """2.0.1 has no word for it: an event carries all that it is about."""

    def _event(self, kind: str, trigger: str, running: Running, reading: Reading, **more: Payload | str) -> None:
        """An event of a transaction; `more` is said in it besides, a `stoppedReason` in its transactionInfo."""
        info: Payload = {"transactionId": running.reference}
        if "stoppedReason" in more:
            info["stoppedReason"] = more.pop("stoppedReason")
        if (state := CHARGING_STATES.get(self.state())) and kind == "Updated":
            info["chargingState"] = state
        if kind == "Started" and self.remote_start_id is not None:
            info["remoteStartId"] = self.remote_start_id
        said: Payload = {
            "eventType": kind,
            "timestamp": self.stamp(reading.at_us),
            "triggerReason": trigger,
            "seqNo": running.seq_no,
            "transactionInfo": info,
            "meterValue": [self._moment(reading)],
        }
        if not self.online:
            said["offline"] = True
        running.seq_no += 1
        heard = (lambda answer: self._begun(running, answer)) if kind == "Started" else None
        self.say(Saying("TransactionEvent", said | more, heard, kept=True))

    def _begun(self, running: Running, answer: Payload) -> None:
        self.begun(running, accepted=self.has("no_card") or _accepts(answer))

    def _now(self) -> Reading:
        self._readings += 1
        return Reading(self.evse.at_us, samples.samples(self.evse, samples.PERIODIC, self._readings))

    def _moment(self, reading: Reading) -> Payload:
        return {"timestamp": self.stamp(reading.at_us), "sampledValue": [_worded(one) for one in reading.samples]}

    def heard(self, action: str, payload: Payload) -> Payload | Refused | Deaf:
        """Answer a call of the server."""
        return Deaf() if self.has("deaf") else answers201.answer(self, self.variables, action, payload)


def _worded(one: samples.Sample) -> Payload:
    said: Payload = {"value": one.value, "context": one.context, "measurand": one.measurand}
    if one.unit != "Wh":
        said["unitOfMeasure"] = {"unit": one.unit}
    return said | {"phase": one.phase} if one.phase else said


def _connector(status: str) -> str:
    return status if status in {"Available", "Unavailable"} else "Occupied"


def _accepts(answer: Payload) -> bool:
    return (answer.get("idTokenInfo") or {}).get("status") == "Accepted"
