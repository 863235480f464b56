"""The OCPP port: stations sign in, each gets a link; the server asks them through `call`."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from uuid import UUID

import msgspec
import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from server.core.reports import Credential
from server.gateway import rpc, signin
from server.gateway.link import CallStatus, Link, name_and_places
from server.gateway.ports import Direction, Flows
from server.gateway.quirks import named
from server.gateway.registry import Registry
from server.gateway.rpc import Refusal
from server.gateway.v16 import commands
from server.gateway.v16.commands import Command, CommandAnswer
from server.gateway.v16.handlers import Caller, handle

SUBPROTOCOL = Subprotocol("ocpp1.6")
LONG_ID_MAX = 255
HANDSHAKE_SECONDS, BACKLOG = 30.0, 4096
"""When a network comes back all stations knock at once: they queue, and whoever is turned away knocks again."""
PREVIOUS_SECONDS = 30.0
"""How long a station's new link waits for what its old one has still to handle, so that the order stays."""

log = structlog.get_logger("gateway")


class GatewaySettings(msgspec.Struct, frozen=True):
    """Where it listens, and how patient it is. Seconds of wall time, whatever the demo's clock does.

    Some stations know no ping (MENNEKES and others): `ping_timeout_s` None lets a silent one stay. Some do not come
    back after a closing handshake (JIGU): `drop_on_stop` lets go of the sockets without one.
    """

    host: str = "127.0.0.1"
    port: int = 9000
    max_frame_bytes: int = 1 << 20
    ping_interval_s: float | None = 60.0
    ping_timeout_s: float | None = 60.0
    quiet_s: float = 1.0
    stop_s: float = 1.5
    drop_on_stop: bool = True


class CallOutcome(msgspec.Struct, frozen=True):
    """What became of a command: with an answer only where `status` is answered."""

    status: CallStatus
    answer: CommandAnswer | None = None
    error_code: str = ""
    detail: str = ""

    @property
    def accepted(self) -> bool:
        """The station said Accepted, which is not yet done."""
        return isinstance(self.answer, commands.StatusAnswer | commands.CompositeAnswer) and (
            self.answer.status == "Accepted"
        )


class StationConnection(ServerConnection):
    """A socket whose station has signed in."""

    credential: Credential | None = None


class _Line:
    """What one link hears from the server, and says to it."""

    def __init__(self, caller: Caller, counts: Counter[str]) -> None:
        self.counts = counts
        self._caller = caller

    async def message(self, direction: Direction, raw: bytes) -> None:
        await self._caller.flows.message(self._caller.station_id, direction, raw.decode("utf-8", "replace"))

    async def answer(self, call: rpc.Call) -> msgspec.Struct | Refusal:
        return await handle(self._caller, call)


class Gateway:
    """The OCPP server, from `start` to `stop`. One flow at a time for each station, any number side by side.

    `counts`: what happened since the start, by name (frames_in, frames_malformed, handler_failures ...).
    """

    def __init__(self, flows: Flows, settings: GatewaySettings) -> None:
        self.counts: Counter[str] = Counter()
        self._flows = flows
        self._settings = settings
        self._registry = Registry()
        self._links: set[Link] = set()  # those too whose place a newer one took, until they have handled what came
        self._arriving: set[Link] = set()
        self._signing_in = 0
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """Where it listens; the one that the system chose where the settings say 0."""
        assert self._server is not None, "the gateway has not started"
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        settings = self._settings
        self._server = await serve(
            self._serve,
            settings.host,
            settings.port,
            create_connection=StationConnection,
            process_request=self._sign_in,
            select_subprotocol=_select,
            compression=None,  # 48 KiB a station instead of 16
            max_size=settings.max_frame_bytes,
            ping_interval=settings.ping_interval_s,
            ping_timeout=settings.ping_timeout_s,
            open_timeout=HANDSHAKE_SECONDS,
            close_timeout=1.0,
            backlog=BACKLOG,
            server_header=None,
            logger=_library_log(),
        )

    async def stop(self) -> None:
        """Take no more, let what is being handled finish, let go of the sockets: within `stop_s` and a moment."""
        server, self._server = self._server, None
        if server is None:
            return
        until = time.monotonic() + self._settings.stop_s
        server.close(close_connections=False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_s / 2):
                await asyncio.gather(*(link.idle.wait() for link in self._links))
        await self._let_go(server)
        tasks = set(server.handler_tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=max(0.05, until - time.monotonic()))
            for task in late:
                task.cancel()
        await server.wait_closed()

    async def _let_go(self, server: Server) -> None:
        if not self._settings.drop_on_stop:
            closing = [link.close(1012) for link in self._links]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_s / 4):
                    await asyncio.gather(*closing)
        for connection in set(server.all_connections):
            connection.transport.abort()

    def online(self, station_id: UUID) -> bool:
        """Does the station have a connection?"""
        return self._registry.get(station_id) is not None

    def pending(self) -> int:
        """What is under way: sign-ins, comings and goings, calls of stations not yet answered, and ours to them.

        Exact for what was read; a frame still in a socket is its sender's to count.
        """
        going = sum(not link.open for link in self._links)
        return self._signing_in + len(self._arriving) + going + sum(link.pending for link in self._links)

    async def call(self, station_id: UUID, request: Command, timeout_s: float = 30.0) -> CallOutcome:
        """Ask a station, after what was asked before. `timeout_s` of wall time covers the wait and the answer.

        Never raises on what a station does: see CallStatus. After TIMED_OUT and OFFLINE it may have acted all the same.
        """
        link = self._registry.get(station_id)
        if link is None:
            return CallOutcome(CallStatus.OFFLINE, detail="the station has no connection")
        reply = await link.call(commands.action(request), request, timeout_s, self._settings.quiet_s)
        if reply.status is not CallStatus.ANSWERED:
            return CallOutcome(reply.status, None, reply.error_code, reply.detail)
        answer = commands.read_answer(request, reply.payload)
        if isinstance(answer, Refusal):
            return CallOutcome(CallStatus.ERROR, None, answer.code, f"unreadable answer: {answer.description}")
        return CallOutcome(CallStatus.ANSWERED, answer)

    async def _sign_in(self, connection: ServerConnection, request: Request) -> Response | None:
        """No answer of its own lets the handshake go on."""
        assert isinstance(connection, StationConnection)
        self._signing_in += 1
        try:
            name = signin.identity(request.path)
            if name is None:
                return connection.respond(HTTPStatus.NOT_FOUND, "Stations connect to /ocpp/{identity}.\n")
            connection.credential = await self._credential(name, request.headers.get_all("Authorization"))
        finally:
            self._signing_in -= 1
        if connection.credential is not None:
            return None
        self.counts["sign_ins_refused"] += 1
        refusal = connection.respond(HTTPStatus.UNAUTHORIZED, "Sign in with the station's identity and key.\n")
        refusal.headers["WWW-Authenticate"] = signin.CHALLENGE
        return refusal

    async def _credential(self, name: str, authorization: Sequence[str]) -> Credential | None:
        said = signin.basic(authorization)
        if said is None:
            return None
        credential = await self._flows.credential(name) if signin.is_sound(name) else None
        return credential if signin.admits(credential, name, said) else None

    async def _serve(self, connection: ServerConnection) -> None:
        """A station's connection, from handshake to end."""
        assert isinstance(connection, StationConnection)
        assert connection.credential is not None
        quirks = named(connection.credential.quirks)
        if connection.subprotocol is None and not (quirks.no_subprotocol and _offered_none(connection)):
            self.counts["subprotocols_refused"] += 1
            await connection.close(CloseCode.PROTOCOL_ERROR, "the subprotocol is ocpp1.6")
            return
        caller = Caller(self._flows, connection.credential.station_id, quirks)
        id_max = LONG_ID_MAX if quirks.long_message_ids else rpc.MESSAGE_ID_MAX
        link = Link(connection, caller.station_id, _Line(caller, self.counts), id_max)
        previous = self._registry.put(link)
        self._links.add(link)
        self._arriving.add(link)
        if previous is not None:
            previous.drop()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._work(link, previous))
                await link.read()
                await link.end()
        finally:
            self._registry.remove(link)
            self._links.discard(link)
            self._arriving.discard(link)
            link.finished.set()

    async def _work(self, link: Link, previous: Link | None) -> None:
        """All flows of one connection, in order, after those of the one before."""
        if previous is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PREVIOUS_SECONDS):
                    await previous.finished.wait()
        await self._flows.connected(link.station_id, link.connection_id)
        self._arriving.discard(link)
        log.info("station_online", station=str(link.station_id))
        await link.work()
        if self._registry.is_current(link):
            await self._flows.disconnected(link.station_id, link.connection_id)
            log.info("station_offline", station=str(link.station_id))


def _library_log() -> logging.Logger:
    """The log of the library: below ERROR it writes request lines and headers, which hold identities and keys."""
    library = logging.getLogger("server.gateway.websockets")
    library.setLevel(logging.ERROR)
    library.filters[:] = [_without_messages]
    return library


def _without_messages(record: logging.LogRecord) -> bool:
    """An error is kept by name and place: the message of a failed query would quote the identity that it asked for."""
    if record.exc_info and isinstance(record.exc_info[1], Exception):
        record.msg, record.args = f"{record.getMessage()}: {name_and_places(record.exc_info[1])}", ()
        record.exc_info = record.exc_text = None
    return True


def _select(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Ours where it is offered; else the handshake completes without one and `_serve` closes (OCPP-J 1.6 §3.1.2)."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


def _offered_none(connection: ServerConnection) -> bool:
    return connection.request is not None and "Sec-WebSocket-Protocol" not in connection.request.headers
