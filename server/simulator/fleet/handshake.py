"""How a station opens its line: URL, password, certificate, and what some leave out or do in their own way."""

import base64
import logging
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.typing import Subprotocol

from server.simulator.fleet import tls
from server.simulator.fleet.plan import FleetPlan, StationPlan

OPEN_S, CLOSE_S = 30.0, 1.0
PASSWORD_PROFILES = (1, 2)

_quiet = logging.getLogger("server.simulator.websockets")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class Deflate(PerMessageDeflate):
    """Compresses what it says, each message by itself, though nobody agreed to it; reads plain frames."""

    def __init__(self) -> None:
        super().__init__(
            remote_no_context_takeover=True,
            local_no_context_takeover=True,
            remote_max_window_bits=15,
            local_max_window_bits=15,
        )

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        """As it is."""
        del max_size
        return frame


class Door:
    """Where a fleet's stations go in. Raises OSError and ssl.SSLError where the authority's file is none."""

    def __init__(self, plan: FleetPlan) -> None:
        self._url = plan.url.rstrip("/")
        self._security = plan.security
        self._ca, self._certificates = plan.ca, plan.certificates
        self._shared: ssl.SSLContext | None = None
        self._own: dict[str, ssl.SSLContext] = {}
        if plan.security >= 2:
            tls.save_memory()
            self._shared = tls.context(plan.ca, None, "")

    def url(self, station: StationPlan) -> str:
        """A station's URL; its identity is percent-encoded once."""
        below = "/depot/7" if "odd_identity" in station.quirks else ""
        return f"{self._url}{below}/{quote(station.identity, safe='')}"

    async def open(self, station: StationPlan, subprotocol: str) -> ClientConnection:
        """A line. Raises OSError, TimeoutError and websockets' InvalidHandshake where there is none to be had."""
        more: dict[str, Any] = {}
        if self._security >= 2:
            more["ssl"] = self._context(station.identity)
        offered = None if "no_subprotocol" in station.quirks else [Subprotocol(subprotocol)]
        socket = await connect(
            self.url(station),
            subprotocols=offered,
            additional_headers=self._headers(station),
            user_agent_header=None,
            compression=None,
            ping_interval=None,
            proxy=None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            logger=_quiet,
            create_connection=_maker(station.quirks),
            **more,
        )
        if "compressed_frames" in station.quirks:
            socket.protocol.extensions = [Deflate()]
        return socket

    def _context(self, identity: str) -> ssl.SSLContext:
        if self._security == 2 and self._shared is not None:
            return self._shared
        if identity not in self._own:
            folder = self._certificates or Path()
            self._own[identity] = tls.context(self._ca, folder, identity)
        return self._own[identity]

    def _headers(self, station: StationPlan) -> dict[str, str]:
        if self._security not in PASSWORD_PROFILES:
            return {}
        key = bytes.fromhex(station.key) if "key_as_bytes" in station.quirks else station.key.encode()
        secret = base64.b64encode(station.identity.encode() + b":" + key).decode()
        return {"Authorization": f"Basic {secret}"}


def _maker(quirks: frozenset[str]) -> Any:  # noqa: ANN401  (what `connect` calls a type)
    """Who makes the connection: the library's own, or one that leaves something out."""
    if not quirks & {"odd_connection", "no_pong"}:
        return ClientConnection

    def made(protocol: ClientProtocol, **options: Any) -> ClientConnection:  # noqa: ANN401  (the library's)
        if "odd_connection" in quirks:
            _leave_out_upgrade(protocol)
        if "no_pong" in quirks:
            _leave_out_pongs(protocol)
        return ClientConnection(protocol, **options)

    return made


def _leave_out_upgrade(protocol: ClientProtocol) -> None:
    usual = protocol.connect

    def odd() -> Request:
        request = usual()
        del request.headers["Connection"]
        return request

    protocol.connect = odd  # type: ignore[method-assign]


def _leave_out_pongs(protocol: ClientProtocol) -> None:
    usual = protocol.send_frame

    def odd(frame: Frame) -> None:
        if frame.opcode is not Opcode.PONG:
            usual(frame)

    protocol.send_frame = odd  # type: ignore[method-assign]
