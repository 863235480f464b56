"""Keys that travel in OCPP frames are not for the message log: they are told apart and hidden."""

from typing import Any

import msgspec

from server.core.storable import text_of

HIDDEN = "***"
NAMES = ("authorizationkey", "basicauthpassword")
"""1.6 (security whitepaper) names a configuration key, 2.0.1 a variable; network profiles have `...Password` fields.

Both versions take names in any case.
"""


def hidden(raw: bytes) -> str:
    """A frame as text for the log: keys replaced, bytes that are no UTF-8 and NUL made visible as U+FFFD.

    A frame that may hold a key and that nobody can read is not kept at all: its length is.
    """
    low = raw.lower()
    escapes = b"\\" in raw and b"\\u" in low  # \u may write any letter; one byte is found far sooner than two
    if not escapes and b"password" not in low and b"authorizationkey" not in low:
        return text_of(raw)
    try:
        frame = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return f"{HIDDEN} ({len(raw)} bytes that may hold a key and are not JSON)"
    return text_of(msgspec.json.encode(_cleared(frame)))


def _cleared(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, list):
        return [_cleared(item) for item in value]
    if not isinstance(value, dict):
        return value
    low = {name.lower(): item for name, item in value.items()}
    variable = low.get("variable")
    said = [low.get("key")]
    if isinstance(variable, dict):
        said += [item for name, item in variable.items() if name.lower() == "name"]
    named = any(isinstance(one, str) and one.strip().lower() in NAMES for one in said)
    return {name: HIDDEN if _is_key(name, item, named=named) else _cleared(item) for name, item in value.items()}


def _is_key(name: str, item: object, *, named: bool) -> bool:
    if not isinstance(item, str):
        return False
    return "password" in name.lower() or (named and name.lower() in {"value", "attributevalue"})
