"""The OCPP port: stations sign in, each gets a link; the server asks them through `call`."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.typing import Subprotocol

from server.gateway import closing, languages, liveness, rpc, splitting, strangers, tls
from server.gateway.caller import Caller, Standing, shows
from server.gateway.connection import StationConnection
from server.gateway.door import Doorkeeper, Entry, NoDoorkeeper
from server.gateway.farewells import Farewells
from server.gateway.inflate import Inflate
from server.gateway.languages import LANGUAGES, Command, CommandAnswer
from server.gateway.link import CallStatus, Link, Question, Reply, name_and_places
from server.gateway.patience import Patience, Turns
from server.gateway.ports import Flows, Said
from server.gateway.quirks import of_station
from server.gateway.reception import Reception
from server.gateway.registry import Registry
from server.gateway.rpc import Refusal
from server.gateway.tls import Clients, Tls
from server.gateway.versions import Choice, Version

HANDSHAKE_SECONDS, BACKLOG = 30.0, 4096
"""When a network comes back all stations knock at once: they queue, and whoever is turned away knocks again."""
PREVIOUS_SECONDS = 30.0
"""How long a station's new link waits for what its old one has still to handle, so that the order stays."""

log = structlog.get_logger("gateway")


class GatewaySettings(msgspec.Struct, frozen=True):
    """Where it listens, and how patient it is. Seconds of wall time, whatever the demo's clock does.

    Pings keep routers from forgetting a line, and let TCP see that nobody is there (`liveness.DEAD_AFTER_S`). Some
    stations never answer one (EN+, and what is built on some releases of libwebsockets): with `ping_timeout_s` None a
    missing pong ends nothing. Some do not come back after a closing handshake (JIGU): `drop_on_stop` lets go of the
    sockets without one.

    `max_frame_bytes`: beyond it the line is closed with 1009; the longest honest frames are lists of all configuration
    keys and chains of certificates, some tens of KiB.

    `bad_frames_per_s`: so many refused frames of one station are put up with, see `patience.Patience`.

    `port` is for security profile 1, None: nobody connects without TLS. `tls_port`: profile 2, and 3 by asking for a
    certificate, unless there is an `mtls_port`, which requires one. Both need `tls`.
    """

    host: str = "127.0.0.1"
    port: int | None = 9000
    tls_port: int | None = None
    mtls_port: int | None = None
    tls: Tls | None = None
    max_frame_bytes: int = 160 << 10
    ping_interval_s: float | None = 60.0
    ping_timeout_s: float | None = None
    quiet_s: float = 1.0
    stop_s: float = 1.5
    drop_on_stop: bool = True
    bad_frames_per_s: float | None = 20.0


class CallOutcome(msgspec.Struct, frozen=True):
    """What became of a command: with an answer only where `status` is answered."""

    status: CallStatus
    answer: CommandAnswer | None = None
    error_code: str = ""
    detail: str = ""

    @property
    def accepted(self) -> bool:
        """The station said Accepted, which is not yet done."""
        return languages.accepted(self.answer)


class _Trigger(msgspec.Struct, rename="camel"):
    requested_message: str = ""


class _Line:
    """What one link hears from the server, and says to it."""

    def __init__(self, caller: Caller, counts: Counter[str]) -> None:
        self.counts = counts
        self._caller = caller
        self._handle = LANGUAGES[caller.version].handle

    def message(self, said: Said) -> None:
        self._caller.flows.message(self._caller.station_id, said)

    def answer(self, call: rpc.Call) -> Awaitable[msgspec.Struct | Refusal]:
        return self._handle(self._caller, call)

    async def hear(self, _told: rpc.Send) -> None:
        self.counts["told"] += 1

    async def shows(self, quirk: str) -> bool:
        return await shows(self._caller, quirk)

    def asked(self, question: Question) -> None:
        if question.action in {"TriggerMessage", "ExtendedTriggerMessage"}:
            said = msgspec.json.decode(msgspec.json.encode(question.payload), type=_Trigger)
            self._caller.standing.triggered.add(said.requested_message)


class Gateway:
    """The OCPP server, from `start` to `stop`. One flow at a time for each station, any number side by side.

    `counts`: what happened since the start, by name (frames_in, frames_malformed, handler_failures ...).
    """

    def __init__(self, flows: Flows, settings: GatewaySettings, door: Doorkeeper | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._flows = flows
        self._settings = settings
        self._registry = Registry()
        self._links: set[Link] = set()  # those too whose place a newer one took, until they have handled what came
        self._arriving: set[Link] = set()
        self._door: Doorkeeper = door or NoDoorkeeper()
        self._reception = Reception(flows, self._door, self.counts)
        self._strangers = 0
        self._turns = Turns()
        self._farewells = Farewells()
        self.choice = Choice()
        self._limits: dict[UUID, splitting.Limits] = {}
        self._servers: dict[str, Server] = {}

    @property
    def port(self) -> int:
        """Where it listens without TLS; the one that the system chose where the settings say 0."""
        return self._port_of("plain")

    @property
    def tls_port(self) -> int:
        """Where it listens for security profile 2, and 3 where it asks for certificates."""
        return self._port_of("tls")

    @property
    def mtls_port(self) -> int:
        """Where it listens for security profile 3 alone."""
        return self._port_of("mtls")

    def _port_of(self, door: str) -> int:
        assert door in self._servers, f"the gateway has no {door} port, or has not started"
        return int(next(iter(self._servers[door].sockets)).getsockname()[1])

    async def start(self) -> None:
        """Listen. Raises OSError where a port is taken, and ssl.SSLError for files that TLS cannot use."""
        settings = self._settings
        asked = Clients.ASKED if settings.mtls_port is None else Clients.IGNORED
        try:
            await self._listen("plain", settings.port, None)
            await self._listen("tls", settings.tls_port, asked)
            await self._listen("mtls", settings.mtls_port, Clients.REQUIRED)
        except OSError:
            await self.stop()
            raise

    async def _listen(self, door: str, port: int | None, clients: Clients | None) -> None:
        if port is None:
            return
        secure: dict[str, Any] = {}
        if clients is not None:
            assert self._settings.tls is not None, "a port for TLS needs a certificate"
            tls.save_memory()
            secure = {"ssl": tls.context(self._settings.tls, clients), "ssl_handshake_timeout": tls.HANDSHAKE_S}
        settings = self._settings
        self._servers[door] = await serve(
            self._serve,
            settings.host,
            port,
            create_connection=StationConnection,
            process_request=self._reception.receive,
            select_subprotocol=self._select,
            compression=None,  # 48 KiB a station instead of 16
            max_size=settings.max_frame_bytes,
            ping_interval=settings.ping_interval_s,
            ping_timeout=settings.ping_timeout_s,
            open_timeout=HANDSHAKE_SECONDS,
            close_timeout=1.0,
            backlog=BACKLOG,
            server_header=None,
            logger=_library_log(),
            **secure,
        )
        liveness.notice_the_dead(self._servers[door].sockets)

    async def stop(self) -> None:
        """Take no more, let what is being handled finish, let go of the sockets: within `stop_s` and a moment."""
        servers, self._servers = list(self._servers.values()), {}
        if not servers:
            return
        until = time.monotonic() + self._settings.stop_s
        await closing.take_no_more(servers)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stop_s / 2):
                await asyncio.gather(*(link.idle.wait() for link in self._links))
        await self._let_go(servers)
        tasks = {task for server in servers for task in server.handler_tasks}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=max(0.05, until - time.monotonic()))
            for task in late:
                task.cancel()
        for server in servers:
            await server.wait_closed()

    async def _let_go(self, servers: Sequence[Server]) -> None:
        for link in self._links:
            link.ended_by_us |= link.open
        if not self._settings.drop_on_stop:
            farewell = [link.close(1012) for link in self._links]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_s / 4):
                    await asyncio.gather(*farewell)
        for server in servers:
            for connection in set(server.all_connections):
                connection.transport.abort()

    def online(self, station_id: UUID) -> bool:
        """Does the station have a connection?"""
        return self._registry.get(station_id) is not None

    def version(self, station_id: UUID) -> Version | None:
        """The version that a station's connection speaks, None where it has none."""
        link = self._registry.get(station_id)
        return None if link is None else link.version

    def drop(self, station_id: UUID) -> bool:
        """Let go of a station's connection at once; what came by it is still handled. False where it has none."""
        link = self._registry.get(station_id)
        if link is not None:
            link.drop()
        return link is not None

    def pending(self) -> int:
        """What is under way: sign-ins, comings and goings, calls of stations not yet answered, and ours to them.

        Exact for what was read; a frame still in a socket is its sender's to count.
        """
        going = sum(not link.open for link in self._links)
        return self._reception.busy + len(self._arriving) + going + sum(link.pending for link in self._links)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way. A stepped clock asks all the time: the first thing that is ends the search."""
        under_way = any(link.pending or not link.open for link in self._links)
        return not (under_way or self._reception.busy or self._arriving)

    async def call(self, station_id: UUID, request: Command, timeout_s: float = 30.0) -> CallOutcome:
        """Ask a station, after what was asked before. `timeout_s` of wall time covers the wait and the answer.

        Never raises on what a station does: see CallStatus. After TIMED_OUT and OFFLINE it may have acted all the same.
        """
        link = self._registry.get(station_id)
        if link is None or not isinstance(request, LANGUAGES[link.version].message):
            detail = "the station has no connection" if link is None else "the station speaks another version now"
            return CallOutcome(CallStatus.OFFLINE, detail=detail)
        reply = await self._ask(link, Question(languages.action(request), request), timeout_s)
        if reply.status is not CallStatus.ANSWERED:
            return CallOutcome(reply.status, None, reply.error_code, reply.detail)
        answer = languages.read_answer(request, reply.payload)
        if isinstance(answer, Refusal):
            await link.refuse_result(reply, answer)
            return CallOutcome(CallStatus.ERROR, None, answer.code, f"unreadable answer: {answer.description}")
        return CallOutcome(CallStatus.ANSWERED, answer)

    async def ask(self, station_id: UUID, question: Question, timeout_s: float = 30.0) -> Reply:
        """As `call`, in JSON: what the station answers is not read."""
        link = self._registry.get(station_id)
        if link is None:
            return Reply(CallStatus.OFFLINE, detail="the station has no connection")
        return await self._ask(link, question, timeout_s)

    async def learn_limits(self, station_id: UUID, timeout_s: float = 30.0) -> None:
        """Ask a 2.x station once how long the lists may be that it is told; longer ones are split from then on."""
        link = self._registry.get(station_id)
        if link is not None and link.version is not Version.V16 and station_id not in self._limits:
            limits = await splitting.learn(self._say(link, timeout_s))
            if limits is not None:
                self._limits[station_id] = limits

    async def _ask(self, link: Link, question: Question, timeout_s: float) -> Reply:
        if link.version is Version.V16 or question.action not in splitting.LISTS:
            return await link.call(question, timeout_s, self._settings.quiet_s)
        known, learnt = self._limits.get(link.station_id), partial(self._limits.__setitem__, link.station_id)
        return await splitting.ask(self._say(link, timeout_s), question, known, learnt)

    def _say(self, link: Link, timeout_s: float) -> splitting.Say:
        until = time.monotonic() + timeout_s
        return lambda question: link.call(question, max(0.0, until - time.monotonic()), self._settings.quiet_s)

    async def _serve(self, connection: ServerConnection) -> None:
        """A station's connection, from handshake to end."""
        assert isinstance(connection, StationConnection)
        if connection.stranger is not None:
            await self._keep(connection)
            return
        assert connection.credential is not None
        connection.farewells = self._farewells
        quirks = of_station(connection.credential)
        if quirks.compressed_frames:
            connection.protocol.extensions = [Inflate()]
        if connection.subprotocol is None and not _offered_none(connection):  # one that may offer none was let in
            self.counts["subprotocols_refused"] += 1
            await connection.close(CloseCode.PROTOCOL_ERROR, f"the subprotocols are {', '.join(Version)}")
            return
        version = Version(connection.subprotocol) if connection.subprotocol else Version.V16
        standing = Standing(connection.credential.admission)
        caller = Caller(self._flows, connection.credential.station_id, quirks, version, standing)
        link = Link(connection, caller.station_id, _Line(caller, self.counts), rpc.ID_MAX, version)
        link.believes_any_id = quirks.other_result_ids
        link.patience = Patience(self._settings.bad_frames_per_s, self._turns)
        await self._note(connection)
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

    def _select(self, connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """One of ours that is offered; else the handshake completes without one and `_serve` closes (1.6 §3.1.2)."""
        known = connection.credential if isinstance(connection, StationConnection) else None
        version = self.choice.of(None if known is None else known.station_id, offered)
        return None if version is None else Subprotocol(version)

    async def _keep(self, connection: StationConnection) -> None:
        """A stranger's connection: it waits for somebody to take it in."""
        assert connection.stranger is not None
        if connection.subprotocol is None or self._strangers >= strangers.HELD_MAX:
            await connection.close(CloseCode.TRY_AGAIN_LATER)
            return
        self._strangers += 1
        try:
            await strangers.keep(connection, connection.stranger, self._door, self.counts)
        finally:
            self._strangers -= 1

    async def _note(self, connection: StationConnection) -> None:
        """What changes by how a station came in."""
        entry = connection.entry
        assert entry is not None
        if entry.profile > entry.credential.security_profile or entry.new_key is not None:
            await self._door.admitted(entry.credential.station_id, Entry(entry.profile, entry.new_key))

    async def _work(self, link: Link, previous: Link | None) -> None:
        """All flows of one connection, in order, after those of the one before."""
        if previous is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PREVIOUS_SECONDS):
                    await previous.finished.wait()
        await self._flows.connected(link.station_id, link.connection_id, link.version)
        self._arriving.discard(link)
        log.info("station_online", station=str(link.station_id))
        await link.work()
        if self._registry.is_current(link):
            await self._flows.disconnected(link.station_id, link.connection_id, ours=link.ended_by_us)
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


def _offered_none(connection: ServerConnection) -> bool:
    return connection.request is not None and "Sec-WebSocket-Protocol" not in connection.request.headers
