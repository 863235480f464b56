"""A station of the bench: as little client as can be, so that ten thousand of them fit beside the server they load."""

import asyncio
import base64
import os
import ssl
from collections.abc import Callable
from typing import Any, cast

import msgspec

CALL_SECONDS = 60.0
CONNECT_SECONDS = 60.0
MAX_7_BITS, MAX_16_BITS = 126, 1 << 16
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASKED = b"\x00\x00\x00\x00"
"""A mask of zeros is a mask (RFC 6455 §5.3); the server's work is the same."""

Listener = Callable[["Wire", str, Any], Any]


class Where(msgspec.Struct, frozen=True):
    """Where the server listens, and from which loopback address to go there (each has 28 000 ports of its own).

    `secure`: over TLS, trusting whom it says.
    """

    host: str
    port: int
    source: str = "127.0.0.1"
    secure: ssl.SSLContext | None = None


class Lost(Exception):
    """The server let go of the socket, or did not take it."""


class Wire(asyncio.Protocol):
    """A station's end of a socket. `heard`: what it answers to calls of the server, by action and payload."""

    def __init__(self, identity: str, key: str, heard: Listener) -> None:
        self.identity = identity
        self.lost = asyncio.Event()
        self.frames_in = 0
        self._hello = _hello(identity, key)
        self._heard = heard
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._open = False
        self._waiting: asyncio.Future[Any] | None = None
        self._asked = ""
        self._numbers = 0

    async def connect(self, where: Where) -> None:
        """Sign in. Raises Lost where the server does not want it."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting = loop.create_future()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: self,
                    where.host,
                    where.port,
                    local_addr=(where.source, 0),
                    ssl=where.secure,
                    server_hostname=None if where.secure is None else "localhost",
                )
                await waiting
        except (OSError, TimeoutError) as error:
            raise Lost(str(error)) from error

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket stands: ask for the upgrade."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.write(self._hello)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for ever."""
        del exc
        self.lost.set()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Lost("the line broke"))

    def data_received(self, data: bytes) -> None:
        """Bytes of the handshake's answer, then of frames."""
        self._buffer += data
        if not self._open:
            head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                return
            self._buffer = bytearray(rest)
            self._open = head.startswith(b"HTTP/1.1 101")
            self._settle(None if self._open else Lost(head.split(b"\r\n")[0].decode()))
        while (frame := _take(self._buffer)) is not None:
            self._frame(*frame)

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._write(PONG, payload)
        elif opcode == CLOSE:
            self.drop()
        elif opcode in (TEXT, BINARY):
            self.frames_in += 1
            self._message(msgspec.json.decode(payload))

    def _message(self, message: list[Any]) -> None:
        if message[0] == 2:
            answer = self._heard(self, message[2], message[3])
            self._write(TEXT, msgspec.json.encode([3, message[1], answer]))
        elif message[1] == self._asked:
            self._settle(message[2] if message[0] == 3 else Lost(str(message[2:4])))

    def _settle(self, said: Any) -> None:  # noqa: ANN401 -- any JSON
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.done():
            return
        if isinstance(said, Exception):
            waiting.set_exception(said)
        else:
            waiting.set_result(said)

    async def call(self, action: str, payload: object) -> Any:  # noqa: ANN401 -- any JSON
        """The server's answer. Raises Lost where the line breaks, or the answer is an error.

        Raises TimeoutError where there is none, and then lets go of the line, as chargers do.
        """
        self._numbers += 1
        self._asked = f"bench-{self._numbers}"
        if self.lost.is_set():
            raise Lost("the line broke")
        waiting = self._waiting = asyncio.get_running_loop().create_future()
        self._write(TEXT, msgspec.json.encode([2, self._asked, action, payload]))
        try:
            return await asyncio.wait_for(waiting, CALL_SECONDS)
        except TimeoutError:
            self.drop()
            raise

    def send(self, frame: bytes, opcode: int = TEXT) -> None:
        """A frame for whose answer nobody waits."""
        self._write(opcode, frame)

    def drop(self) -> None:
        """Let go of the socket without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(_head(opcode, len(payload)) + MASKED + payload)


def _hello(identity: str, key: str) -> bytes:
    login = base64.b64encode(f"{identity}:{key}".encode()).decode()
    lines = [
        f"GET /ocpp/{identity} HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
        f"Authorization: Basic {login}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _head(opcode: int, length: int) -> bytes:
    if length < MAX_7_BITS:
        return bytes([0x80 | opcode, 0x80 | length])
    if length < MAX_16_BITS:
        return bytes([0x80 | opcode, 0xFE]) + length.to_bytes(2, "big")
    return bytes([0x80 | opcode, 0xFF]) + length.to_bytes(8, "big")


def _take(buffer: bytearray) -> tuple[int, bytes] | None:
    """The first whole frame of a server, which masks nothing and, here, splits nothing; taken from the buffer."""
    if len(buffer) < 2:
        return None
    length, begin = buffer[1] & 0x7F, 2
    if length >= MAX_7_BITS:
        begin = 4 if length == MAX_7_BITS else 10
        if len(buffer) < begin:
            return None
        length = int.from_bytes(buffer[2:begin], "big")
    end = begin + length
    if len(buffer) < end:
        return None
    opcode, payload = buffer[0] & 0x0F, bytes(buffer[begin:end])
    del buffer[:end]
    return opcode, payload
