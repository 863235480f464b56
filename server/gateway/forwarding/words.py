"""A station's calls as the other system is to hear them: which, and under whose number."""

import hashlib
from typing import Any

import msgspec

from server.core.evse_status import after
from server.gateway.versions import Version

KEPT = frozenset(["StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"])
UNTOLD = frozenset(["SignCertificate", "Get15118EVCertificate", "GetCertificateStatus", "GetCertificateChainStatus"])
"""What only one system can answer, and that is us."""
START, STOP, METER, EVENT = "StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"
BOOT, BEAT, STATUS, AUTHORIZE = "BootNotification", "Heartbeat", "StatusNotification", "Authorize"
NUMBER = "transactionId"
REASONS = frozenset(
    [
        "DeAuthorized",
        "EmergencyStop",
        "EVDisconnected",
        "HardReset",
        "Local",
        "Other",
        "PowerLoss",
        "Reboot",
        "Remote",
        "SoftReset",
        "UnlockCommand",
    ]
)


def number(payload: bytes) -> int | None:
    """The number of a 1.6 transaction in a payload; None for none, or what some stations say for none (0, -1)."""
    said = read(payload).get(NUMBER)
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else None


def read(payload: bytes) -> dict[str, Any]:
    """An object, {} for anything else."""
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_reading(action: str, payload: bytes) -> bool:
    """Whether a transaction has its begin and its end without this call."""
    return action == METER or (action == EVENT and read(payload).get("eventType") == "Updated")


def numbered(payload: bytes, theirs: int | None) -> bytes:
    """A payload with the other system's number of its transaction, without any for None."""
    said = read(payload)
    said.pop(NUMBER, None)
    if theirs is not None:
        said[NUMBER] = theirs
    return msgspec.json.encode(said)


def stands(version: Version, payload: bytes) -> tuple[int, str] | None:
    """Of which connector (2.x: EVSE) a status is, and which, in 1.6's words; None where nobody can read it."""
    said = read(payload)
    place, word = ("connectorId", "status") if version is Version.V16 else ("evseId", "connectorStatus")
    number, status_ = said.get(place), said.get(word)
    if type(number) is not int or not isinstance(status_, str):
        return None
    return number, after("", status_)


def place(payload: bytes) -> tuple[object, object]:
    """Of which connector a status is: the newest of each is what counts."""
    said = read(payload)
    return str(said.get("evseId")), str(said.get("connectorId"))


def status(version: Version, connector: int, said: str, at: str) -> bytes:
    """The status of a connector, of which we know no more than 1.6's word for it; `at`: our time, as OCPP writes it."""
    if version is Version.V16:
        error = "OtherError" if said == "Faulted" else "NoError"
        made: dict[str, Any] = {"connectorId": connector, "errorCode": error, "status": said, "timestamp": at}
    else:
        word = said if said in {"Available", "Reserved", "Unavailable", "Faulted"} else "Occupied"
        made = {"timestamp": at, "connectorStatus": word, "evseId": connector, "connectorId": 1}
    return msgspec.json.encode(made)


def mark(reference: str) -> int:
    """The number under which it is kept that a transaction with a name (2.x) was told: below 0, where 1.6 has none."""
    return -1 - (int.from_bytes(hashlib.blake2b(reference.encode(), digest_size=4).digest()) >> 1)


def transaction(payload: bytes) -> tuple[str, str]:
    """What an event of 2.x is: Started, Updated or Ended, and the name of its transaction; "" for what it lacks."""
    said = read(payload)
    info = said.get("transactionInfo")
    name = info.get("transactionId") if isinstance(info, dict) else None
    return str(said.get("eventType", "")), name if isinstance(name, str) else ""


def begins(action: str, payload: bytes) -> bool:
    """Whether a call tells of the begin of a transaction, in any version."""
    return action == START or (action == EVENT and transaction(payload)[0] == "Started")


def begin(connector: int, card: str, meter_wh: int, at: str) -> bytes:
    """A StartTransaction of 1.6 for a transaction that runs already."""
    return msgspec.json.encode({"connectorId": connector, "idTag": card, "meterStart": meter_wh, "timestamp": at})


def begin_named(reference: str, evse: int, card: str, meter_wh: int, at: str) -> bytes:
    """The event that began a 2.x transaction that runs already. `card` "": nobody had to show one."""
    reading = {"timestamp": at, "sampledValue": [{"value": meter_wh, "context": "Transaction.Begin"}]}
    made = {
        "eventType": "Started",
        "timestamp": at,
        "triggerReason": "Authorized" if card else "CablePluggedIn",
        "seqNo": 0,
        "offline": True,  # for whoever hears of it now
        "transactionInfo": {"transactionId": reference},
        "evse": {"id": evse, "connectorId": 1},
        "idToken": {"idToken": card, "type": _kind(card)},
        "meterValue": [reading],
    }
    return msgspec.json.encode(made)


def _kind(card: str) -> str:
    """What a token seems to be: a session keeps its name alone. Cards have 4, 7 or 10 bytes, in hex."""
    is_card = len(card) in {8, 14, 20} and all(letter in "0123456789abcdefABCDEF" for letter in card)
    return "NoAuthorization" if not card else "ISO14443" if is_card else "Central"


def end(ours: int, meter_wh: int, at: str, reason: str) -> bytes:
    """A StopTransaction of 1.6 for a transaction whose own one was not noted."""
    made: dict[str, Any] = {"transactionId": ours, "meterStop": meter_wh, "timestamp": at}
    return msgspec.json.encode(made | ({"reason": reason} if reason in REASONS else {}))


def card_in(action: str, payload: bytes) -> str:
    """The card that a call shows, "" for none."""
    said = read(payload)
    shown = said.get("idTag")
    if action in {EVENT, AUTHORIZE, "RequestStartTransaction"} and isinstance(said.get("idToken"), dict):
        shown = said["idToken"].get("idToken")
    return shown if isinstance(shown, str) else ""


def word_on_card(answer: bytes) -> str:
    """What an answer says of the card, in OCPP's words; "" where it says nothing."""
    said = read(answer)
    info = said.get("idTagInfo", said.get("idTokenInfo"))
    status = info.get("status") if isinstance(info, dict) else None
    return status[:20] if isinstance(status, str) else ""


def introduction(version: Version, said: bytes | None, vendor: str, model: str) -> bytes:
    """A station's BootNotification: as it was `said` last, where that was in a version of the same form."""
    known = read(said or b"")
    station = known.get("chargingStation")
    if said is not None and isinstance(station, dict) is (version is not Version.V16):
        return said
    vendor = str(known.get("chargePointVendor", "") or _of(station, "vendorName") or vendor)
    model = str(known.get("chargePointModel", "") or _of(station, "model") or model)
    if version is Version.V16:
        made: dict[str, Any] = {
            "chargePointVendor": vendor[:20] or "unknown",
            "chargePointModel": model[:20] or "unknown",
        }
    else:
        station = {"vendorName": vendor[:50] or "unknown", "model": model[:20] or "unknown"}
        made = {"reason": "Unknown", "chargingStation": station}
    return msgspec.json.encode(made)


def _of(said: object, name: str) -> object:
    return said.get(name) if isinstance(said, dict) else None
