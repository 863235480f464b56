"""Each version of OCPP as the listener needs it: who answers a call, what we may ask, how answers are read."""

from collections.abc import Awaitable, Callable

import msgspec

from server.gateway import rpc
from server.gateway.caller import Answer, Caller
from server.gateway.rpc import Refusal
from server.gateway.v16 import commands as v16
from server.gateway.v16 import handlers as v16_handlers
from server.gateway.v16.messages import Message as Message16
from server.gateway.v201 import commands as v201
from server.gateway.v201 import handlers as v201_handlers
from server.gateway.v201.messages import Message as Message201
from server.gateway.versions import Version

Command = v16.Command | v201.Command
CommandAnswer = v16.CommandAnswer | v201.CommandAnswer


class Language(msgspec.Struct, frozen=True):
    """One version's words. `message`: what its commands are made of."""

    handle: Callable[[Caller, rpc.Call], Awaitable[Answer]]
    message: type[msgspec.Struct]


V2 = Language(v201_handlers.handle, Message201)
LANGUAGES = {Version.V16: Language(v16_handlers.handle, Message16), Version.V201: V2, Version.V21: V2}


def action(command: Command) -> str:
    """The action's name on the wire."""
    return type(command).__name__


def read_answer(command: Command, payload: msgspec.Raw) -> CommandAnswer | Refusal:
    """What the station's result says, or why nobody can read it."""
    if isinstance(command, Message16):
        return v16.read_answer(command, payload)
    return v201.read_answer(command, payload)


def accepted(answer: CommandAnswer | None) -> bool:
    """The station said Accepted, which is not yet done."""
    return getattr(answer, "status", "") == "Accepted"
