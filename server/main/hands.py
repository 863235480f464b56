"""Any command of a station's version, as an operator gives it in JSON."""

import time
from typing import Any
from uuid import UUID

import msgspec

from server.api.context import Order
from server.gateway import schemas
from server.gateway.actions import ASKED
from server.gateway.link import CallStatus, Question, Reply
from server.gateway.listener import Gateway
from shared.operating import CommandForm, CommandForms, CommandOutcome, CommandStatus
from shared.problems import FieldError

UNKNOWN_VERSION = "1.6"
"""What a station is taken to speak that was never here."""
WORDS = {
    CallStatus.ANSWERED: CommandStatus.ANSWERED,
    CallStatus.OFFLINE: CommandStatus.OFFLINE,
    CallStatus.TIMED_OUT: CommandStatus.TIMED_OUT,
    CallStatus.ERROR: CommandStatus.REFUSED,
}


class GatewayHands:
    """Checks a command, sends it, and says what became of it."""

    def __init__(self, gateway: Gateway) -> None:
        """The gateway that holds the stations' connections."""
        self._gateway = gateway

    def forms(self, station_id: UUID, spoke: str = "") -> CommandForms:
        """What a station may be asked, each with a body that its schema allows."""
        version = self._version(station_id, spoke)
        return CommandForms(version, [CommandForm(name, schemas.example(version, name)) for name in ASKED[version]])

    def complaints(self, station_id: UUID, order: Order, spoke: str = "") -> list[FieldError] | None:
        """What the schema finds wrong, None where the version has no such action."""
        version = self._version(station_id, spoke)
        if order.action not in ASKED[version]:
            return None
        found = schemas.complaints(version, order.action, order.body)
        return [FieldError(field or "body", why) for field, why in found]

    async def say(self, station_id: UUID, identity: str, order: Order) -> CommandOutcome:
        """Send a command that was found good; never raises for what a station does."""
        version = self._version(station_id, "")
        question = Question(order.action, msgspec.Raw(msgspec.json.encode(order.body)), order.by)
        began = time.monotonic()
        reply = await self._gateway.ask(station_id, question, order.timeout_s)
        answer = _json(reply)
        complaints = [] if answer is None else schemas.complaints(version, order.action, answer, answer=True)
        return CommandOutcome(
            station=identity,
            action=order.action,
            status=WORDS[reply.status],
            answer=answer,
            error_code=reply.error_code,
            detail=reply.detail,
            complaints=[f"{field or 'answer'}: {why}" for field, why in complaints],
            took_ms=round((time.monotonic() - began) * 1000),
        )

    def _version(self, station_id: UUID, spoke: str) -> str:
        """What it speaks; of one that is offline what it spoke last (its subprotocol)."""
        return ((self._gateway.version(station_id) or spoke).removeprefix("ocpp")) or UNKNOWN_VERSION


def _json(reply: Reply) -> Any:  # noqa: ANN401 -- whatever the station said
    return msgspec.json.decode(reply.payload) if reply.status is CallStatus.ANSWERED else None
