"""The `ocpp` package's 2.0.1 and 2.1 stations, which nobody here wrote; its official schemas judge what we say."""

import asyncio
import json
from contextlib import asynccontextmanager

import ocpp.messages
from gateway_town import Town
from ocpp.routing import on
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v201 import ChargePoint, call_result

SHORT = {"ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}
BOTH = tuple(SHORT)
SAID = "2026-11-21T04:00:00Z"
BOOT = {"chargingStation": {"model": "M", "vendorName": "V"}, "reason": "PowerUp"}


def judge_result(version: str, action: str, payload: dict) -> None:
    """Raises where the official schema refuses an answer of ours."""
    ocpp.messages._validate_payload(ocpp.messages.CallResult("1", payload, action), SHORT[version])


def judge_call(version: str, action: str, payload: dict) -> None:
    """Raises where the official schema refuses a call of ours."""
    ocpp.messages._validate_payload(ocpp.messages.Call("1", action, payload), SHORT[version])


def event(kind: str, seq_no: int, **more) -> dict:
    """A TransactionEvent as it stands on the wire, EVSE 1 and a card unless it says otherwise."""
    info = {"transactionId": more.pop("transaction", "T-1")}
    info |= {name: more.pop(name) for name in ("chargingState", "stoppedReason", "remoteStartId") if name in more}
    said = {"eventType": kind, "timestamp": SAID, "triggerReason": "CablePluggedIn", "seqNo": seq_no}
    return said | {"transactionInfo": info} | more


def meter(value: float, context: str = "Sample.Periodic", at: str = SAID, **more) -> dict:
    """One moment with the register."""
    sample = {"value": value, "context": context, "measurand": "Energy.Active.Import.Register"} | more
    return {"timestamp": at, "sampledValue": [sample]}


class Station(ChargePoint):
    """A station that does as it is told, and keeps what it was told."""

    def __init__(self, *args) -> None:
        super().__init__(*args)
        self.told: list[tuple[str, dict]] = []

    @on("SetChargingProfile")
    def on_profile(self, evse_id, charging_profile):
        self.told.append(("SetChargingProfile", {"evse_id": evse_id, **charging_profile}))
        return call_result.SetChargingProfile(status="Accepted")

    @on("SetVariables")
    def on_set(self, set_variable_data):
        self.told.append(("SetVariables", set_variable_data))
        done = [
            {"attribute_status": "Accepted", "component": one["component"], "variable": one["variable"]}
            for one in set_variable_data
        ]
        return call_result.SetVariables(set_variable_result=done)

    @on("GetVariables")
    def on_get(self, get_variable_data):
        said = [
            {
                "attribute_status": "Accepted",
                "attribute_value": "A,W",
                "component": one["component"],
                "variable": one["variable"],
            }
            for one in get_variable_data
        ]
        return call_result.GetVariables(get_variable_result=said)

    @on("RequestStartTransaction")
    def on_start(self, id_token, remote_start_id, **more):
        self.told.append(("RequestStartTransaction", {"id_token": id_token, "id": remote_start_id, **more}))
        return call_result.RequestStartTransaction(status="Accepted")

    @on("RequestStopTransaction")
    def on_stop(self, transaction_id):
        self.told.append(("RequestStopTransaction", {"transaction_id": transaction_id}))
        return call_result.RequestStopTransaction(status="Accepted")

    @on("GetTransactionStatus")
    def on_transaction(self, transaction_id=None):
        self.told.append(("GetTransactionStatus", {"transaction_id": transaction_id}))
        return call_result.GetTransactionStatus(messages_in_queue=False, ongoing_indicator=False)

    @on("GetCompositeSchedule")
    def on_composite(self, duration, evse_id, charging_rate_unit=None):
        periods = [{"start_period": 0, "limit": 6.0}]
        schedule = {
            "evse_id": evse_id,
            "duration": duration,
            "schedule_start": SAID,
            "charging_rate_unit": "A",
            "charging_schedule_period": periods,
        }
        return call_result.GetCompositeSchedule(status="Accepted", schedule=schedule)


class Station21(ChargePoint21):
    """A station that speaks 2.1."""


@asynccontextmanager
async def plugged(town: Town, version: str = "ocpp2.0.1"):
    """A connected station of that version, its reading loop running."""
    async with town.station("CP1", [version]) as socket:
        station = (Station if version == "ocpp2.0.1" else Station21)("CP1", socket)
        running = asyncio.create_task(station.start())
        try:
            yield station
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def heard(socket) -> list:
    return json.loads(await asyncio.wait_for(socket.recv(), 30))
