"""OCPP-J frames: JSON arrays that call, answer or refuse (OCPP-J 1.6 §4, 2.x part 4 §4).

Nothing that a station sends raises here.
"""

import random
import re
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import msgspec

from server.gateway.versions import Version

T = TypeVar("T")

MESSAGE_ID_MAX = 36
ID_MAX = 255
"""What is answered all the same: some put words before a UUID ("offline-"), evcc#19387."""
CALL, RESULT, ERROR, RESULT_ERROR, SEND = 2, 3, 4, 5, 6
NOBODYS_ID = "-1"
"""Who calls without a readable id is answered under this one (OCPP 2.0.1 part 4 §4.2.3; 1.6 has none)."""

_CALL_BEGIN, _OBJECT = b"[2", b"{"
_BOM = b"\xef\xbb\xbf"
_CALL_HEAD = re.compile(rb'\s*\[\s*2\s*,\s*"([^"\\\x00-\x1f]{1,255})"')
_dice = random.Random()  # noqa: S311 -- ids, no secrets
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class ErrorCode(StrEnum):
    """Why a call is refused (OCPP-J 1.6 §4.2.3, table 7, in its spelling; 2.x part 4 §4.3): see `spelled`."""

    NOT_IMPLEMENTED = "NotImplemented"  # the action is not known
    NOT_SUPPORTED = "NotSupported"  # the action is known and not served here
    INTERNAL = "InternalError"
    PROTOCOL = "ProtocolError"  # the frame is incomplete
    FORMATION = "FormationViolation"  # the frame or its payload has the wrong shape
    FORMAT = "FormatViolation"  # 2.x: the payload has the wrong shape
    PROPERTY = "PropertyConstraintViolation"  # a value is out of bounds
    OCCURRENCE = "OccurenceConstraintViolation"  # a field is missing
    TYPE = "TypeConstraintViolation"  # a field has the wrong type
    SECURITY = "SecurityError"  # who asks may not, as things stand
    GENERIC = "GenericError"
    FRAMEWORK = "RpcFrameworkError"  # 2.x: the frame is none
    MESSAGE_TYPE = "MessageTypeNotSupported"  # 2.x: the first number is none that we know


_IN_16 = {
    ErrorCode.MESSAGE_TYPE: ErrorCode.PROTOCOL,
    ErrorCode.FORMAT: ErrorCode.TYPE,  # a payload that is no object; Formation is what is wrong with the frame
    ErrorCode.FRAMEWORK: ErrorCode.FORMATION,
}
_IN_2 = {ErrorCode.FORMATION: ErrorCode.FORMAT.value, ErrorCode.OCCURRENCE: "OccurrenceConstraintViolation"}


def spelled(code: ErrorCode, version: Version) -> str:
    """A code as a version writes it; Occurence and Formation are the spellings of 1.6."""
    return _IN_16.get(code, code).value if version is Version.V16 else _IN_2.get(code, code.value)


class Call(msgspec.Struct, frozen=True, array_like=True, tag=CALL, forbid_unknown_fields=True, gc=False):
    """Somebody asks; on the wire `[2, message_id, action, payload]`."""

    message_id: str
    action: str
    payload: msgspec.Raw


class CallResult(msgspec.Struct, frozen=True):
    """The answer to a call."""

    message_id: str
    payload: msgspec.Raw


class CallError(msgspec.Struct, frozen=True):
    """A call was refused."""

    message_id: str
    code: str
    description: str


class Send(msgspec.Struct, frozen=True):
    """Somebody tells, and wants no answer (2.1)."""

    message_id: str
    action: str
    payload: msgspec.Raw


class ResultError(msgspec.Struct, frozen=True):
    """An answer of ours could not be read (2.1)."""

    message_id: str
    code: str
    description: str


class Malformed(msgspec.Struct, frozen=True):
    """Not a frame. With a `message_id` it was a call that can be refused; without one nobody would know the answer."""

    code: ErrorCode
    description: str
    message_id: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why a call gets no result."""

    code: ErrorCode
    description: str


Frame = Call | CallResult | CallError | Send | ResultError | Malformed

_call_frame = msgspec.json.Decoder(Call)
_elements = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()


def decode(raw: bytes, id_max: int = ID_MAX, version: Version = Version.V16) -> Frame:
    """The frame in `raw`, as UTF-8 JSON. A byte order mark in front is passed over."""
    raw = raw.removeprefix(_BOM)
    if raw.startswith(_CALL_BEGIN) and (call := _sound_call(raw, id_max)) is not None:
        return call
    try:
        elements = _elements.decode(raw)
    except _UNREADABLE:
        return _worded(_not_json(raw, id_max), version, answered=True)
    kind = _read(elements[0], int) if elements else None
    message_id = _read(elements[1], str) if len(elements) > 1 else None
    if message_id is None or not 0 < len(message_id) <= id_max:
        nameless = Malformed(ErrorCode.FORMATION, "A frame carries a message id of 1 to 255 characters.")
        return _worded(nameless, version, answered=kind not in {RESULT, ERROR, RESULT_ERROR, SEND})
    frame = _framed(kind, message_id, elements, version)
    return _worded(frame, version, answered=False) if isinstance(frame, Malformed) else frame


def _sound_call(raw: bytes, id_max: int) -> Call | None:
    """A call with nothing wrong with it, read in one go; None: see what it is, and what is wrong with it."""
    try:
        call = _call_frame.decode(raw)
    except _UNREADABLE:
        return None
    sound = 0 < len(call.message_id) <= id_max and memoryview(call.payload)[:1] == _OBJECT
    return call if sound else None


def _framed(kind: int | None, message_id: str, elements: list[msgspec.Raw], version: Version) -> Frame:
    match kind:
        case 2:
            return _call(message_id, elements)
        case 3:
            return _result(message_id, elements)
        case 4:
            return _error(message_id, elements)
        case 5 if version is Version.V21:
            error = _error(message_id, elements)
            return ResultError(message_id, error.code, error.description)
        case 6 if version is Version.V21:
            call = _call(message_id, elements)
            if isinstance(call, Malformed):
                return Malformed(call.code, call.description)
            return Send(message_id, call.action, call.payload)
    return Malformed(ErrorCode.MESSAGE_TYPE, "Message types are 2, 3 and 4 (2.1: 5 and 6 too).", message_id)


def _worded(frame: Malformed, version: Version, *, answered: bool) -> Malformed:
    """What is no frame is, in 2.x, an RpcFrameworkError, and where nobody can read its id still answered."""
    if version is Version.V16:
        return Malformed(_IN_16.get(frame.code, frame.code), frame.description, frame.message_id)
    code = frame.code if frame.code in {ErrorCode.MESSAGE_TYPE, ErrorCode.FORMAT} else ErrorCode.FRAMEWORK
    nobody = NOBODYS_ID if answered else None
    return Malformed(code, frame.description, frame.message_id or nobody)


def read_payload(decoder: msgspec.json.Decoder[T], payload: msgspec.Raw) -> T | Refusal:
    """The payload as the decoder's struct, or the code that OCPP-J gives to what is wrong with it."""
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        return Refusal(_code_of(str(error)), str(error)[:255])
    except _UNREADABLE:
        return Refusal(ErrorCode.FORMATION, "The payload is not JSON.")


def _code_of(complaint: str) -> ErrorCode:
    """Of what msgspec says in words only; tests/gateway/test_rpc.py holds them fast."""
    if complaint.startswith("Object missing required field"):
        return ErrorCode.OCCURRENCE
    return ErrorCode.TYPE if ", got `" in complaint else ErrorCode.PROPERTY


def fresh_id() -> str:
    """An id for a call or a line, as `uuid4` makes them.

    That asks the system for each, which lets go of the interpreter: beside a busy thread it is 5 ms until it is back.
    """
    return str(UUID(int=_dice.getrandbits(128), version=4))


def encode_call(message_id: str, action: str, payload: msgspec.Struct | msgspec.Raw) -> bytes:
    """A call."""
    return _encoder.encode((CALL, message_id, action, payload))


def encode_answer(message_id: str, answer: msgspec.Struct | Refusal, version: Version = Version.V16) -> bytes:
    """The answer to a call: a result, or an error for a refusal."""
    if isinstance(answer, Refusal):
        return _encoder.encode((ERROR, message_id, spelled(answer.code, version), answer.description, {}))
    return _encoder.encode((RESULT, message_id, answer))


def encode_result_error(message_id: str, refusal: Refusal) -> bytes:
    """What a 2.1 station hears whose answer nobody can read."""
    code = spelled(refusal.code, Version.V21)
    return _encoder.encode((RESULT_ERROR, message_id, code, refusal.description, {}))


def _not_json(raw: bytes, id_max: int) -> Malformed:
    head = _CALL_HEAD.match(raw)
    message_id = head[1].decode("utf-8", "replace") if head else ""
    known = message_id if 0 < len(message_id) <= id_max else None
    return Malformed(ErrorCode.FORMATION, "The frame is not a JSON array.", known)


def _call(message_id: str, elements: list[msgspec.Raw]) -> Call | Malformed:
    if len(elements) < 4:
        return Malformed(ErrorCode.PROTOCOL, "A call is [2, id, action, payload].", message_id)
    action = _read(elements[2], str)
    if len(elements) > 4 or action is None:
        return Malformed(ErrorCode.FORMATION, "A call is [2, id, action, {payload}].", message_id)
    if not bytes(elements[3]).startswith(b"{"):
        return Malformed(ErrorCode.FORMAT, "A payload is an object.", message_id)
    return Call(message_id, action, elements[3])


def _result(message_id: str, elements: list[msgspec.Raw]) -> CallResult | Malformed:
    if len(elements) != 3:
        return Malformed(ErrorCode.FORMATION, "A result is [3, id, payload].")
    return CallResult(message_id, elements[2])


def _error(message_id: str, elements: list[msgspec.Raw]) -> CallError:
    """An error is believed whatever it lacks: the call it answers has failed either way."""
    code, description = ([_read(element, str) or "" for element in elements[2:4]] + ["", ""])[:2]
    return CallError(message_id, code[:50] or ErrorCode.GENERIC, description[:255])


def _read(element: msgspec.Raw, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(element, type=kind)
    except _UNREADABLE:
        return None
