"""A station of a fleet in OCPP 1.6."""

from server.simulator.configuration import Configuration
from server.simulator.fleet import answers16, samples
from server.simulator.fleet.answers16 import CONNECTOR
from server.simulator.fleet.chaos import Chaos
from server.simulator.fleet.evse import Running
from server.simulator.fleet.plan import StationPlan
from server.simulator.fleet.saying import Deaf, Payload, Reading, Refused, Saying, World
from server.simulator.fleet.station import Station

NOBODYS_TRANSACTION = 987_654_321


class Station16(Station):
    """Its words: StartTransaction, MeterValues, StopTransaction, and a transaction id that the server gives."""

    subprotocol = "ocpp1.6"

    def __init__(self, plan: StationPlan, world: World, chaos: Chaos | None) -> None:
        super().__init__(plan, world, chaos)
        self.configuration = Configuration(plan.unit)

    @property
    def starts_alone(self) -> bool:  # type: ignore[override]
        """Whether a card is taken at its word while there is no line."""
        return self.configuration.starts_alone

    @property
    def reading_s(self) -> int:  # type: ignore[override]
        """How often the server wants readings."""
        return self.configuration.seconds("MeterValueSampleInterval")

    @property
    def heartbeat_s(self) -> int:  # type: ignore[override]
        """How often the server wants heartbeats."""
        return self.configuration.seconds("HeartbeatInterval")

    # --- what it says ----------------------------------------------------------------
    def who_it_is(self) -> Payload:
        """The payload of its boot."""
        return {
            "chargePointVendor": "Dalstroom",
            "chargePointModel": "Simulator",
            "chargePointSerialNumber": f"{self.plan.number:012d}",
            "firmwareVersion": "1",
        }

    def status_saying(self, status: str) -> Saying:
        """The state of its connector."""
        said = {"connectorId": CONNECTOR, "errorCode": "NoError", "status": status}
        return Saying("StatusNotification", said | {"timestamp": self.stamp(self.world.now_us())})

    def say_state(self, before: str, now: str) -> None:
        """The state of its connector has changed."""
        del before
        self.say(self.status_saying(now))

    def authorize(self, token: str) -> None:
        """Ask about a card."""
        self.say(Saying("Authorize", {"idTag": token}, lambda answer: self.authorized(accepted=_accepts(answer))))

    def say_start(self, running: Running) -> None:
        """A transaction begins."""
        said = {
            "connectorId": CONNECTOR,
            "idTag": running.token,
            "meterStart": running.meter_start_wh,
            "timestamp": self.stamp(running.started_us),
        }
        self.say(Saying("StartTransaction", said, lambda answer: self._begun(running, answer), kept=True, solid=True))

    def _begun(self, running: Running, answer: Payload) -> None:
        running.id = answer.get("transactionId")
        self.begun(running, accepted=_accepts(answer))

    def say_reading(self, reading: Reading, running: Running | None) -> None:
        """MeterValues."""
        running = self._talked_of(running)
        said = {"connectorId": CONNECTOR, "meterValue": [self._moment(reading)]}
        payload = said if running is None else lambda: said | _of(running)
        self.say(Saying("MeterValues", payload, kept=running is not None))

    def _talked_of(self, running: Running | None) -> Running | None:
        if running is None and self.has("talks_after_end") and self.ended:
            return self.ended[-1]
        return running

    def say_stop(self, running: Running, reason: str) -> None:
        """A transaction ends; its first and last register come with it."""
        assert running.stopped_us is not None
        assert running.meter_stop_wh is not None
        ends = [
            Reading(running.started_us, samples.register(self.evse, running.meter_start_wh, samples.BEGIN)),
            Reading(running.stopped_us, samples.register(self.evse, running.meter_stop_wh, samples.END)),
        ]
        said: Payload = {
            "meterStop": running.meter_stop_wh,
            "timestamp": self.stamp(running.stopped_us),
            "reason": reason,
            "transactionData": [self._moment(end) for end in ends],
        }
        if running.token:
            said["idTag"] = running.token
        if self.has("stop_below_start"):
            self.say_reading(ends[1], running)
            said |= {"meterStop": max(0, running.meter_start_wh - 1)}
            del said["transactionData"]
        self.say(Saying("StopTransaction", lambda: said | _of(running, nobodys=-1), kept=True, in_turn=True))
        if self.has("talks_after_end"):
            self.say(Saying("MeterValues", lambda: _after(self._moment(ends[1]), running), kept=True, in_turn=True))

    def say_stop_of_nobody(self) -> None:
        """End a transaction that nobody saw begin."""
        said = {"transactionId": NOBODYS_TRANSACTION, "meterStop": 1, "timestamp": self.stamp(self.world.now_us())}
        self.say(Saying("StopTransaction", said))

    def say_security_event(self) -> None:
        """A security event, before anything else."""
        said = {"type": "StartupOfTheDevice", "timestamp": self.stamp(self.world.now_us())}
        self.queue.appendleft(Saying("SecurityEventNotification", said, early=True))

    def _moment(self, reading: Reading) -> Payload:
        return {"timestamp": self.stamp(reading.at_us), "sampledValue": [_worded(one) for one in reading.samples]}

    def heard(self, action: str, payload: Payload) -> Payload | Refused | Deaf:
        """Answer a call of the server."""
        return Deaf() if self.has("deaf") else answers16.answer(self, self.configuration, action, payload)


def _worded(one: samples.Sample) -> Payload:
    value = f"{one.value:.3f}" if isinstance(one.value, float) and one.unit in {"Wh", "kWh"} else str(one.value)
    said = {"value": value, "context": one.context, "measurand": one.measurand, "unit": one.unit}
    return said | {"phase": one.phase} if one.phase else said


def _of(running: Running, nobodys: int | None = None) -> Payload:
    number = running.id if running.id is not None else nobodys
    return {} if number is None else {"transactionId": number}


def _after(moment: Payload, running: Running) -> Payload:
    return {"connectorId": CONNECTOR, "meterValue": [moment]} | _of(running)


def _accepts(answer: Payload) -> bool:
    return (answer.get("idTagInfo") or {}).get("status") == "Accepted"
