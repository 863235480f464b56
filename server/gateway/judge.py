"""What the official schemas (from the `ocpp` package) say of frames, after the fact: nothing is refused because of it.

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
from server.gateway.rpc import MESSAGE_ID_MAX
from server.gateway.versions import Version

COMPLAINTS_MAX = 5
TEXT_MAX = 500
ACTION_MAX = 64
LONG_ID = f"message id: longer than {MESSAGE_ID_MAX} characters"
NO_FRAME = "no frame of OCPP"
IT = "it"
"""Stands for the value in what the schemas say."""

_VERSIONS = {Version.V16: "1.6", Version.V201: "2.0.1", Version.V21: "2.1"}
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_decoder = msgspec.json.Decoder()


def complaints(version: str, kind: str, action: str, frame: str) -> str:
    """What is not as the specification says in a frame, "" where all is, or where there is nothing to hold it against.

    `kind` and `action` as in `Said`: of an answer, the action of the call that it answers.
    """
    if kind == "malformed":
        return NO_FRAME
    rule = _rule(version, kind, action[:ACTION_MAX])
    if rule is None:
        return ""
    try:
        said = _decoder.decode(frame)
    except _UNREADABLE:
        return ""
    place = 3 if kind == "call" else 2
    if not isinstance(said, list) or len(said) <= place:
        return ""
    found = [LONG_ID] if isinstance(said[1], str) and len(said[1]) > MESSAGE_ID_MAX else []
    found += rule if isinstance(rule, list) else _of_payload(rule, said[place])
    return storable("; ".join(found)[:TEXT_MAX]) if found else ""


@lru_cache(maxsize=1_000)
def _rule(version: str, kind: str, action: str) -> jsonschema_rs.Validator | list[str] | None:
    """What the payload is held against, what is wrong whatever it says, or None: nothing is looked at."""
    if kind not in {"call", "result"} or version not in _VERSIONS:
        return None
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
