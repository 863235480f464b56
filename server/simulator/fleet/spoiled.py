"""Payloads as stations with quirks say them: what is wrong in a message is put into it here."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from server.simulator.fleet.quirks import V16

LOCAL = ZoneInfo("Europe/Amsterdam")
NO_TRANSACTIONS = (0, -1, 2**63 - 1)
SPOILT = "\x01\x02"
Payload = dict[str, Any]


def spoil(version: str, quirks: frozenset[str], action: str, payload: Payload, count: int) -> Payload:
    """A payload with all that the quirks do to it; `count`: it is the station's so many-th message."""
    for name, change in _CHANGES.items():
        if name in quirks:
            change(version, action, payload, count)
    return payload


def _said_as(say: Callable[[datetime], str]) -> Callable[[str, str, Payload, int], None]:
    """All times of a payload said otherwise; `say` has each in local time."""

    def change(_version: str, _action: str, payload: Payload, _count: int) -> None:
        for one in [payload, *payload.get("meterValue", ()), *payload.get("transactionData", ())]:
            if "timestamp" in one:
                one["timestamp"] = say(datetime.fromisoformat(one["timestamp"]).astimezone(LOCAL))

    return change


def _local(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")


def _local_as_utc(moment: datetime) -> str:
    return f"{_local(moment)}Z"


def _short_offset(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").removesuffix(":00")


def _odd_words(version: str, action: str, payload: Payload, _count: int) -> None:
    if action == "StatusNotification" and version == V16:
        payload["errorCode"] = "Error"
    for moment in payload.get("meterValue", ()):
        odd = _odd_samples(version)
        moment["sampledValue"] = [*moment["sampledValue"], *odd]


def _odd_samples(version: str) -> list[Payload]:
    if version == V16:
        return [
            {"value": "50", "measurand": "Frequency", "unit": "Hz"},
            {"value": "7", "measurand": "Request.Energy", "unit": "kWh", "context": "Interruption.Start"},
        ]
    return [{"value": 7, "measurand": "Request.Energy", "context": "Interruption.Start"}]


def _long_strings(version: str, action: str, payload: Payload, _count: int) -> None:
    if action == "BootNotification" and version == V16:
        payload |= {"chargeBoxSerialNumber": "S" * 26, "chargePointModel": "EVlink " + "M" * 40}
    elif action == "BootNotification":
        payload["chargingStation"] |= {"serialNumber": "S" * 26, "model": "EVlink " + "M" * 40}


def _empty_values(version: str, _action: str, payload: Payload, count: int) -> None:
    if "meterValue" in payload and count % 2:
        nothing = {"value": ""} if version == V16 else {"value": None}
        payload["meterValue"] += [
            {"timestamp": "0", "sampledValue": []},
            {"timestamp": payload["meterValue"][0]["timestamp"], "sampledValue": [nothing]},
        ]


def _odd_transaction_ids(_version: str, action: str, payload: Payload, count: int) -> None:
    if action == "MeterValues" and "transactionId" in payload:
        payload["transactionId"] = NO_TRANSACTIONS[count % len(NO_TRANSACTIONS)]


def _odd_stop_ids(_version: str, action: str, payload: Payload, count: int) -> None:
    if action == "StopTransaction":
        payload["transactionId"] = NO_TRANSACTIONS[count % len(NO_TRANSACTIONS)]


def _spoilt_card(_version: str, action: str, payload: Payload, _count: int) -> None:
    if action == "StartTransaction":
        payload["idTag"] += SPOILT
    elif action == "TransactionEvent" and "idToken" in payload:
        payload["idToken"] = payload["idToken"] | {"idToken": payload["idToken"]["idToken"] + SPOILT}


def _no_connector(_version: str, action: str, payload: Payload, _count: int) -> None:
    if action == "TransactionEvent" and "evse" in payload:
        payload["evse"] = {"id": payload["evse"]["id"]}


def _offline_as_live(_version: str, _action: str, payload: Payload, _count: int) -> None:
    payload.pop("offline", None)


_CHANGES: dict[str, Callable[[str, str, Payload, int], None]] = {
    "local_time": _said_as(_local),
    "local_as_utc": _said_as(_local_as_utc),
    "short_offset": _said_as(_short_offset),
    "odd_words": _odd_words,
    "long_strings": _long_strings,
    "empty_values": _empty_values,
    "odd_transaction_ids": _odd_transaction_ids,
    "odd_stop_ids": _odd_stop_ids,
    "spoilt_card": _spoilt_card,
    "no_connector": _no_connector,
    "offline_as_live": _offline_as_live,
}
