"""A station's socket: connects as a charge point does, sends what waits in the outbox, hands calls to the answers."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import msgspec
from ocpp.exceptions import OCPPError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from server.simulator.answers import Answers
from server.simulator.log import DOWN, UP, MessageLog, line
from server.simulator.outgoing import Outgoing
from server.simulator.station import Station

ANSWER_TIMEOUT_S = 30.0
"""Wall time, as for every socket."""

Rest = Callable[[], Awaitable[None]]
"""Returns when the server has done all that follows from the last message (stepped), or at once (live)."""


async def at_once() -> None:
    """For who does not wait for the server."""


class Trouble(msgspec.Struct, frozen=True):
    """Something that a station should not have met: a refused connection, an error for an answer."""

    station: str
    what: str
    detail: str


class LoggedWire:
    """A websocket that notes every frame and hands them on in the order of the wire.

    The `ocpp` package runs a call's handler at once but wakes who waits for an answer later; a charging profile that
    follows the answer to a start would then meet a station that does not know its transaction yet. So nothing is
    read on until the answer before it was taken in.
    """

    def __init__(self, socket: ClientConnection, station: Station, number: int, log: MessageLog) -> None:
        self.asking: str | None = None
        self._socket, self._station, self._number, self._log = socket, station, number, log
        self._taken_in = asyncio.Event()
        self._taken_in.set()

    async def recv(self) -> str:
        """The next frame that the station does not swallow."""
        text = await self._heard()
        while self._station.deaf_to and _action(text) in self._station.deaf_to:
            text = await self._heard()
        if self.asking is not None and _answers(text, self.asking):
            self._taken_in.clear()
        return text

    async def _heard(self) -> str:
        await self._taken_in.wait()
        frame = await self._socket.recv()
        text = frame if isinstance(frame, str) else frame.decode()
        self._note(DOWN, text)
        return text

    async def send(self, frame: str) -> None:
        """Send a frame."""
        self._note(UP, frame)
        await self._socket.send(frame)

    def taken_in(self) -> None:
        """The answer last received has had its effect, or nobody waits for it any more."""
        self.asking = None
        self._taken_in.set()

    def _note(self, direction: str, frame: str) -> None:
        us = self._station.now_us()
        self._log.note(us, self._number, line(us, self._station.spec.identity, direction, frame))


def _answers(frame: str, unique_id: str) -> bool:
    """Whether a frame is a result or an error for this call."""
    parts = _parts(frame)
    return len(parts) > 1 and parts[0] in {3, 4} and parts[1] == unique_id


def _action(frame: str) -> str:
    """The name of a call, "" for any other frame."""
    parts = _parts(frame)
    return str(parts[2]) if len(parts) > 2 and parts[0] == 2 else ""


def _parts(frame: str) -> list[Any]:
    try:
        parts = msgspec.json.decode(frame)
    except msgspec.DecodeError:
        return []
    return parts if isinstance(parts, list) else []


class Link:
    """The connection of one station, again and again. Message ids count on over reconnects."""

    def __init__(self, station: Station, number: int, ws_url: str, log: MessageLog) -> None:
        self.station = station
        self.trouble: list[Trouble] = []
        self.held_down = False
        self._url = f"{ws_url.rstrip('/')}/{quote(station.spec.identity, safe='')}"
        self._number = number
        self._log = log
        self._sent = 0
        self._socket: ClientConnection | None = None
        self._point: Answers | None = None
        self._wire: LoggedWire | None = None
        self._reader: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether the outbox is being sent already."""
        return self._sending.locked()

    async def open(self) -> bool:
        """Connect; False where the server is not there or refuses (noted as trouble)."""
        spec = self.station.spec
        secret = base64.b64encode(f"{spec.identity}:{spec.key}".encode()).decode()
        try:
            socket = await connect(
                self._url,
                subprotocols=[Subprotocol("ocpp1.6")],
                additional_headers={"Authorization": f"Basic {secret}"},
                compression=None,
                ping_interval=None,
                proxy=None,
                open_timeout=10,
                close_timeout=1,
            )
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            self._note("not_connected", f"{type(error).__name__}: {error}")
            return False
        self._socket = socket
        self._wire = LoggedWire(socket, self.station, self._number, self._log)
        self._point = Answers(self.station, self._wire, ANSWER_TIMEOUT_S)
        self._reader = asyncio.create_task(self._read(socket, self._point))
        self.station.connected()
        return True

    async def flush(self, rest: Rest = at_once) -> None:
        """Send what may be sent, in order, each when the one before it was answered and `rest` has returned."""
        async with self._sending:
            while self.station.sayable:
                message = self.station.outbox[0]
                if not await self._say(message, rest):
                    return
                await rest()

    async def drop(self) -> None:
        """Lose the connection as a cable does: no close frame."""
        socket, reader = self._socket, self._reader
        if socket is None or reader is None:
            return
        socket.transport.abort()
        await asyncio.wait({reader})
        # The server's side of the broken socket reports on its own; this gives it the loop until it has.
        await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Close properly."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await asyncio.wait({self._reader})

    async def _say(self, message: Outgoing, rest: Rest) -> bool:
        wire = self._wire
        assert wire is not None
        try:
            return await self._ask(message, wire, rest)
        finally:
            wire.taken_in()

    async def _ask(self, message: Outgoing, wire: LoggedWire, rest: Rest) -> bool:
        sent, answer = await self._call(message)
        if not sent:
            return False
        if message in self.station.outbox:
            self.station.outbox.remove(message)
        self.station.spoke()
        if message.answered:
            message.answered(answer)
        if self.station.twice and not message.boot and self.station.online:
            wire.taken_in()
            await rest()
            if not self.station.online:
                return True
            sent, again = await self._call(message)
            first, second = (getattr(reply, "transaction_id", None) for reply in (answer, again))
            if sent and first != second:
                self._note("repeat_answered_differently", f"{first} then {second}")
        return True

    async def _call(self, message: Outgoing) -> tuple[bool, Any]:
        """(was it answered, the answer or None for an error)."""
        assert self._point is not None
        assert self._wire is not None
        assert self._reader is not None
        self._sent += 1
        payload = message.make()
        unique_id = self._wire.asking = f"{self.station.spec.id.hex[:8]}-{self._sent}"
        asking = asyncio.create_task(self._point.call(payload, suppress=False, unique_id=unique_id))
        try:
            await asyncio.wait({asking, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not asking.done():
                asking.cancel()
        if not asking.done() or asking.cancelled():
            return False, None
        return await self._answer(asking, type(payload).__name__)

    async def _answer(self, asking: "asyncio.Task[Any]", action: str) -> tuple[bool, Any]:
        try:
            return True, asking.result()
        except OCPPError as error:
            self._note("error_for_an_answer", f"{action}: {type(error).__name__}: {error}")
            return True, None
        except TimeoutError:
            self._note("no_answer", action)
            await self.drop()
            return False, None
        except ConnectionClosed:
            return False, None

    async def _read(self, socket: ClientConnection, point: Answers) -> None:
        try:
            await point.start()
        except ConnectionClosed:
            pass
        finally:
            if self._socket is socket:
                self._socket = self._point = None
                self.station.lost()
                self.station.heard()

    def _note(self, what: str, detail: str) -> None:
        found = Trouble(self.station.spec.identity, what, detail)
        if found not in self.trouble[-1:]:  # a server that is gone refuses every minute
            self.trouble.append(found)
