"""Keeps a line to the other system for every station that is forwarded, as the lists say now."""

import asyncio
from collections import deque
from contextlib import suppress
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

import structlog

from server.addresses import Network
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
from server.storage import forwardings, session_batches
from server.storage.db import Database
from server.workers.runner import Failure, attempt

COMMAND_S = 30.0
BETWEEN_MAX = 256
"""Frames of a station that are held while its line is made."""
DISTURBING = frozenset(["ChangeConfiguration", "ClearChargingProfile", "SetChargingProfile", "SetVariables"])

log = structlog.get_logger("gateway")


class _Kept:
    """A line that runs, and what it was made of."""

    def __init__(self, route: Route, line: Line, task: "asyncio.Task[None]") -> None:
        self.route, self.line, self.task = route, line, task


class _Between:
    """What is said while a station has no line and is to have one: the last line's rest, and the frames since."""

    def __init__(self, before: Line | None = None) -> None:
        self.before = before
        self.said: deque[tuple[Said, Version | None]] = deque(maxlen=BETWEEN_MAX)


class _Station:
    """A station as its line has to do with it."""

    def __init__(self, forwarder: "Forwarder", station_id: UUID) -> None:
        self._forwarder, self._id = forwarder, station_id

    async def ask(self, question: Question) -> Reply:
        return await self._forwarder.ask(self._id, question)

    def offers(self) -> tuple[Version, ...]:
        return self._forwarder.offers(self._id)

    async def come_back(self) -> bool:
        return await self._forwarder.come_back(self._id)


class Forwarder:
    """All lines of this process. `hear` is in the path of every frame: one look-up where nothing is forwarded."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        secret: bytes,
        patience: Patience | None = None,
        within: tuple[Network, ...] | None = None,
    ) -> None:
        """`secret` opens the keys; `within`: see `Route`. `gateway` is set before it runs."""
        self.gateway: Gateway | None = None
        self.keeper = Keeper(db, clock)
        self._db, self._clock, self._secret = db, clock, secret
        self._patience, self._within = patience or Patience(), within
        self._lines: dict[UUID, _Kept] = {}
        self._between: dict[UUID, _Between] = {}
        self._begun = False
        self._after: set[asyncio.Task[None]] = set()
        self._standing: tuple[int, datetime | None] | None = None
        self._woken = asyncio.Event()

    def hear(self, station_id: UUID, said: Said) -> None:
        """A frame between a station and us. Returns at once and never fails."""
        kept = self._lines.get(station_id)
        if kept is not None:
            kept.line.hear(said, self._version(station_id))
        elif (between := self._between.get(station_id)) is not None:
            between.said.append((said, self._version(station_id)))

    def takes(self, station_id: UUID) -> Version | None:
        """The version that a station's other system takes, None where any will do or nobody knows."""
        kept, between = self._lines.get(station_id), self._between.get(station_id)
        line = kept.line if kept is not None else between.before if between is not None else None
        return None if line is None else line.takes

    def wake(self) -> None:
        """A list has changed, perhaps at the very time of the change before: the clock may stand."""
        self._standing = None
        self._woken.set()

    async def begin(self) -> None:
        """Make the lines, before stations are let in: what they say at once is heard."""
        if self.gateway is not None:
            self.gateway.choice.prefers = self.takes
        await self.keeper.begin()
        self._begun = True
        await attempt(self._look(), what="forwardings")

    async def run(self) -> None:
        """Keep the lines as the lists say, until cancelled; then none is left."""
        writing = asyncio.create_task(self.keeper.run(), name="forwarding notes")
        try:
            if not self._begun:
                await self.begin()
            while True:
                self._woken.clear()
                await attempt(self._look(), what="forwardings")
                for station_id, kept in self._lines.items():
                    kept.line.station_is(self._version(station_id))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._patience.look_s):
                        await self._woken.wait()
        finally:
            await self.end()
            await asyncio.gather(writing, return_exceptions=True)

    async def end(self) -> None:
        """No line is left, and all that was noted is written."""
        await self._end(list(self._lines))
        await asyncio.gather(*self._after, return_exceptions=True)
        self.keeper.stop()
        await self.keeper.flush()

    async def _look(self) -> None:
        async with self._db.read() as tx:
            standing = await forwardings.standing(tx)
            if standing == self._standing:
                return
            found = {row.station_id: row for row in await forwardings.routes(tx)}
        wanted = {station_id: self._route(row) for station_id, row in found.items()}
        changed = [one for one, kept in self._lines.items() if wanted.get(one) != kept.route]
        self._hold(set(wanted))
        if changed:
            await self._end(changed)
            await self.keeper.flush()
            async with self._db.read() as tx:  # what they left
                found = {row.station_id: row for row in await forwardings.routes(tx)}
            wanted = {station_id: self._route(row) for station_id, row in found.items()}
        self._hold(set(wanted))
        for station_id in wanted.keys() - self._lines.keys():
            await self._start(wanted[station_id], found[station_id])
        self._standing = None if self._woken.is_set() else standing

    def _hold(self, wanted: set[UUID]) -> None:
        """What stations say that are to have a line and have none yet is held for it."""
        for station_id in self._between.keys() - wanted:
            del self._between[station_id]
        for station_id in wanted - self._lines.keys():
            self._between.setdefault(station_id, _Between())

    async def _start(self, route: Route, row: forwardings.Route) -> None:
        store = StationStore(self.keeper, row)
        memory = await store.memory()

        line = Line(route, memory, store, _Station(self, route.station_id), self._patience)
        between = self._between.pop(route.station_id, _Between())
        if between.before is not None:
            line.follow(between.before)
        for said, version in between.said:
            line.hear(said, version)
        line.station_is(self._version(route.station_id))
        self._lines[route.station_id] = _Kept(route, line, asyncio.create_task(self._keep(line)))

    async def _keep(self, line: Line) -> None:
        """A line's life. What goes wrong in it (the database is away) ends a connection, not the forwarding."""
        while isinstance(await attempt(line.run(), what="forwarding"), Failure):  # noqa: ASYNC110 -- not a wait
            await asyncio.sleep(self._patience.first_s)

    async def _end(self, station_ids: list[UUID]) -> None:
        ending = []
        for station_id in station_ids:
            kept = self._lines.pop(station_id)
            self._between[station_id] = _Between(kept.line)
            ending.append(kept.task)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def offers(self, station_id: UUID) -> tuple[Version, ...]:
        """The versions that a station offered when it connected last."""
        return () if self.gateway is None else self.gateway.choice.offered(station_id)

    async def come_back(self, station_id: UUID) -> bool:
        """Let go of a station's connection, unless somebody charges there: in the middle of that nobody changes."""
        assert self.gateway is not None
        async with self._db.read() as tx:
            if await session_batches.open_of(tx, [station_id]):
                return False
        return self.gateway.drop(station_id)

    async def ask(self, station_id: UUID, question: Question) -> Reply:
        """Ask the station for the other system; what we rely on and that may change it is told anew."""
        assert self.gateway is not None
        if question.action not in DISTURBING:
            return await self.gateway.ask(station_id, question, COMMAND_S)
        try:
            async with self._db.begin() as tx:
                await station_flows.disturb(tx, station_id)
            return await self.gateway.ask(station_id, question, COMMAND_S)
        finally:  # whoever asked may have gone: the station is told anew all the same
            after = asyncio.create_task(self._disturbed(station_id))
            self._after.add(after)
            after.add_done_callback(self._after.discard)
            await asyncio.shield(after)

    async def _disturbed(self, station_id: UUID) -> None:
        async with self._db.begin() as tx:
            await station_flows.disturbed(tx, station_id, self._clock.now())

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
            within=self._within,
        )
