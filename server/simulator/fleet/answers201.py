"""How a 2.0.1 station of a fleet answers the server's calls."""

from collections.abc import Callable

from server.simulator.fleet import samples
from server.simulator.fleet.camel import snaked
from server.simulator.fleet.composite import periods
from server.simulator.fleet.saying import Payload, Refused
from server.simulator.fleet.station import Station
from server.simulator.fleet.variables import HEARTBEAT, Variables
from server.simulator.profiles import MAX_STACK_LEVEL

EVSE_ID = 1
PURPOSES = {"ChargingStationMaxProfile": "ChargePointMaxProfile"}
NOT_RUNNING = -2
Handler = Callable[[Station, Payload], Payload]


def answer(station: Station, variables: Variables, action: str, payload: Payload) -> Payload | Refused:
    """The answer to a call, or why it gets none."""
    if action == "GetVariables":
        return _get_variables(variables, payload)
    if action == "SetVariables":
        return _set_variables(station, variables, payload)
    if action in _FIXED:
        return dict(_FIXED[action])
    handler = _HANDLERS.get(action)
    return Refused("NotSupported") if handler is None else handler(station, payload)


def _set_profile(station: Station, payload: Payload) -> Payload:
    raw = snaked(payload["chargingProfile"])
    if station.has("no_top_level") and raw["stack_level"] >= MAX_STACK_LEVEL:
        return {"status": "Rejected"}
    if station.has("no_station_profile") and raw["charging_profile_purpose"] in PURPOSES:
        return {"status": "Rejected"}
    status = station.evse.install(payload["evseId"], _profile(station, raw))
    station.woken()
    return {"status": status}


def _profile(station: Station, raw: Payload) -> Payload:
    """A profile in 1.6's words: of its schedules the first in the station's unit."""
    schedules = raw.pop("charging_schedule")
    fitting = [one for one in schedules if one["charging_rate_unit"] == station.plan.unit]
    purpose = raw["charging_profile_purpose"]
    told = {"charging_profile_id": raw["id"], "charging_schedule": (fitting or schedules)[0]}
    if "transaction_id" in raw:
        running = station.evse.running
        known = running is not None and running.reference == raw["transaction_id"]
        told["transaction_id"] = running.id if running and known else NOT_RUNNING
    return raw | told | {"charging_profile_purpose": PURPOSES.get(purpose, purpose)}


def _clear_profile(station: Station, payload: Payload) -> Payload:
    criteria = snaked(payload.get("chargingProfileCriteria") or {})
    purpose = criteria.get("charging_profile_purpose")
    wanted = {
        "id": payload.get("chargingProfileId"),
        "connector_id": criteria.get("evse_id"),
        "charging_profile_purpose": PURPOSES.get(purpose, purpose),
        "stack_level": criteria.get("stack_level"),
    }
    status = station.evse.profiles.clear(wanted)
    station.evse.changed()
    station.woken()
    return {"status": status}


def _composite(station: Station, payload: Payload) -> Payload:
    unit = station.plan.unit
    if payload["evseId"] > EVSE_ID or payload.get("chargingRateUnit", unit) != unit:
        return {"status": "Rejected"}
    start_us, duration = station.world.now_us(), payload["duration"]
    schedule = {
        "evseId": payload["evseId"],
        "duration": duration,
        "scheduleStart": station.stamp(start_us),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods(station.evse, start_us, duration),
    }
    return {"status": "Accepted", "schedule": schedule}


def _trigger(station: Station, payload: Payload) -> Payload:
    act = _triggered(station).get(payload["requestedMessage"])
    if act is None or station.has("no_triggers"):
        return {"status": "NotImplemented"}
    act()
    station.woken()
    return {"status": "Accepted"}


def _triggered(station: Station) -> dict[str, Callable[[], None]]:
    return {
        "BootNotification": station.boot,
        "Heartbeat": station.beat,
        "StatusNotification": station.say_status,
        "MeterValues": lambda: station.read(samples.TRIGGER),
        "TransactionEvent": lambda: station.read(samples.TRIGGER),
    }


def _remote_start(station: Station, payload: Payload) -> Payload:
    token = payload["idToken"]["idToken"]
    accepted = payload.get("evseId", EVSE_ID) == EVSE_ID and station.remote_start(token, payload["remoteStartId"])
    if accepted and "chargingProfile" in payload:
        station.evse.install(EVSE_ID, _profile(station, snaked(payload["chargingProfile"])))
    station.woken()
    return {"status": "Accepted" if accepted else "Rejected"}


def _remote_stop(station: Station, payload: Payload) -> Payload:
    running = station.evse.running
    if running is None or running.reference != payload["transactionId"]:
        return {"status": "Rejected"}
    station.end("Remote")
    station.woken()
    return {"status": "Accepted"}


def _availability(station: Station, payload: Payload) -> Payload:
    station.operative = payload["operationalStatus"] == "Operative"
    station.woken()
    return {"status": "Scheduled" if station.evse.running and not station.operative else "Accepted"}


def _reset(station: Station, payload: Payload) -> Payload:
    del payload
    station.reset_wanted = "HardReset"
    station.woken()
    return {"status": "Accepted"}


def _transaction_status(station: Station, payload: Payload) -> Payload:
    name, running = payload.get("transactionId"), station.evse.running
    queued = any(saying.action == "TransactionEvent" for saying in station.queue)
    told: Payload = {"messagesInQueue": queued}
    if name is not None:
        told["ongoingIndicator"] = running is not None and running.reference == name
    return told


def _get_variables(variables: Variables, payload: Payload) -> Payload:
    return {"getVariableResult": [_read_variable(variables, one) for one in payload["getVariableData"]]}


def _read_variable(variables: Variables, asked: Payload) -> Payload:
    named = {"component": asked["component"], "variable": asked["variable"]}
    value = variables.read(_name(asked))
    if value is None:
        return named | {"attributeStatus": "UnknownVariable"}
    return named | {"attributeStatus": "Accepted", "attributeValue": value}


def _set_variables(station: Station, variables: Variables, payload: Payload) -> Payload:
    done = [_write_variable(station, variables, one) for one in payload["setVariableData"]]
    return {"setVariableResult": done}


def _write_variable(station: Station, variables: Variables, asked: Payload) -> Payload:
    named = {"component": asked["component"], "variable": asked["variable"]}
    if station.has("unknown_options"):
        return named | {"attributeStatus": "UnknownVariable"}
    status = variables.write(_name(asked), asked["attributeValue"])
    station.options_changed(heartbeat=_name(asked) == HEARTBEAT and status == "Accepted")
    return named | {"attributeStatus": status}


def _name(asked: Payload) -> tuple[str, str]:
    return asked["component"]["name"], asked["variable"]["name"]


def _list_version(station: Station, payload: Payload) -> Payload:
    del payload
    return {"listVersion" if station.has("wrong_result_field") else "versionNumber": 0}


_HANDLERS: dict[str, Handler] = {
    "SetChargingProfile": _set_profile,
    "ClearChargingProfile": _clear_profile,
    "GetCompositeSchedule": _composite,
    "TriggerMessage": _trigger,
    "RequestStartTransaction": _remote_start,
    "RequestStopTransaction": _remote_stop,
    "ChangeAvailability": _availability,
    "Reset": _reset,
    "GetTransactionStatus": _transaction_status,
    "GetLocalListVersion": _list_version,
}
_FIXED: dict[str, Payload] = {
    "GetChargingProfiles": {"status": "NoProfiles"},
    "UnlockConnector": {"status": "UnknownConnector"},
    "GetBaseReport": {"status": "NotSupported"},
    "DataTransfer": {"status": "UnknownVendorId"},
    "ClearCache": {"status": "Accepted"},
    "CostUpdated": {},
    "SendLocalList": {"status": "Failed"},
    "ReserveNow": {"status": "Rejected"},
    "CancelReservation": {"status": "Rejected"},
}
