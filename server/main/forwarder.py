"""Keeps a line to the other system for every station that is forwarded, as the lists say now."""

import asyncio
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

import structlog

from server.clock import Clock
from server.core.sealed import unseal
from server.flows import stations as station_flows
from server.gateway.forwarding.line import Line
from server.gateway.forwarding.outgoing import Patience
from server.gateway.forwarding.ports import Route
from server.gateway.link import Question, Reply
from server.gateway.listener import Gateway
from server.gateway.ports import Said
from server.gateway.versions import Version
from server.main.forwarding_store import Keeper, StationStore, version_of
from server.storage import forwardings
from server.storage.db import Database
from server.workers.runner import Failure, attempt

COMMAND_S = 30.0
DISTURBING = frozenset(["ChangeConfiguration", "ClearChargingProfile", "SetChargingProfile", "SetVariables"])

log = structlog.get_logger("gateway")


class _Kept:
    """A line that runs, and what it was made of."""

    def __init__(self, route: Route, line: Line, task: "asyncio.Task[None]") -> None:
        self.route, self.line, self.task = route, line, task


class Forwarder:
    """All lines of this process. `hear` is in the path of every frame: one look-up where nothing is forwarded."""

    def __init__(self, db: Database, clock: Clock, secret: bytes, patience: Patience | None = None) -> None:
        """`secret` opens the keys; `gateway` is set before it runs."""
        self.gateway: Gateway | None = None
        self.keeper = Keeper(db, clock)
        self._db, self._clock, self._secret = db, clock, secret
        self._patience = patience or Patience()
        self._lines: dict[UUID, _Kept] = {}
        self._standing: tuple[int, datetime | None] | None = None
        self._woken = asyncio.Event()

    def hear(self, station_id: UUID, said: Said) -> None:
        """A frame between a station and us. Returns at once and never fails."""
        kept = self._lines.get(station_id)
        if kept is not None:
            kept.line.hear(said, self._version(station_id))

    def wake(self) -> None:
        """A list has changed, perhaps at the very time of the change before: the clock may stand."""
        self._standing = None
        self._woken.set()

    async def run(self) -> None:
        """Keep the lines as the lists say, until cancelled; then none is left."""
        writing = asyncio.create_task(self.keeper.run(), name="forwarding notes")
        try:
            await self.keeper.begin()
            while True:
                self._woken.clear()
                await attempt(self._look(), what="forwardings")
                for station_id, kept in self._lines.items():
                    kept.line.station_is(self._version(station_id))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.look_s):
                        await self._woken.wait()
        finally:
            await self._end(list(self._lines))
            self.keeper.stop()
            await asyncio.gather(writing, return_exceptions=True)

    async def _look(self) -> None:
        async with self._db.read() as tx:
            standing = await forwardings.standing(tx)
            if standing == self._standing:
                return
            found = {row.station_id: row for row in await forwardings.routes(tx)}
        wanted = {station_id: self._route(row) for station_id, row in found.items()}
        changed = [one for one, kept in self._lines.items() if wanted.get(one) != kept.route]
        if changed:
            await self._end(changed)
            await self.keeper.flush()
            async with self._db.read() as tx:  # what they left
                found = {row.station_id: row for row in await forwardings.routes(tx)}
            wanted = {station_id: self._route(row) for station_id, row in found.items()}
        for station_id in wanted.keys() - self._lines.keys():
            await self._start(wanted[station_id], found[station_id])
        self._standing = None if self._woken.is_set() else standing

    async def _start(self, route: Route, row: forwardings.Route) -> None:
        store = StationStore(self.keeper, row)
        memory = await store.memory()

        async def ask(question: Question) -> Reply:
            return await self._ask(route.station_id, question)

        line = Line(route, memory, store, ask, self._patience)
        line.station_is(self._version(route.station_id))
        self._lines[route.station_id] = _Kept(route, line, asyncio.create_task(self._keep(line)))

    async def _keep(self, line: Line) -> None:
        """A line's life. What goes wrong in it (the database is away) ends a connection, not the forwarding."""
        while isinstance(await attempt(line.run(), what="forwarding"), Failure):  # noqa: ASYNC110 -- not a wait
            await asyncio.sleep(self._patience.first_s)

    async def _end(self, station_ids: list[UUID]) -> None:
        ending = [self._lines.pop(station_id).task for station_id in station_ids]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _ask(self, station_id: UUID, question: Question) -> Reply:
        """Ask the station for the other system; what we rely on and that may change it is told anew."""
        assert self.gateway is not None
        disturbing = question.action in DISTURBING
        if disturbing:
            async with self._db.begin() as tx:
                await station_flows.disturb(tx, station_id)
        reply = await self.gateway.ask(station_id, question, COMMAND_S)
        if disturbing:
            async with self._db.begin() as tx:
                await station_flows.disturbed(tx, station_id, self._clock.now())
        return reply

    def _version(self, station_id: UUID) -> Version | None:
        return None if self.gateway is None else self.gateway.version(station_id)

    def _route(self, row: forwardings.Route) -> Route:
        return Route(
            station_id=row.station_id,
            forwarding_id=row.forwarding_id,
            identity=row.identity,
            url=f"{row.url.rstrip('/')}/{quote(row.identity, safe='')}",
            key=unseal(self._secret, row.sealed_key, row.identity),
            vendor=row.vendor,
            model=row.model,
            spoke=version_of(row.ocpp),
            allowed=frozenset(row.allowed),
            their_cards=row.their_cards,
            guarded=row.at_home,
        )
