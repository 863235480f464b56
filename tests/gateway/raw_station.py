"""A station that writes its handshake and its frames by hand, as no library would."""

import asyncio
import base64
import json
import os
import struct
import zlib
from typing import Self

from gateway_town import KEY

MASK = b"\x01\x02\x03\x04"


class RawStation:
    """A socket to the gateway. `headers` replace those of a proper handshake; None leaves one out."""

    def __init__(self, port: int, identity: str = "CP1", key: bytes = KEY, **headers: str | None) -> None:
        self.authorization = "Basic " + base64.b64encode(identity.encode() + b":" + key).decode()
        proper = {
            "Host": "x",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "ocpp1.6",
            "Authorization": self.authorization,
        }
        said = {**proper, **headers}
        lines = [
            f"GET /ocpp/{identity} HTTP/1.1",
            *(f"{name}: {text}" for name, text in said.items() if text is not None),
        ]
        self._hello = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._port = port

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.writer.write(self._hello)
        self.answer = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    @property
    def status(self) -> int:
        """What the handshake was answered with."""
        return int(self.answer.split(" ")[1])

    def say(self, *frame: object, deflated: bool = False) -> None:
        """A frame, as text; compressed where nobody agreed to that."""
        payload = json.dumps(frame).encode()
        if deflated:
            deflate = zlib.compressobj(wbits=-15)
            payload = (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")
        first = 0x81 | (0x40 if deflated else 0)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))
        self.writer.write(bytes([first]) + size + MASK + masked)

    async def hears(self) -> list | int:
        """The next frame that is no ping, which it never answers; the code of a close."""
        while True:
            head = await asyncio.wait_for(self.reader.readexactly(2), 5)
            size = head[1] & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", await self.reader.readexactly(2))
            payload = await self.reader.readexactly(size)
            kind = head[0] & 0x0F
            if kind == 0x8:
                return struct.unpack(">H", payload[:2])[0]
            if kind in (0x1, 0x2):
                return json.loads(payload)

    async def asks(self, action: str, payload: object, message_id: str = "1", *, deflated: bool = False) -> list | int:
        """A call, and what comes next."""
        self.say(2, message_id, action, payload, deflated=deflated)
        return await self.hears()
