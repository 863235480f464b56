"""One station's socket: calls in, in order; one call out at a time; answers told apart while a handler is slow."""

import asyncio
import contextlib
import traceback
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import msgspec
import structlog
from websockets.exceptions import ConnectionClosed

from server.core.makes import OTHER_RESULT_IDS
from server.gateway import liveness, rpc
from server.gateway.connection import StationConnection
from server.gateway.patience import Patience
from server.gateway.ports import Said
from server.gateway.rpc import Call, CallError, CallResult, ErrorCode, Malformed, Refusal, ResultError, Send
from server.gateway.versions import Version

INBOX_FRAMES = 64
"""Calls that wait for their handler; beyond it the socket waits too. OCPP allows a station one at a time."""
REMEMBERED = 32
"""Answers kept for calls that come again with the same id."""
TELLS_THE_TIME = frozenset({"BootNotification", "Heartbeat"})
"""Never answered from memory: some stations use one id for ever, and an old time would set their clock back."""
BOOT = "BootNotification"
KINDS: dict[type, str] = {
    Call: "call",
    Send: "call",
    CallResult: "result",
    CallError: "error",
    ResultError: "error",
    Malformed: "malformed",
}
ERROR_HEAD = b"[4"
LATE = 8
"""So many calls of ours are remembered, for answers that come too late."""

Incoming = Call | Send | Malformed

log = structlog.get_logger("gateway")


class CallStatus(StrEnum):
    """What became of a call of ours."""

    ANSWERED = "answered"
    OFFLINE = "offline"  # not sent, or the line broke before the answer: the station may have acted on it
    TIMED_OUT = "timed_out"  # no answer in time: the station may act on it yet
    ERROR = "error"  # the station refused the call, or answered what nobody can read


class Reply(msgspec.Struct, frozen=True):
    """A station's answer, before anybody has read what it says."""

    status: CallStatus
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    error_code: str = ""
    detail: str = ""
    message_id: str = ""


class Question(msgspec.Struct, frozen=True):
    """A call of ours: `payload` a struct or JSON as it stands, `by` the account that wants it."""

    action: str
    payload: msgspec.Struct | msgspec.Raw
    by: UUID | None = None


class Line(Protocol):
    """What a link needs of its surroundings."""

    counts: Counter[str]

    def message(self, said: Said) -> None:
        """Keep a frame in the message log."""

    def answer(self, call: Call) -> Awaitable[msgspec.Struct | Refusal]:
        """What a call of the station is answered."""
        ...

    def asked(self, question: Question) -> None:
        """The station is about to be asked this: what it is triggered to say it may say before it was accepted."""

    async def shows(self, quirk: str) -> bool:
        """The station shows a quirk: whether it is to be treated so from now on."""
        ...

    async def hear(self, told: Send) -> None:
        """What a station tells without wanting an answer (2.1)."""


class _Asked(msgspec.Struct):
    message_id: str
    reply: asyncio.Future[CallResult | CallError | None]  # None: the line broke


class Link:
    """A station's connection, from its handshake to the last frame handled. Frames that came are handled, always.

    `pending` is exact for what was read from the socket: calls of the station not yet answered, and calls of ours
    that have neither an answer nor an end. Bytes still in the socket are their sender's to count.
    """

    def __init__(
        self, connection: StationConnection, station_id: UUID, line: Line, id_max: int, version: Version = Version.V16
    ) -> None:
        self.station_id = station_id
        self.version = version
        self.connection_id = rpc.fresh_id()
        self.open = True
        self.ended_by_us = False
        self.believes_any_id = False  # an answer counts for the call that is out, whatever id it names
        self.patience = Patience(None)
        self.finished = asyncio.Event()
        self.idle = asyncio.Event()  # no call of the station waits for its answer
        self.idle.set()
        self._connection = connection
        self._line = line
        self._id_max = id_max
        self._inbox: deque[tuple[bytes, Incoming] | None] = deque()
        self._idling: asyncio.Future[None] | None = None  # `work` has nothing to do
        self._unanswered = 0
        self._calls = 0
        self._turn = asyncio.Lock()
        self._asked: _Asked | None = None
        self._strange_answer = False  # while the last call was out an answer came under an id that we never used
        self._calls_out: deque[tuple[str, str]] = deque(maxlen=LATE)
        self._deaf = False
        self._spoke = asyncio.Event()
        self._booted = asyncio.Event()
        self._booted.set()
        self._remembered: OrderedDict[str, tuple[int, bytes]] = OrderedDict()

    @property
    def pending(self) -> int:
        """Calls not yet answered, theirs and ours."""
        return self._unanswered + self._calls

    async def read(self) -> None:
        """Hear the socket until it closes. It never waits for a handler, unless INBOX_FRAMES calls wait already."""
        try:
            await self._connection.listen(self._take)
        finally:
            self.ended_by_us |= liveness.gave_up(self._connection)
            self._close()

    def _take(self, raw: bytes) -> None:
        frame = rpc.decode(raw, self._id_max, self.version)
        self._line.counts["frames_in"] += 1
        kind = KINDS[type(frame)]
        self._tell(Said("in", kind, self._action_of(frame), frame.message_id or "", raw, version=self.version))
        if isinstance(frame, CallResult | CallError):
            self._settle(frame)
            return
        if isinstance(frame, ResultError):
            self._line.counts["results_refused"] += 1  # the call has been answered: nothing is to be done
            return
        if isinstance(frame, Call) and frame.action == BOOT:
            self._booted.clear()
        self._unanswered += 1
        self.idle.clear()
        self._hand((raw, frame))
        if len(self._inbox) == INBOX_FRAMES:
            self._connection.wait()

    def _hand(self, item: tuple[bytes, Incoming] | None) -> None:
        """Give `work` something to do. (A queue of asyncio's costs several times as much a frame.)"""
        self._inbox.append(item)
        if self._idling is not None and not self._idling.done():
            self._idling.set_result(None)

    def _tell(self, said: Said) -> None:
        """Let it be heard. Whoever listens and fails ends no connection; the first time is logged."""
        try:
            self._line.message(said)
        except Exception as error:  # noqa: BLE001 -- a listener's fault is not the station's
            self._line.counts["messages_unheard"] += 1
            if not self._deaf:
                log.error("hearing_failed", station=str(self.station_id), error=name_and_places(error))  # noqa: TRY400
            self._deaf = True

    def _action_of(self, frame: rpc.Frame) -> str:
        """The action of a call, or of the call that an answer is to."""
        return frame.action if isinstance(frame, Call | Send) else self._action_asked(frame.message_id)

    def _action_asked(self, wanted: str | None) -> str:
        return next((action for message_id, action in self._calls_out if message_id == wanted), "")

    def _settle(self, frame: CallResult | CallError) -> None:
        asked = self._asked
        fits = asked is not None and (asked.message_id == frame.message_id or self.believes_any_id)
        if asked is not None and not any(frame.message_id == one for one, _ in self._calls_out):
            self._strange_answer = True
        if asked is None or not fits or asked.reply.done():
            self._line.counts["results_dropped"] += 1  # late, twice, or never asked for
            return
        asked.reply.set_result(frame)

    def _close(self) -> None:
        self.open = False
        if self._asked is not None and not self._asked.reply.done():
            self._asked.reply.set_result(None)
        self._spoke.set()
        self._booted.set()

    def drop(self) -> None:
        """Let go of the socket at once, without a closing handshake; what came by it is still handled."""
        self.ended_by_us = True
        self._connection.transport.abort()
        self._close()

    async def close(self, code: int) -> None:
        """Close the socket with a handshake."""
        self.ended_by_us = True
        await self._connection.close(code)

    async def end(self) -> None:
        """Let `work` return once it has handled what came."""
        self._hand(None)

    async def work(self) -> None:
        """Handle the calls in the order of their coming, until `end`."""
        while (item := await self._next()) is not None:
            raw, frame = item
            if len(self._inbox) == INBOX_FRAMES // 2:
                self._connection.go_on()
            if self.patience.tried:
                await self.patience.turn()
            try:
                answer = await self._handle(raw, frame)
            except Exception as error:  # noqa: BLE001 -- one of three in the server: a frame never ends a connection
                self._line.counts["handler_failures"] += 1
                log.error("handling_failed", station=str(self.station_id), error=name_and_places(error))  # noqa: TRY400
                answer = _failed(frame, self.version)
            if answer is not None:
                await self._send(frame, answer)
            self._answered(frame)
            if isinstance(frame, Malformed) or (answer is not None and answer.startswith(ERROR_HEAD)):
                await self.patience.take()

    async def _next(self) -> tuple[bytes, Incoming] | None:
        while not self._inbox:
            self._idling = asyncio.get_running_loop().create_future()
            await self._idling
        return self._inbox.popleft()

    def _answered(self, frame: Incoming) -> None:
        self._unanswered -= 1
        if self._unanswered == 0:
            self.idle.set()
        if isinstance(frame, Call):
            self._spoke.set()
            if frame.action == BOOT:
                self._booted.set()

    async def _handle(self, raw: bytes, frame: Incoming) -> bytes | None:
        if isinstance(frame, Send):
            await self._line.hear(frame)
            return None
        return self._refuse(frame) if isinstance(frame, Malformed) else await self._answer(raw, frame)

    def _refuse(self, frame: Malformed) -> bytes | None:
        self._line.counts["frames_malformed"] += 1
        log.info("frame_malformed", station=str(self.station_id), why=frame.description)
        if frame.message_id is None:
            return None
        return rpc.encode_answer(frame.message_id, Refusal(frame.code, frame.description), self.version)

    async def _answer(self, raw: bytes, call: Call) -> bytes:
        fingerprint = hash(raw)  # keyed anew in each process, so that nobody makes two alike
        known = self._remembered.get(call.message_id)
        if known is not None and known[0] == fingerprint:
            self._line.counts["calls_repeated"] += 1
            return known[1]
        said = await self._line.answer(call)
        answer = rpc.encode_answer(call.message_id, said, self.version)
        if not isinstance(said, Refusal) and call.action not in TELLS_THE_TIME:
            self._remembered[call.message_id] = (fingerprint, answer)
            self._remembered.move_to_end(call.message_id)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return answer

    async def _send(self, asked: Incoming, answer: bytes) -> None:
        kind = "error" if answer.startswith(ERROR_HEAD) else "result"
        action = asked.action if isinstance(asked, Call) else ""
        self._tell(Said("out", kind, action, asked.message_id or "", answer, version=self.version))
        await self._put(answer)

    async def _put(self, answer: bytes) -> None:
        try:
            await self._connection.say(answer)
        except ConnectionClosed:
            self._line.counts["answers_lost"] += 1

    async def call(self, question: Question, timeout_s: float, quiet_s: float) -> Reply:
        """Ask the station, after the calls before this one; `timeout_s` of wall time covers the wait and the answer.

        A station that has just connected is asked nothing before its first call is answered (at most `quiet_s`), nor
        between a BootNotification and its answer: some reboot for ever otherwise (Wallbox, lbbrhzn/ocpp#1503).
        """
        self._calls += 1
        try:
            replied = await self._ask_in_turn(question, timeout_s, quiet_s)
        finally:
            self._calls -= 1
        return replied

    async def _ask_in_turn(self, question: Question, timeout_s: float, quiet_s: float) -> Reply:
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline, self._turn:
                await self._until_it_listens(quiet_s)
                frame = await self._ask(question)
        except TimeoutError:
            if not deadline.expired():
                raise
            if self._strange_answer and not self.believes_any_id:
                self.believes_any_id = await self._line.shows(OTHER_RESULT_IDS)
            return Reply(CallStatus.TIMED_OUT, detail=f"no answer within {timeout_s:g} s")
        if frame is None:
            return Reply(CallStatus.OFFLINE, detail="the line broke")
        if isinstance(frame, CallError):
            return Reply(CallStatus.ERROR, error_code=frame.code, detail=frame.description)
        return Reply(CallStatus.ANSWERED, frame.payload, message_id=frame.message_id)

    async def refuse_result(self, reply: Reply, refusal: Refusal) -> None:
        """Tell a station that nobody can read its answer: only 2.1 has a word for it (CALLRESULTERROR)."""
        self._line.counts["results_unreadable"] += 1
        if self.version is Version.V21:
            frame = rpc.encode_result_error(reply.message_id, refusal)
            self._tell(
                Said(
                    "out", "error", self._action_asked(reply.message_id), reply.message_id, frame, version=self.version
                )
            )
            await self._put(frame)

    async def _until_it_listens(self, quiet_s: float) -> None:
        if not self._spoke.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(quiet_s):
                    await self._spoke.wait()
            self._spoke.set()
        await self._booted.wait()

    async def _ask(self, question: Question) -> CallResult | CallError | None:
        if not self.open:
            return None
        asked = _Asked(rpc.fresh_id(), asyncio.get_running_loop().create_future())
        self._line.asked(question)
        frame = rpc.encode_call(asked.message_id, question.action, question.payload)
        self._calls_out.append((asked.message_id, question.action))
        self._tell(Said("out", "call", question.action, asked.message_id, frame, question.by, self.version))
        self._asked, self._strange_answer = asked, False
        try:
            await self._connection.send(frame, text=True)
            return await asked.reply
        except ConnectionClosed:
            return None
        finally:
            self._asked = None


def _failed(frame: Incoming, version: Version) -> bytes | None:
    if frame.message_id is None or isinstance(frame, Send):
        return None
    again = Refusal(ErrorCode.INTERNAL, "It failed here; say it again later.")
    return rpc.encode_answer(frame.message_id, again, version)


def name_and_places(error: Exception) -> str:
    """An error for the log: not its message, nor the lines of its trace, which may quote what a station said."""
    places = [f"{place.filename}:{place.lineno}" for place in traceback.extract_tb(error.__traceback__)]
    return " ".join([type(error).__name__, *places])
