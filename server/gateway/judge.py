"""What the official schemas (from the `ocpp` package) say of frames, after the fact: nothing is refused because of it.

Of errors, which have no schema, what part 4 says (1.6: OCPP-J §4.2.3).

Compiled once an action (`jsonschema-rs`); a good frame of meter values costs about 10 us, an odd one about 40. What is
said names fields (as the station calls them) and rules and never quotes a value, which may be a key.
"""

import json
from functools import cache, lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec

from server.core.storable import storable
from server.gateway import schemas
from server.gateway.rpc import MESSAGE_ID_MAX, ErrorCode, spelled
from server.gateway.versions import Version

COMPLAINTS_MAX = 5
TEXT_MAX = 500
ACTION_MAX = 64
LONG_ID = f"message id: longer than {MESSAGE_ID_MAX} characters"
DESCRIPTION_MAX = 255
"""2.x; 1.6 has no bound for it."""
ERROR_PARTS = ("code", "description", "details")
NO_FRAME = "no frame of OCPP"
IT = "it"
"""Stands for the value in what the schemas say."""

_VERSIONS: dict[str, str] = {Version.V16: "1.6", Version.V201: "2.0.1", Version.V21: "2.1"}
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decoder = msgspec.json.Decoder()


def complaints(version: str, kind: str, action: str, frame: str) -> str:
    """What is not as the specification says in a frame, "" where all is, or where there is nothing to hold it against.

    `kind` and `action` as in `Said`: of an answer, the action of the call that it answers.
    """
    if kind == "malformed":
        return NO_FRAME
    said = _read(frame) if version in _VERSIONS else None
    if said is None:
        return ""
    found = [LONG_ID] if isinstance(said[1], str) and len(said[1]) > MESSAGE_ID_MAX else []
    if kind == "error":
        found += _of_error(Version(version), said[2:])
    elif len(said) > (place := 3 if kind == "call" else 2):
        rule = _rule(version, kind, action[:ACTION_MAX])
        found += rule if isinstance(rule, list) else _of_payload(rule, said[place])
    return storable("; ".join(found)[:TEXT_MAX]) if found else ""


def _read(frame: str) -> list[Any] | None:
    """The elements of a frame, None where it is no list of two at least."""
    try:
        said = _decoder.decode(frame)
    except _UNREADABLE:
        return None
    return said if isinstance(said, list) and len(said) > 1 else None


@cache
def _codes(version: Version) -> frozenset[str]:
    """Why a version may refuse (1.6J §4.2.3: ten codes; 2.x part 4 §4.3: twelve, one in two spellings, by edition)."""
    by_edition = set() if version is Version.V16 else {ErrorCode.OCCURRENCE.value}
    return frozenset(by_edition | {spelled(code, version) for code in ErrorCode})


def _of_error(version: Version, said: list[Any]) -> list[str]:
    """What is wrong with the code, description, details of a CALLERROR or a CALLRESULTERROR: no schema has them."""
    code, description, details = [*said, None, None, None][:3]
    found = [] if isinstance(code, str) and code in _codes(version) else [f"no error code of OCPP {_VERSIONS[version]}"]
    if not isinstance(description, str):
        found.append("error description: a text is wanted, an empty one where there is none")
    elif version is not Version.V16 and len(description) > DESCRIPTION_MAX:
        found.append(f"error description: longer than {DESCRIPTION_MAX} characters")
    if not isinstance(details, dict):
        found.append("error details: an object is wanted, an empty one where there are none")
    return found + (["an error has five elements"] if len(said) > len(ERROR_PARTS) else [])


@lru_cache(maxsize=1_000)
def _rule(version: str, kind: str, action: str) -> jsonschema_rs.Validator | list[str]:
    """What the payload of a call or result is held against, or what is wrong whatever it says."""
    of = _VERSIONS[Version(version)]
    if schemas.name(of, action, answer=False) not in schemas.names(of):
        return [f"no action of OCPP {of}"] if kind == "call" else []
    return _validator(of, schemas.name(of, action, answer=kind == "result"))


def _of_payload(validator: jsonschema_rs.Validator, payload: Any) -> list[str]:  # noqa: ANN401 -- any JSON
    try:
        if validator.is_valid(payload):
            return []
        return [_worded(error) for error in islice(validator.iter_errors(payload), COMPLAINTS_MAX)]
    except ValueError:  # deeper than it looks, or larger than its numbers
        return ["too deep to be read"]


def _worded(error: jsonschema_rs.ValidationError) -> str:
    place = ".".join(str(step) for step in error.instance_path)
    return f"{place}: {error.message}" if place else error.message


@cache
def _validator(version: str, name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads(schemas.text(version, name)), validate_formats=True, mask=IT)
