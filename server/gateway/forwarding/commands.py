"""What another central system asks of a station of ours: what is passed on, what is refused, in which words."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from server.gateway import schemas
from server.gateway.actions import ASKED
from server.gateway.rpc import ErrorCode, Refusal
from server.gateway.versions import Version

PROFILES = frozenset(["SetChargingProfile", "ClearChargingProfile"])
"""Ours have priority."""
STARTS = frozenset(["RemoteStartTransaction", "RequestStartTransaction"])
OURS_ALONE = frozenset(
    ["CertificateSigned", "DeleteCertificate", "InstallCertificate", "SetNetworkProfile", "UpdateDynamicSchedule"]
)
"""Never passed on, whatever is allowed: they would take the station from us."""
OUR_KEYS = ("authorizationkey", "securityprofile", "centralsystem", "url", "additionalrootcertificatecheck")
OUR_COMPONENTS = frozenset(["securityctrlr", "ocppcommctrlr"])
OUR_VARIABLES = frozenset(["basicauthpassword", "securityprofile", "networkconfigurationpriority"])
"""Of any component. Names of 2.x know no case."""
NO_WORDS = ("Rejected", "Failed", "NotSupported", "UnlockFailed", "NoProfiles", "NoFirmware", "NotFound", "Unknown")
"""How answers say no, the plainest first."""
REASON = "NotEnabled"
NOT_ALLOWED = "The operator of this station does not let this command through."


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a command: passed on with this payload, or `why` not."""

    payload: dict[str, Any] | None
    why: str = ""


def judge(action: str, payload: dict[str, Any], allowed: frozenset[str]) -> Verdict:
    """May a command pass, as far as it and what is allowed tell."""
    if action in OURS_ALONE:
        return Verdict(None, "This command is for the system that steers the station.")
    if action not in allowed:
        return Verdict(None, NOT_ALLOWED)
    if _touches_our_keys(action, payload):
        return Verdict(None, "These settings belong to the system that steers the station.")
    if action in STARTS:  # its profile would be the session's: ours comes once it runs
        payload = {name: value for name, value in payload.items() if name != "chargingProfile"}
    return Verdict(payload)


def refusal(version: Version, action: str, why: str) -> dict[str, Any] | Refusal:
    """No, as the version has it: the answer's own word, or an error where the answer has none."""
    number = version.removeprefix("ocpp")
    if action not in ASKED[number]:
        return Refusal(ErrorCode.NOT_IMPLEMENTED, "This action is not known.")
    word = _no(number, action)
    if word is None:
        return Refusal(ErrorCode.NOT_SUPPORTED, why)
    said: dict[str, Any] = {"status": word}
    told = said | {"statusInfo": {"reasonCode": REASON, "additionalInfo": why[:512]}}
    return told if _may_say_why(number, action, word) else said


@cache
def _no(number: str, action: str) -> str | None:
    """The word for no in an answer that needs a status and nothing else."""
    for word in NO_WORDS:
        if not schemas.complaints(number, action, {"status": word}, answer=True):
            return word
    return None


@cache
def _may_say_why(number: str, action: str, word: str) -> bool:
    info = {"reasonCode": REASON, "additionalInfo": "why"}
    return not schemas.complaints(number, action, {"status": word, "statusInfo": info}, answer=True)


def _touches_our_keys(action: str, payload: Mapping[str, Any]) -> bool:
    if action == "ChangeConfiguration":
        key = str(payload.get("key", "")).lower()
        return any(word in key for word in OUR_KEYS)
    if action == "SetVariables":
        wanted = payload.get("setVariableData")
        return not isinstance(wanted, list) or any(_is_ours(one) for one in wanted)
    return False


def _is_ours(one: Any) -> bool:  # noqa: ANN401 -- any JSON
    return _name(one, "component") in {"", *OUR_COMPONENTS} or _name(one, "variable") in {"", *OUR_VARIABLES}


def _name(one: Any, of: str) -> str:  # noqa: ANN401 -- any JSON
    """The name of a component or variable, "" where none can be read."""
    named = one.get(of) if isinstance(one, dict) else None
    return str(named.get("name", "")).strip().lower() if isinstance(named, dict) else ""
