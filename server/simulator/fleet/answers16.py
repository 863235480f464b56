"""How a 1.6 station of a fleet answers the server's calls."""

from collections.abc import Callable

from server.simulator.configuration import Configuration
from server.simulator.fleet import samples
from server.simulator.fleet.camel import snaked
from server.simulator.fleet.composite import periods
from server.simulator.fleet.saying import Payload, Refused
from server.simulator.fleet.station import Station
from server.simulator.profiles import MAX_STACK_LEVEL

CONNECTOR = 1
HEX = frozenset("0123456789abcdefABCDEF")
Handler = Callable[[Station, Payload], Payload]


def answer(station: Station, configuration: Configuration, action: str, payload: Payload) -> Payload | Refused:
    """The answer to a call, or why it gets none."""
    if action == "GetConfiguration":
        return _get_configuration(configuration, payload)
    if action == "ChangeConfiguration":
        return _change_configuration(station, configuration, payload)
    if action == "SendLocalList" and station.has("hex_cards"):
        return _send_hex_list(payload)
    if action in _FIXED:
        return dict(_FIXED[action])
    handler = _HANDLERS.get(action)
    if handler is None:
        return Refused("NotSupported" if action in KNOWN else "NotImplemented")
    return handler(station, payload)


def _set_profile(station: Station, payload: Payload) -> Payload:
    raw = snaked(payload["csChargingProfiles"])
    if station.has("no_top_level") and raw["stack_level"] >= MAX_STACK_LEVEL:
        return {"status": "Rejected"}
    if station.has("no_station_profile") and raw["charging_profile_purpose"] == "ChargePointMaxProfile":
        return {"status": "NotSupported"}
    status = station.evse.install(payload["connectorId"], raw)
    station.woken()
    return {"status": status}


def _clear_profile(station: Station, payload: Payload) -> Payload:
    status = station.evse.profiles.clear(snaked(payload))
    station.evse.changed()
    station.woken()
    return {"status": status}


def _composite(station: Station, payload: Payload) -> Payload:
    unit = station.plan.unit
    if payload["connectorId"] > CONNECTOR or payload.get("chargingRateUnit", unit) != unit:
        return {"status": "Rejected"}
    start_us, duration = station.world.now_us(), payload["duration"]
    start = station.stamp(start_us)
    schedule = {
        "chargingRateUnit": unit,
        "duration": duration,
        "startSchedule": start,
        "chargingSchedulePeriod": periods(station.evse, start_us, duration),
    }
    told = {"status": "Accepted", "connectorId": payload["connectorId"], "scheduleStart": start}
    return told | {"chargingSchedule": schedule}


def _trigger(station: Station, payload: Payload) -> Payload:
    act = _triggered(station).get(payload["requestedMessage"])
    if act is None or station.has("no_triggers"):
        return {"status": "NotImplemented"}
    if station.has("no_station_trigger") and payload.get("connectorId") == 0:
        return {"status": "Rejected"}
    act()
    station.woken()
    return {"status": "Accepted"}


def _triggered(station: Station) -> dict[str, Callable[[], None]]:
    return {
        "BootNotification": station.boot,
        "Heartbeat": station.beat,
        "StatusNotification": station.say_status,
        "MeterValues": lambda: station.read(samples.TRIGGER),
    }


def _remote_start(station: Station, payload: Payload) -> Payload:
    connector = payload.get("connectorId", CONNECTOR)
    taken = not station.has("hex_cards") or _is_hex(payload["idTag"])
    accepted = taken and connector == CONNECTOR and station.remote_start(payload["idTag"])
    if accepted and "chargingProfile" in payload:
        station.evse.install(CONNECTOR, snaked(payload["chargingProfile"]))
    station.woken()
    return {"status": "Accepted" if accepted else "Rejected"}


def _is_hex(card: str) -> bool:
    return bool(card) and set(card) <= HEX


def _send_hex_list(payload: Payload) -> Payload:
    cards = [one["idTag"] for one in payload.get("localAuthorizationList", ())]
    return {"status": "NotSupported" if all(map(_is_hex, cards)) else "Failed"}


def _remote_stop(station: Station, payload: Payload) -> Payload:
    running = station.evse.running
    if running is None or running.id != payload["transactionId"]:
        return {"status": "Rejected"}
    station.end("Remote")
    station.woken()
    return {"status": "Accepted"}


def _availability(station: Station, payload: Payload) -> Payload:
    station.operative = payload["type"] == "Operative"
    station.woken()
    return {"status": "Scheduled" if station.evse.running and not station.operative else "Accepted"}


def _reset(station: Station, payload: Payload) -> Payload:
    station.reset_wanted = "HardReset" if payload["type"] == "Hard" else "SoftReset"
    station.woken()
    return {"status": "Accepted"}


def _unlock(station: Station, payload: Payload) -> Payload:
    if payload["connectorId"] != CONNECTOR:
        return {"status": "NotSupported"}
    station.end("UnlockCommand")
    station.woken()
    return {"status": "Unlocked"}


def _get_configuration(configuration: Configuration, payload: Payload) -> Payload:
    known, unknown = configuration.read(payload.get("key", []))
    told = [{"key": one.key, "readonly": one.readonly, "value": one.value} for one in known]
    return {"configurationKey": told, "unknownKey": unknown}


def _change_configuration(station: Station, configuration: Configuration, payload: Payload) -> Payload:
    if station.has("unknown_options"):
        return {"status": "NotSupported"}
    status = configuration.change(payload["key"], payload["value"])
    station.options_changed(heartbeat=payload["key"] == "HeartbeatInterval" and status == "Accepted")
    return {"status": status}


_HANDLERS: dict[str, Handler] = {
    "SetChargingProfile": _set_profile,
    "ClearChargingProfile": _clear_profile,
    "GetCompositeSchedule": _composite,
    "TriggerMessage": _trigger,
    "ExtendedTriggerMessage": _trigger,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "ChangeAvailability": _availability,
    "Reset": _reset,
    "UnlockConnector": _unlock,
}
_FIXED: dict[str, Payload] = {
    "DataTransfer": {"status": "UnknownVendorId"},
    "ClearCache": {"status": "Accepted"},
    "GetLocalListVersion": {"listVersion": -1},
    "SendLocalList": {"status": "NotSupported"},
    "ReserveNow": {"status": "Rejected"},
    "CancelReservation": {"status": "Rejected"},
}
KNOWN = {
    "GetDiagnostics",
    "UpdateFirmware",
    "CertificateSigned",
    "DeleteCertificate",
    "GetInstalledCertificateIds",
    "GetLog",
    "InstallCertificate",
    "SignedUpdateFirmware",
}
"""Calls that 1.6 has and this station does not serve."""
