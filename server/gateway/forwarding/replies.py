"""The other system's commands: one after the other, passed to the station or refused, and always answered."""

import asyncio
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection

from server.gateway import rpc, schemas
from server.gateway.forwarding import commands, words
from server.gateway.forwarding.ears import Ears
from server.gateway.forwarding.ports import Ask, Route, Store
from server.gateway.link import CallStatus, Question, Reply
from server.gateway.rpc import Call, ErrorCode, Refusal
from server.gateway.versions import Version

WAITING_MAX = 16
STOP = "RemoteStopTransaction"
UNKNOWN_NUMBER = "This transaction is not known."


class Commands:
    """What one other system asks of one station."""

    def __init__(self, route: Route, ears: Ears, store: Store, ask: Ask) -> None:
        """All belong to the station's line."""
        self._route, self._ears, self._store, self._ask = route, ears, store, ask
        self._calls: asyncio.Queue[Call] = asyncio.Queue(WAITING_MAX)
        self._too_many: list[str] = []

    def put(self, call: Call) -> None:
        """One more; of those that are too many each is answered with an error, later."""
        if self._calls.full():
            self._too_many = [*self._too_many[-WAITING_MAX:], call.message_id]
        else:
            self._calls.put_nowait(call)

    async def work(self, connection: ClientConnection, version: Version) -> str:
        """Answer what is asked, until cancelled. What an earlier connection asked is forgotten."""
        self._calls, self._too_many = asyncio.Queue(WAITING_MAX), []
        while True:
            call = await self._calls.get()
            await connection.send(_encoded(call.message_id, await self._answer(call, version), version), text=True)
            busy, self._too_many = self._too_many, []
            for message_id in busy:
                refusal = Refusal(ErrorCode.GENERIC, "Too many commands at once.")
                await connection.send(_encoded(message_id, refusal, version), text=True)

    async def _answer(self, call: Call, version: Version) -> dict[str, Any] | msgspec.Raw | Refusal:
        payload = words.read(bytes(call.payload))
        verdict = commands.judge(call.action, payload, self._route.allowed)
        why = verdict.why
        if not why and call.action in commands.PROFILES:
            why = await self._store.ours_first()
        if not why and call.action == STOP:
            ours = self._ears.ours_of(_whole(payload.get(words.NUMBER)))
            verdict = commands.Verdict({words.NUMBER: ours}, "" if ours is not None else UNKNOWN_NUMBER)
            why = verdict.why
        if why or verdict.payload is None:
            self._store.note(f"Refused {call.action}: {why}"[:200])
            return commands.refusal(version, call.action, why)
        wrong = schemas.complaints(version.removeprefix("ocpp"), call.action, verdict.payload)
        if wrong:
            return Refusal(ErrorCode.FORMATION, f"{wrong[0][0]}: {wrong[0][1]}"[:255])
        return await self._pass_on(call.action, verdict.payload)

    async def _pass_on(self, action: str, payload: dict[str, Any]) -> msgspec.Raw | Refusal:
        encoded = msgspec.json.encode(payload)
        card = words.card_in(action, encoded) if action in commands.STARTS else ""
        take_back = await self._store.lend(card) if card else None  # whom it starts may charge
        reply = await self._ask(Question(action, msgspec.Raw(encoded)))
        if take_back is not None and _is_no(reply):
            take_back()
        match reply.status:
            case CallStatus.ANSWERED:
                return reply.payload
            case CallStatus.ERROR:
                return Refusal(_code(reply), reply.detail)
        return Refusal(ErrorCode.GENERIC, f"The station is {reply.status.value}: {reply.detail}"[:255])


def _is_no(reply: Reply) -> bool:
    """Whether the station will not do it; one that has not answered may."""
    if reply.status is CallStatus.ANSWERED:
        return words.read(bytes(reply.payload)).get("status") != "Accepted"
    return reply.status is CallStatus.ERROR


def _code(reply: Reply) -> ErrorCode:
    known = {rpc.spelled(code, version): code for version in Version for code in ErrorCode}
    return known.get(reply.error_code, ErrorCode.GENERIC)


def _whole(said: object) -> int:
    """A number that nobody gave for what is none."""
    return said if isinstance(said, int) and not isinstance(said, bool) else -(2**63)


def _encoded(message_id: str, answer: dict[str, Any] | msgspec.Raw | Refusal, version: Version) -> bytes:
    if isinstance(answer, Refusal):
        return rpc.encode_answer(message_id, answer, version)
    return msgspec.json.encode((rpc.RESULT, message_id, answer))
