"""A station's socket: messages of one frame take the short way from the bytes to who listens, all else the library's.

Nearly all that stations say is such a message. The library reads a frame through four generators, queues it and wakes
the task that asks for it: together several times what it takes to find a frame's end and unmask it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from websockets import frames
from websockets.exceptions import ConnectionClosed
from websockets.protocol import CONNECTING, OPEN, Event

from server.core.reports import Credential
from server.gateway.door import Stranger
from server.gateway.farewells import Farewells
from server.gateway.liveness import PingedConnection
from server.gateway.signin import Admitted

EARLY_FRAMES = 64
"""Messages that are kept until somebody listens; beyond it the socket waits."""
WHOLE = (0x81, 0x82)
"""How a text or a binary message begins that is one frame and not compressed."""
MASKED, LENGTH = 0x80, 0x7F
IN_16 = 126
"""A length from which on the length follows, in 16 bits; in 64 where it is one more."""
KEY = 4
REQUEST_END = b"\r\n\r\n"
SHORT_MAX = 125

_unmask = frames.apply_mask  # type: ignore[attr-defined]  # in C where the library has it so


class StationConnection(PingedConnection):
    """A socket whose station has signed in, or that of a stranger who may wait.

    A station's messages go to who listens, in the order of their coming; a stranger's to `recv`.
    """

    credential: Credential | None = None
    entry: Admitted | None = None
    stranger: Stranger | None = None
    farewells: Farewells | None = None  # of all whose line breaks; None: told at once
    _listener: Callable[[bytes], None] | None = None
    _early: deque[bytes] | None = None  # messages that came before anybody listened
    _part: bytearray | None = None  # of a message in several frames
    _held: bytearray | None = None  # of a frame that has not come whole
    _stopped: asyncio.Future[None] | None = None
    _hasty = False  # it spoke before it had our answer to its handshake: the library has begun to read its frames

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Known to its server from here on: the library knows those only that it has shaken hands with."""
        super().connection_made(transport)
        self.server.all_connections.add(self)

    async def listen(self, listener: Callable[[bytes], None]) -> None:
        """Have every message told to a listener, in order, those first that came already, until the socket closes."""
        if self._hasty:
            with suppress(ConnectionClosed):
                while True:
                    listener(await self.recv(decode=False))
                    if self._stopped is not None:
                        await self._stopped
        self._listener = listener
        early, self._early = self._early or (), None
        self.go_on()
        for message in early:
            listener(message)
        await self.wait_closed()

    def wait(self) -> None:
        """Read no more until `go_on`: the station waits then."""
        if not self.transport.is_closing():  # uvloop's cannot be asked then
            self.transport.pause_reading()
        if self._hasty and self._stopped is None:
            self._stopped = self.loop.create_future()

    def go_on(self) -> None:
        """Read on."""
        if not self.transport.is_closing():
            self.transport.resume_reading()
        if self._stopped is not None:
            self._stopped.set_result(None)
            self._stopped = None

    async def say(self, message: bytes) -> None:
        """Send a text message. Raises ConnectionClosed where there is no line any more."""
        if len(message) > SHORT_MAX or self.protocol.state is not OPEN or self.paused:
            await self.send(message, text=True)  # waits until the station has read, or says why it cannot
        else:
            self.transport.write(bytes((WHOLE[0], len(message))) + message)

    def data_received(self, data: bytes) -> None:
        """Bytes of the handshake, then of frames."""
        if self.credential is None or self._hasty or self.protocol.state is CONNECTING:
            super().data_received(data)
            self._hasty = self._hasty or (self.request is not None and not data.endswith(REQUEST_END))
        elif self._held is None:
            self._held = self._rest(data)
        else:
            self._held += data
            self._held = self._rest(self._held)

    def _rest(self, held: bytes | bytearray) -> bytearray | None:
        """Take the whole frames in front; what is left of the last one, None for nothing."""
        begin, size, protocol = 0, len(held), self.protocol
        while size - begin >= 2:
            body, length = _measured(held, begin)
            if not held[begin + 1] & MASKED or length > (protocol.max_message_size or length):
                super().data_received(bytes(held[begin:]))  # it closes the line, and knows with which code
                return None
            end = body + length
            if end > size:
                break
            if held[begin] in WHOLE and protocol.current_size is None and protocol.state is OPEN:
                self._hear(_unmask(held[body:end], held[body - KEY : body]))
            else:
                super().data_received(bytes(held[begin:end]))
            begin = end
        if isinstance(held, bytes):
            return bytearray(held[begin:]) if begin < size else None
        del held[:begin]  # what grows piece by piece is not copied with each
        return held or None

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is broken: whoever waits for something from it hears so, in turn."""
        self.server.all_connections.discard(self)
        if self.farewells is None:
            super().connection_lost(exc)
        else:
            self.protocol.receive_eof()  # closed from now on: what would be sent meanwhile finds no handle any more
            self.farewells.say(partial(super().connection_lost, exc))

    def process_event(self, event: Event) -> None:
        """What the library has found: of a station, the frames of a message that are told when the last is there."""
        mine = self.credential is not None and not self._hasty
        if not mine or not isinstance(event, frames.Frame) or event.opcode not in frames.DATA_OPCODES:
            super().process_event(event)
            return
        self._part = self._part or bytearray()
        self._part += event.data
        if event.fin:
            message, self._part = bytes(self._part), None
            self._hear(message)

    def _hear(self, message: bytes) -> None:
        if self._listener is not None:
            self._listener(message)
            return
        self._early = self._early or deque()
        self._early.append(message)
        if len(self._early) >= EARLY_FRAMES:
            self.wait()


def _measured(held: bytes | bytearray, begin: int) -> tuple[int, int]:
    """Where a frame's payload begins, and how long it is; of a head that has not come whole, at least so much."""
    length = held[begin + 1] & LENGTH
    if length < IN_16:
        return begin + 2 + KEY, length
    body = begin + (4 if length == IN_16 else 10)
    return body + KEY, int.from_bytes(held[begin + 2 : body], "big")
