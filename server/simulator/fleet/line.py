"""One connection of a station: its calls one after the other, answers to the server's, and chaos in between."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid5

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from server.simulator.fleet.figures import LATE_S
from server.simulator.fleet.plan import NOBODY
from server.simulator.fleet.saying import Deaf, Payload, Refused, Saying
from server.simulator.fleet.station import Station

CALL, RESULT, ERROR = 2, 3, 4
ANSWER_S = 30.0
"""So long a station waits for an answer before it gives up the line."""
CLOSING_S = 2.0
ONCE = frozenset({"BootNotification"})
"""Not repeated by who says everything twice: a second boot would begin it all again."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Any])


class _Asked(msgspec.Struct, eq=False):
    """A call that waits for its answer, None for an error. `reply` ends as False where the line breaks before."""

    message_id: str
    saying: Saying
    reply: "asyncio.Future[bool]"
    repeats: bool = False
    sent: float = 0.0
    answer: Payload | None = None


class Line:
    """A station's line from when it stands until it is `lost`; `closed`: the server said goodbye."""

    def __init__(self, socket: ClientConnection, station: Station, wake: Callable[[], None]) -> None:
        self.lost = self.closed = False
        self._socket, self._station, self._chaos = socket, station, station.chaos
        self._figures = station.world.figures
        self._wake = wake
        self._asked: _Asked | None = None
        self._turn = asyncio.Lock()
        self._answering: set[asyncio.Task[None]] = set()

    # --- what the station says -----------------------------------------------------
    async def say(self, saying: Saying) -> bool:
        """Say it and wait for the answer, which the station takes; False where the line broke first."""
        station = self._station
        station.calls += 1
        again = self._chaos.twice(station.calls) if self._chaos else ""
        payload = station.spoiled(saying)
        first = await self._ask(self._message_id(), saying, payload, doubled=again == "same")
        if first is None:
            return False
        repeats = [self._message_id()] if again == "new" else []
        if station.has("everything_twice"):
            repeats = [first.message_id, self._message_id()]
        if saying.action in ONCE:
            return True
        for message_id in repeats:
            second = await self._ask(message_id, saying, payload, repeats=True)
            if second is None:
                return False
            self._compare(first, second)
        return True

    async def _ask(
        self, message_id: str, saying: Saying, payload: Payload, *, doubled: bool = False, repeats: bool = False
    ) -> _Asked | None:
        if self.lost:
            return None
        asked = self._asked = _Asked(message_id, saying, asyncio.get_running_loop().create_future(), repeats)
        frame = _encoder.encode((CALL, message_id, saying.action, payload))
        try:
            asked.sent = await self._send(frame)
            if doubled or repeats:
                self._figures.upset("said twice")
            if doubled:
                await self._send(frame)
            async with asyncio.timeout(ANSWER_S):
                return asked if await asked.reply else None
        except TimeoutError:
            self._figures.unanswered += 1
            self._figures.last_trouble = f"{self._station.plan.identity}: no answer to {saying.action}"
            self.abort()
            return None
        except ConnectionClosed:
            return None
        finally:
            self._asked = None

    def _message_id(self) -> str:
        self._station.ids += 1
        number = f"{self._station.plan.number}-{self._station.ids}"
        if self._station.has("long_message_ids"):
            return f"offline-{uuid5(NOBODY, number)}"
        return number

    def _compare(self, first: _Asked, second: _Asked) -> None:
        if first.answer is None or second.answer is None:
            return
        told, again = first.answer.get("transactionId"), second.answer.get("transactionId")
        if told != again:
            self._figures.wrong(self._station.plan.identity, f"a repeated start is {told}, then {again}")

    async def _send(self, frame: bytes) -> float:
        """Send a frame after those before it; when it went out."""
        if self._chaos is None:
            sent = time.monotonic()
            self._figures.frames_out += 1
            await self._socket.send(frame, text=True)
            return sent
        async with self._turn:
            if lag := self._chaos.lag_s(len(frame)):
                await asyncio.sleep(lag)
            sent = time.monotonic()
            self._figures.frames_out += 1
            await self._socket.send(frame, text=True)
            return sent

    # --- what it hears ----------------------------------------------------------------
    async def read(self) -> None:
        """Hear the server until the line breaks."""
        try:
            while True:
                raw = await self._socket.recv(decode=False)
                arrived = time.monotonic()
                self._figures.frames_in += 1
                if self._chaos and (lag := self._chaos.lag_s(len(raw))):
                    await asyncio.sleep(lag)
                await self._hear(raw, arrived)
        except ConnectionClosed as error:
            self.closed = error.rcvd is not None and error.rcvd_then_sent is True
        finally:
            self._gone()

    async def _hear(self, raw: bytes, arrived: float) -> None:
        try:
            frame = _decoder.decode(raw)
            kind, message_id = frame[0], frame[1]
            if kind == CALL:
                await self._hear_call(message_id, frame[2], frame[3])
            elif kind in (RESULT, ERROR):
                self._hear_answer(frame, message_id, arrived)
        except (msgspec.DecodeError, IndexError, KeyError, TypeError, ValueError) as error:
            self._figures.wrong(self._station.plan.identity, f"unreadable: {type(error).__name__} in {raw[:200]!r}")

    async def _hear_call(self, message_id: str, action: str, payload: Payload) -> None:
        station = self._station
        self._figures.asked += 1
        if station.has("boots_again") and not station.accepted:
            self.abort()
            return
        answer = station.heard(action, payload)
        if isinstance(answer, Deaf):
            return
        if station.has("other_result_ids"):
            message_id = str(uuid5(NOBODY, message_id))
        frame: tuple[Any, ...] = (RESULT, message_id, answer)
        if isinstance(answer, Refused):
            frame = (ERROR, message_id, answer.code, answer.description, {})
        station.answers += 1
        late = self._chaos.late_s(station.answers) if self._chaos else 0.0
        if late:
            self._figures.upset("answered late")
        later = asyncio.create_task(self._answer(_encoder.encode(frame), late))
        self._answering.add(later)
        later.add_done_callback(self._answering.discard)

    async def _answer(self, frame: bytes, late_s: float) -> None:
        await asyncio.sleep(late_s)
        try:
            await self._send(frame)
        except ConnectionClosed:
            self._figures.upset("answers lost")

    def _hear_answer(self, frame: list[Any], message_id: str, arrived: float) -> None:
        asked = self._asked
        if asked is None or asked.message_id != message_id or asked.reply.done():
            return  # the answer to a repetition
        took = arrived - asked.sent
        self._figures.latency.note(took)
        self._figures.late += took > LATE_S
        if frame[0] == RESULT:
            asked.answer = frame[2]
        else:
            self._figures.wrong(self._station.plan.identity, f"{asked.saying.action}: {frame[2]} {frame[3]}")
        if not asked.repeats:
            self._station.take(asked.saying, asked.answer)
        asked.reply.set_result(True)

    async def all_answered(self) -> None:
        """Until all that the server asked is answered: a reset is, before it is done."""
        if self._answering:
            await asyncio.wait(set(self._answering), timeout=CLOSING_S)

    # --- its end --------------------------------------------------------------------------
    def abort(self) -> None:
        """Break as a cable does, without a goodbye."""
        self._socket.transport.abort()

    async def close(self) -> None:
        """Say goodbye."""
        await self._socket.close()
        for task in self._answering:
            task.cancel()

    def _gone(self) -> None:
        self.lost = True
        for task in self._answering:
            task.cancel()
        if self._asked is not None and not self._asked.reply.done():
            self._asked.reply.set_result(False)
        self._wake()
