"""The station that speaks, and how its calls are read: the same for every version."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from server.core.makes import LONG_MESSAGE_IDS
from server.gateway import lax, rpc
from server.gateway.ports import Flows
from server.gateway.quirks import Quirks
from server.gateway.rpc import ErrorCode, Refusal
from server.gateway.versions import Version

T = TypeVar("T", bound=msgspec.Struct)
Answer = msgspec.Struct | Refusal
ACCEPTED = "Accepted"


class Standing(msgspec.Struct):
    """What a link's last boot was answered, what we asked it to say meanwhile (`triggered`, by action).

    `shown`: the quirks that it has shown.
    """

    boot: str = ACCEPTED
    triggered: set[str] = msgspec.field(default_factory=set)
    shown: set[str] = msgspec.field(default_factory=set)


class Caller(msgspec.Struct, frozen=True):
    """The station that speaks, and who listens."""

    flows: Flows
    station_id: UUID
    quirks: Quirks = Quirks()
    version: Version = Version.V16
    standing: Standing = msgspec.field(default_factory=Standing)


class Action(msgspec.Struct, Generic[T], frozen=True):
    """How one action is read, and who answers it.

    `unread`: what is said to what nobody can read, for a refusal would have some stations say it for ever.
    """

    kind: type[T]
    decoder: msgspec.json.Decoder[T]
    handler: Callable[[Caller, T], Awaitable[Answer]]
    unread: Answer | None = None


def action(kind: type[T], handler: Callable[[Caller, T], Awaitable[Answer]], unread: Answer | None = None) -> Action[T]:
    """An action whose payload is a `kind`."""
    return Action(kind, msgspec.json.Decoder(kind), handler, unread)


async def answer(caller: Caller, served: Action[Any], call: rpc.Call) -> Answer:
    """The answer to a call of an action that is served, or what is wrong with its payload."""
    if len(call.message_id) > rpc.MESSAGE_ID_MAX and not caller.quirks.long_message_ids:
        await shows(caller, LONG_MESSAGE_IDS)
    request = rpc.read_payload(served.decoder, call.payload)
    if isinstance(request, Refusal):
        request = _again(served, call.payload, request)
    if isinstance(request, Refusal):
        return served.unread or request
    handling = served.handler(caller, request)
    del request  # what was read is not held while it waits for a transaction: its memory is used again while it is warm
    return await handling


def _again(served: Action[T], payload: msgspec.Raw, refusal: Refusal) -> T | Refusal:
    """The payload read laxly where its shape is wrong; what is no JSON is none."""
    if refusal.code is ErrorCode.FORMATION:
        return refusal
    return lax.read(served.kind, payload) or refusal


async def shows(caller: Caller, quirk: str) -> bool:
    """A station shows a quirk: it is kept with it, once a connection. False: its operator says that it has none."""
    if quirk in caller.quirks.denied:
        return False
    if quirk not in caller.standing.shown:
        caller.standing.shown.add(quirk)
        await caller.flows.shown(caller.station_id, quirk)
    return True
