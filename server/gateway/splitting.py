"""Calls with long lists, told in as many messages as a station takes (OCPP 2.0.1: ItemsPerMessage, BytesPerMessage)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from server.gateway.link import CallStatus, Question, Reply

Say = Callable[[Question], Awaitable[Reply]]
FRAME_BYTES = 100
"""What a frame has around its payload."""
ACCEPTED = "Accepted"
REPORTED = (ACCEPTED, "EmptyResultSet")
"""Answers after which the next part is asked for; one with something to report counts for all."""
UNKNOWN = ("NotSupported", "NotImplemented", "SecurityError")


class List(msgspec.Struct, frozen=True):
    """Which list of an action may be too long, which list its answer has for it, and which component says so.

    `answered` "": a status alone, and what was asked for comes in reports. Those of all parts have one requestId, the
    asker's: the specification wants it of each report of a request (2.0.1 B08), and does not say that no other request
    may have it. `like`: the action whose limits these are too, "" where it has its own (2.0.1 N02: those of GetReport).
    """

    asked: str
    answered: str
    component: str
    like: str = ""


LISTS = {
    "GetVariables": List("getVariableData", "getVariableResult", "DeviceDataCtrlr"),
    "SetVariables": List("setVariableData", "setVariableResult", "DeviceDataCtrlr"),
    "GetReport": List("componentVariable", "", "DeviceDataCtrlr"),
    "GetMonitoringReport": List("componentVariable", "", "DeviceDataCtrlr", "GetReport"),
    "SetVariableMonitoring": List("setMonitoringData", "setMonitoringResult", "MonitoringCtrlr"),
    "ClearVariableMonitoring": List("id", "clearMonitoringResult", "MonitoringCtrlr"),
}
ITEMS, BYTES = "ItemsPerMessage", "BytesPerMessage"
FIRST = (ITEMS, "GetVariables")
OWN = tuple(action for action, one in LISTS.items() if not one.like)
OTHERS = tuple((name, action) for action in OWN for name in (ITEMS, BYTES) if (name, action) != FIRST)


class Limits(msgspec.Struct, frozen=True):
    """What a station said that a message may hold, by variable and action; what it did not say is not in it."""

    said: dict[tuple[str, str], int] = {}

    def chunks(self, action: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """A payload as the payloads that may be sent, in order; an item too large for any goes alone."""
        name, limited = LISTS[action].asked, _limited(action)
        most_items = self.said.get((ITEMS, limited), len(body[name]))
        most_bytes = self.said.get((BYTES, limited))
        room = None if most_bytes is None else most_bytes - FRAME_BYTES - len(_encode({**body, name: []}))
        found: list[list[Any]] = [[]]
        left = room
        for item in body[name]:
            size = len(_encode(item)) + 1
            if found[-1] and (len(found[-1]) >= most_items or (left is not None and size > left)):
                found.append([])
                left = room
            found[-1].append(item)
            left = None if left is None else left - size
        return [{**body, name: items} for items in found]


async def ask(say: Say, question: Question, limits: Limits | None, learnt: Callable[[Limits], None]) -> Reply:
    """Ask in one message or several, and give the answers as one.

    A station of which nobody knows what it takes is asked in one; where it refuses that, it is asked for its limits
    (`learnt` hears them) and the rest goes by those, one by one where it names none. The first part without an answer
    ends it: what came before may have been done.
    """
    body = _body(question)
    if body is None:
        return await say(question)
    parts = [body] if limits is None else limits.chunks(question.action, body)
    if len(parts) == 1:
        reply = await say(question)
        if reply.status is not CallStatus.ERROR or reply.error_code in UNKNOWN:
            return reply
        known = limits or await learn(say)
        if known is None:
            return reply
        parts = known.chunks(question.action, body)
        if len(parts) == 1:  # it names no limit, and refuses all the same
            known = Limits({**known.said, (ITEMS, _limited(question.action)): 1})
            parts = known.chunks(question.action, body)
        learnt(known)
    return await _each(say, question, parts)


async def _each(say: Say, question: Question, parts: Sequence[dict[str, Any]]) -> Reply:
    name = LISTS[question.action].answered
    whole: dict[str, Any] = {}
    reply = Reply(CallStatus.ANSWERED)
    for part in parts:
        reply = await say(msgspec.structs.replace(question, payload=msgspec.Raw(_encode(part))))
        if reply.status is not CallStatus.ANSWERED:
            return reply
        answer = msgspec.json.decode(reply.payload)
        joined = _joined(whole, answer, name) if isinstance(answer, dict) else None
        if joined is None:
            return reply
        whole = joined
    return msgspec.structs.replace(reply, payload=msgspec.Raw(_encode(whole)))


def _joined(whole: dict[str, Any], answer: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Answers so far and one more; None where that one ends it."""
    if name:
        return {**whole, **answer, name: whole.get(name, []) + answer[name]} if type(answer.get(name)) is list else None
    if answer.get("status") not in REPORTED:
        return None
    return answer if whole.get("status") != ACCEPTED else whole


async def learn(say: Say) -> Limits | None:
    """What a station's messages may hold: first, alone, how much may be asked at once. None: nobody answered."""
    said = await _values(say, [FIRST])
    if said is None:
        return None
    rest = list(OTHERS) if FIRST in said else [(ITEMS, "SetVariables")]
    size = said.get(FIRST, 1)
    for start in range(0, len(rest), size):
        said |= await _values(say, rest[start : start + size]) or {}
    return Limits(said)


async def _values(say: Say, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int] | None:
    data = [
        {"component": {"name": LISTS[action].component}, "variable": {"name": name, "instance": action}}
        for name, action in wanted
    ]
    reply = await say(Question("GetVariables", msgspec.Raw(_encode({"getVariableData": data}))))
    if reply.status is not CallStatus.ANSWERED:
        return None
    try:
        found = msgspec.json.decode(reply.payload, type=_Values).get_variable_result
    except msgspec.ValidationError:
        return None
    numbers = {(one.variable.name, one.variable.instance or ""): one.attribute_value or "" for one in found}
    return {key: int(value) for key in wanted if 0 < len(value := numbers.get(key, "")) < 8 and _positive(value)}


def _limited(action: str) -> str:
    """The action under whose name a station says how much of this one it takes."""
    return LISTS[action].like or action


def _positive(value: str) -> bool:
    return value.isascii() and value.isdigit() and int(value) > 0


class _Variable(msgspec.Struct):
    name: str = ""
    instance: str | None = None


class _Value(msgspec.Struct, rename="camel"):
    variable: _Variable
    attribute_value: str | None = None


class _Values(msgspec.Struct, rename="camel"):
    get_variable_result: tuple[_Value, ...] = ()


def _body(question: Question) -> dict[str, Any] | None:
    """The payload of a call whose list may be split, None of any other."""
    if question.action not in LISTS:
        return None
    body = msgspec.json.decode(_encode(question.payload))
    items = body.get(LISTS[question.action].asked) if isinstance(body, dict) else None
    return body if isinstance(items, list) and len(items) > 1 else None


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value)
