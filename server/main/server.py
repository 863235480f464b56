"""A running server: everything wired, started in order, stopped in reverse within a few seconds."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import uvicorn

from server.addresses import EVERYWHERE, at_host, opened_at
from server.api.app import ApiContext, ApiSettings
from server.api.app import create as create_api
from server.bus import PUBLIC, LocalBus, account_topic, party_topic
from server.clock import Clock
from server.feeds.ports import PriceFeed, Responders
from server.flows.announcements import Announcement, ForwardingMoved, SessionMoved, StationMoved, WalletMoved
from server.gateway.forwarding.outgoing import Patience
from server.gateway.listener import Gateway
from server.gateway.ports import Said
from server.main import checkpoints, tls_setup
from server.main.ending import ending_well
from server.main.forwarder import Forwarder
from server.main.gateway_door import GatewayDoor
from server.main.gateway_flows import GatewayFlows
from server.main.hands import GatewayHands
from server.main.lists_port import GatewayLists
from server.main.message_log import MessageLog
from server.main.security_port import GatewaySecurity
from server.main.station_port import GatewayStations
from server.settings import BadSetting, Settings, secret
from server.storage import outbox as stored_outbox
from server.storage import schema, sessions, stations
from server.storage import watch as station_events
from server.storage.db import Database
from server.workers import (
    admission,
    asking,
    costs,
    limits,
    local_lists,
    replan,
    reservations,
    security,
    settle,
    tidy,
    watch,
)
from server.workers.context import WorkContext
from server.workers.ports import Solver
from server.workers.prices import PriceWorker
from server.workers.runner import Runner

Scope = MutableMapping[str, Any]
AsgiApp = Callable[[Scope, Callable[..., Any], Callable[..., Any]], Awaitable[None]]
Ui = tuple[AsgiApp, AbstractAsyncContextManager[None]]
HANDLERS = {
    "replan": replan.replan,
    "dispatch": replan.dispatch,
    **asking.HANDLERS,
    "resend": replan.resend,
    "configure": replan.configure,
    "settle": settle.settle,
    "close": settle.close,
    "ask_transaction": settle.ask_transaction,
    tidy.TIDY: tidy.tidy,
    **security.HANDLERS,
    **local_lists.HANDLERS,
    **limits.HANDLERS,
    **admission.HANDLERS,
    **costs.HANDLERS,
    **reservations.HANDLERS,
    watch.WATCH: watch.watch,
    "remedy": watch.remedy,
}
LINGER_S = 0.03
"""What a server on the wall clock lingers: nobody waits for the answer to a meter value."""
HTTP_STOP_SECONDS = 2
REQUEST_STOP_SECONDS = 1
"""So long a request that is under way may take as the server stops; what takes longer hears that it stops."""
API_PATHS = ("/api/", "/schema")


@dataclass(frozen=True)
class Parts:
    """What a server is made of besides its settings.

    `ui` builds the app's pages once the API's address is known; `move_in` is awaited once the database has its schema
    and before anybody is served. `linger_s`: for so long (wall time) meter values wait for those of other stations,
    for a transaction costs more than what thirty of them add to it.
    """

    clock: Clock
    solver: Solver
    feeds: Sequence[PriceFeed] = ()
    responders: Responders | None = None
    ui: Callable[[str], Ui] | None = None
    set_speed: Callable[[int], None] | None = None
    move_in: Callable[[Database], Awaitable[object]] | None = None
    abreast: int = 8
    linger_s: float = 0.0
    log_frames: Callable[..., None] | None = field(default=None)
    forwarding: Patience = field(default_factory=Patience)


class _Http(uvicorn.Server):
    """Uvicorn inside our loop: signals are ours."""

    @contextlib.contextmanager
    def capture_signals(self) -> Any:  # noqa: ANN401 -- as the library declares it
        yield


class Server:
    """API, gateway and workers in one process and one loop."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        """Nothing is opened before `running`."""
        self.settings, self.parts = settings, parts
        self.bus = LocalBus()
        self.db = Database(settings.database_url, on_commit=self._committed)
        self.stopping = asyncio.Event()
        self.messages = MessageLog(self.db, parts.clock, self.bus)
        self.forwarder = Forwarder(self.db, parts.clock, secret(settings.home), parts.forwarding, settings.forward_to)
        self.gateway = Gateway(
            GatewayFlows(self.db, parts.clock, self._said, parts.linger_s, responders=parts.responders),
            tls_setup.gateway_settings(settings),
            GatewayDoor(self.db, parts.clock, settings.strangers_of),
        )
        self.forwarder.gateway = self.gateway
        self.stations = GatewayStations(self.gateway)
        self.context = WorkContext(
            self.db,
            parts.clock,
            self.stations,
            parts.solver,
            GatewaySecurity(self.gateway, lambda: self.wss_url),
            tls_setup.signer(settings),
            timedelta(days=settings.message_days),
            GatewayLists(self.gateway),
        )
        self.runner = Runner(self.context, HANDLERS, abreast=parts.abreast)
        self.prices = PriceWorker(self.context, parts.feeds)
        self._http: _Http | None = None
        self._frames_seen = 0
        self.port = settings.port

    @property
    def api_url(self) -> str:
        """Where the API and the app are, for this machine."""
        return at_host(f"http://:{self.port}", opened_at(self.settings.host))

    @property
    def url_for_others(self) -> str:
        """Where the API and the app are for others: as it was named, else at this machine's address."""
        return self.settings.public_url or at_host(self.api_url, self.settings.reached_at)

    @property
    def ws_url(self) -> str:
        """Where stations connect, less their identity."""
        return tls_setup.station_url(self.settings, self.gateway)

    @property
    def wss_url(self) -> str:
        """Where stations connect over TLS, less their identity; "" where they cannot."""
        return tls_setup.secure_url(self.settings, self.gateway)

    @asynccontextmanager
    async def running(self, *, pages: bool = True) -> AsyncGenerator["Server", None]:
        """Serve while inside. Raises BadSetting for a port that is taken."""
        async with AsyncExitStack() as opened:
            opened.push_async_callback(self.db.close)
            await self._open_database()
            bound = _bind(self.settings.host, self.settings.port)
            opened.callback(bound.close)
            self.port = bound.getsockname()[1]
            opened.push_async_callback(self.forwarder.end)
            await self.forwarder.begin()
            try:
                await self.gateway.start()
            except OSError as error:
                raise BadSetting(_taken(self.settings.ocpp_port or 0, "--ocpp-port")) from error
            async with self._serving(bound, self.parts.ui if pages else None):
                yield self

    @asynccontextmanager
    async def _serving(self, bound: socket.socket, pages: Callable[[str], Ui] | None) -> AsyncGenerator[None, None]:
        ui = pages(self.api_url) if pages else None
        api: AsgiApp = create_api(self._api_context())  # type: ignore[assignment]
        self._http = _Http(_http_config(ending_well(_dispatch(api, ui[0]) if ui else api, self.stopping)))
        tasks = [
            asyncio.create_task(self.runner.run(), name="outbox"),
            asyncio.create_task(self.prices.run(), name="prices"),
            asyncio.create_task(self._http.serve(sockets=[bound]), name="http"),
            asyncio.create_task(self.messages.run(), name="messages"),
            asyncio.create_task(self.forwarder.run(), name="forwarder"),
            asyncio.create_task(checkpoints.make(self.db), name="checkpoints"),
        ]
        try:
            async with ui[1] if ui else nullcontext():
                await self._until_up(tasks)
                yield
        finally:
            await self._stop(tasks)

    async def _open_database(self) -> None:
        await schema.migrate(self.db)
        async with self.db.begin() as tx:
            await station_events.cut_off(tx, self.parts.clock.now())
            await stations.all_offline(tx)
            await tidy.begin(tx, self.parts.clock.now())
            await security.begin(tx, self.parts.clock.now())
            await watch.begin(tx, self.parts.clock.now())
            for session_id in await sessions.ended(tx):
                now = self.parts.clock.now()
                await stored_outbox.put_once(tx, "settle", str(session_id), {"session_id": session_id}, now)
            for session in await sessions.all_open(tx):  # a server that starts again steers anew what still charges
                now = self.parts.clock.now()
                await stored_outbox.put_once(tx, "replan", str(session.location_id), {"why": "started"}, now)
        if self.parts.move_in is not None:
            await self.parts.move_in(self.db)

    async def _until_up(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        assert self._http is not None
        while not self._http.started:
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.01)

    async def _stop(self, tasks: Sequence["asyncio.Task[None]"]) -> None:
        self.stopping.set()
        assert self._http is not None
        self._http.should_exit = True
        await self.gateway.stop()
        await self.messages.flush()  # nothing more is said; what comes next may be let go of
        outbox, feeds, http, messages, forwarder, checkpoint = tasks
        outbox.cancel()
        feeds.cancel()
        _, late = await asyncio.wait([http], timeout=HTTP_STOP_SECONDS)
        for task in late:
            task.cancel()
        messages.cancel()
        forwarder.cancel()
        checkpoint.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _api_context(self) -> ApiContext:
        return ApiContext(
            db=self.db,
            clock=self.parts.clock,
            bus=self.bus,
            solver=self.parts.solver,
            commands=self.stations,
            settings=ApiSettings(
                demo=self.settings.demo,
                secret=secret(self.settings.home),
                ocpp_url=self.ws_url,
                upload_url=f"{self.url_for_others}/api/uploads",
                any_host=not self.settings.named_host,
            ),
            set_speed=self.parts.set_speed,
            stopping=self.stopping,
            hands=GatewayHands(self.gateway),
            files=self.settings.home / "uploads",
        )

    def _said(self, station_id: UUID, said: Said) -> None:
        self.messages.put(station_id, said)
        self.forwarder.hear(station_id, said)

    def _committed(self, announced: list[Announcement], queued: bool) -> None:  # noqa: FBT001 -- the database's hook
        for one in announced:
            if isinstance(one, ForwardingMoved):
                self.forwarder.wake()
            elif (topic := _topic(one)) is not None and self.bus.heard(topic):
                self.bus.publish(topic, msgspec.json.encode(one))
        if queued:
            self.runner.wake()

    async def settle(self) -> None:
        """Return when nothing is under way: every message answered, outbox and planner idle. For stepped clocks."""
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(0)
            if self.runner.busy:
                await self.runner.rested.wait()
            quiet = quiet + 1 if self.quiet() and not self.prices.busy else 0

    def quiet(self) -> bool:
        """Whether nobody waits for us now: no station for an answer, no task for its turn."""
        return not self.runner.busy and self.gateway.idle

    def resting(self) -> bool:
        """Whether nobody waits, and no station has said anything since this was asked last."""
        before, self._frames_seen = self._frames_seen, self.gateway.counts["frames_in"]
        return before == self._frames_seen and self.quiet()


def _topic(one: Announcement) -> str | None:
    """Who is told of it; None: nobody."""
    if isinstance(one, SessionMoved | WalletMoved):
        return None if one.account_id is None else account_topic(one.account_id)
    return party_topic(one.party_id) if isinstance(one, StationMoved) else PUBLIC


def _dispatch(api: AsgiApp, pages: AsgiApp) -> AsgiApp:
    """One port: the API's paths to the API, everything else to the app."""

    async def app(scope: Scope, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        is_api = scope["type"] == "lifespan" or scope["path"].startswith(API_PATHS)
        await (api if is_api else pages)(scope, receive, send)

    return app


def _http_config(app: Any) -> uvicorn.Config:  # noqa: ANN401 -- any ASGI application
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="websockets-sansio",
        timeout_graceful_shutdown=REQUEST_STOP_SECONDS,
        server_header=False,
    )


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if host in EVERYWHERE and bound.family is socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise BadSetting(f"--host: {host} is no address of this machine") from error
        raise BadSetting(_taken(port, "--port")) from error
    return bound


def _taken(port: int, option: str) -> str:
    return f"port {port} is in use or not allowed: stop what listens there, or choose another with {option}"
