"""What forwarded stations' lines note, written behind their backs: at once, in order, many notes a transaction."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import Clock
from server.core.reports import UNSAID_WH
from server.core.session import Session
from server.core.storable import storable, text_of
from server.flows import forwarding
from server.gateway import moments
from server.gateway.forwarding import words
from server.gateway.forwarding.ports import Begun, Item, Memory, Numbers
from server.gateway.versions import Version
from server.storage import forwarded, forwardings
from server.storage.db import Database
from server.storage.forwarded import Ended, Frame
from server.storage.forwardings import Route
from server.storage.together import AWAY
from server.workers.runner import Failure, attempt

Change = Callable[[AsyncSession], Awaitable[None]]
CHANGES_MAX = 20_000
AGAIN_S = 0.5
NUMBERS_READ = 256
TEXT_MAX = 255
FAULTS = (sa.exc.DBAPIError, ArithmeticError, LookupError, TypeError, ValueError)
"""A note's own, unless the database is away."""

log = structlog.get_logger("gateway")


class NotWritten(Exception):
    """What was noted is not in the database yet: it is away."""


class _Notes:
    """What is to be written by one transaction."""

    def __init__(self) -> None:
        self.adding: dict[int, Frame] = {}
        self.removing: set[int] = set()
        self.counts: dict[UUID, Counter[str]] = {}
        self.changes: deque[Change] = deque()

    @property
    def empty(self) -> bool:
        return not (self.adding or self.removing or self.counts or self.changes)

    def apart(self) -> "list[_Notes]":
        """Each note by itself, in their order."""
        singles = [_Notes() for _ in range(sum(map(len, (self.adding, self.removing, self.counts, self.changes))))]
        left = iter(singles)
        for frame in self.adding.values():
            next(left).adding[frame.id] = frame
        for frame_id in self.removing:
            next(left).removing.add(frame_id)
        for station_id, counted in self.counts.items():
            next(left).counts[station_id] = counted
        for change in self.changes:
            next(left).changes.append(change)
        return singles

    def then(self, later: "_Notes") -> "_Notes":
        """These, and later ones: what was to be added and is to be removed need not be written."""
        gone = later.removing & self.adding.keys()
        for frame_id in gone:
            del self.adding[frame_id]
        self.adding |= later.adding
        self.removing |= later.removing - gone
        for station_id, counted in later.counts.items():
            self.counts.setdefault(station_id, Counter()).update(counted)
        self.changes += later.changes
        return self


def _joined(parts: Sequence[_Notes]) -> _Notes:
    whole = _Notes()
    for part in parts:
        whole.then(part)
    return whole


class Keeper:
    """Writes for all lines.

    `counts`: lost, notes that found no room while the database was away; faulty, those that no database takes.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        """Both belong to the server."""
        self.db, self.clock = db, clock
        self.counts: Counter[str] = Counter()
        self._notes = _Notes()
        self._turn = asyncio.Lock()
        self._noted = asyncio.Event()
        self._last_id = 0
        self._stopping = False
        self._under_way: set[asyncio.Task[bool]] = set()

    async def begin(self) -> None:
        """Once the database is open: numbers go on where they ended."""
        async with self.db.read() as tx:
            self._last_id = await forwarded.last_id(tx)

    def next_id(self) -> int:
        """A number above all given before."""
        self._last_id = max(self._last_id + 1, time.time_ns() // 1000)
        return self._last_id

    def add(self, frame: Frame) -> None:
        """Keep a frame."""
        self._notes.adding[frame.id] = frame
        self._noted.set()

    def remove(self, station_id: UUID, frame_id: int | None, what: str) -> None:
        """A frame is `what`: delivered, dropped, or the begin of an untold session. One not written yet never is."""
        self._notes.counts.setdefault(station_id, Counter())[what] += 1
        if frame_id is not None and self._notes.adding.pop(frame_id, None) is None:
            self._notes.removing.add(frame_id)
        self._noted.set()

    def change(self, change: Change) -> None:
        """Something else, after what was noted before."""
        if len(self._notes.changes) >= CHANGES_MAX:
            self.counts["lost"] += 1
            return
        self._notes.changes.append(change)
        self._noted.set()

    async def run(self) -> None:
        """Write what is noted, until `stop`; what is noted by then is written before this returns."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            written = await self.flush()
            if self._stopping:
                return
            if not written:
                await asyncio.sleep(AGAIN_S)
                self._noted.set()

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping = True
        self._noted.set()

    async def flush(self) -> bool:
        """Write all that is noted; what cannot be written stays noted. Goes on where whoever waits is cancelled."""
        writing = asyncio.create_task(self._flush())
        self._under_way.add(writing)
        writing.add_done_callback(self._under_way.discard)
        return await asyncio.shield(writing)

    async def _flush(self) -> bool:
        async with self._turn:
            while not self._notes.empty:
                notes, self._notes = self._notes, _Notes()
                left = [notes]
                try:
                    outcome = await attempt(self._write_all(left), what="forwarding")
                finally:
                    self._notes = _joined(left).then(self._notes)
                if isinstance(outcome, Failure):
                    return False
        return True

    async def _write_all(self, left: list[_Notes]) -> None:
        """Write in few transactions; what is written leaves `left`. A note that is at fault is found and dropped.

        Raises what the database raises that is away.
        """
        while left:
            try:
                await self._write(left[0])
            except FAULTS as error:
                if isinstance(error, AWAY) or (isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated):
                    raise
                singles = left[0].apart()
                half = len(singles) // 2
                left[:1] = [_joined(singles[:half]), _joined(singles[half:])] if half else []
                if not half:
                    self.counts["faulty"] += 1
                    log.error("forwarding_note_dropped", error=type(error).__name__)  # noqa: TRY400 -- it may quote
            else:
                del left[0]

    async def _write(self, notes: _Notes) -> None:
        async with self.db.begin() as tx:
            await forwarded.add(tx, list(notes.adding.values()))
            await forwarded.remove(tx, notes.removing)
            for station_id, counted in notes.counts.items():
                await forwarded.count(tx, station_id, counted)
            for change in notes.changes:
                await change(tx)


class StationStore:
    """One station's notes."""

    def __init__(self, keeper: Keeper, route: Route) -> None:
        """The keeper is the server's."""
        self._keeper, self._route = keeper, route

    async def memory(self) -> Memory:
        """What is known from before."""
        route = self._route
        async with self._keeper.db.read() as tx:
            numbers = await forwarded.numbers(tx, route.station_id, NUMBERS_READ)
            connectors = await forwardings.connectors(tx, route.station_id)
            unended = [ours for ours, one in numbers.items() if not one.stopped]
            ended = await forwarding.untold_ends(tx, route.station_id, unended)
            known = [one for one in await forwarding.running(tx, route.station_id) if one.meter_start_wh != UNSAID_WH]
            running = [_begun(one, route.ocpp) for one in known]
            told = await forwarded.told_of(tx, route.station_id, [one.number for one in running])
        return Memory(
            boot=None if route.boot is None else route.boot.encode(),
            booted=route.booted,
            waiting=route.waiting,
            connectors=connectors,
            ends=tuple((one.transaction_id, _stop(one)) for one in ended),
            takes=version_of(route.takes) if route.takes else None,
            begun=tuple(one for one in running if one.number not in told),
            numbers={ours: Numbers(one.theirs, one.stopped) for ours, one in numbers.items()},
        )

    def now(self) -> datetime:
        """The server's time."""
        return self._keeper.clock.now()

    def next_id(self) -> int:
        """A number above all given before."""
        return self._keeper.next_id()

    def add(self, item: Item) -> None:
        """A call is kept until it was delivered or dropped."""
        route, text = self._route, text_of(item.payload)
        said = (item.version.value, clean(item.action), clean(item.message_id), item.ours, text)
        self._keeper.add(Frame(item.id, route.party_id, route.station_id, *said))

    def delivered(self, item: Item) -> None:
        """The other system has answered it."""
        self._keeper.remove(self._route.station_id, item.id, "delivered")

    def dropped(self, item: Item | None) -> None:
        """It will never be delivered; None: one that was not kept."""
        self._keeper.remove(self._route.station_id, None if item is None else item.id, "dropped")

    def untold(self) -> None:
        """A session will never be told."""
        self._keeper.remove(self._route.station_id, None, "untold")

    def numbers(self, ours: int, known: Numbers) -> None:
        """What is known of a transaction."""
        route, now = self._route, self._keeper.clock.now()
        told = {ours: forwarded.Numbers(known.theirs, known.stopped)}
        self._keeper.change(lambda tx: forwarded.put_numbers(tx, route.station_id, route.party_id, told, now))

    def card(self, uid: str, status: str) -> None:
        """What the other system says of a card."""
        route, now = self._route, self._keeper.clock.now()
        said = (clean(uid), clean(status))
        self._keeper.change(lambda tx: forwarded.put_card(tx, route.forwarding_id, route.party_id, said, now))

    async def lend(self, uid: str) -> Callable[[], None]:
        """A card may charge from now on; what is returned takes that back, unless something else was said since."""
        card, now, list_id = clean(uid), self._keeper.clock.now(), self._route.forwarding_id
        if not await self._keeper.flush():
            raise NotWritten
        async with self._keeper.db.begin() as tx:
            before = await forwarded.card(tx, list_id, card)
            await forwarded.put_card(tx, list_id, self._route.party_id, (card, "Accepted"), now)

        async def put_back(tx: AsyncSession) -> None:
            if await forwarded.card(tx, list_id, card) != ("Accepted", now):
                return
            if before is None:
                await forwarded.take_back(tx, list_id, card)
            else:
                await forwarded.put_card(tx, list_id, self._route.party_id, (card, before[0]), before[1])

        return lambda: self._keeper.change(put_back)

    def boot(self, payload: bytes | None, *, accepted: bool) -> None:
        """What the station says of itself (None: as before), and whether the other system has accepted that."""
        told = {} if payload is None else {"boot": text_of(payload)}
        self._update(booted=accepted, **told)

    def state(self, state: str, error: str) -> None:
        """How it stands, and why."""
        self._update(state=state, error=clean(error), state_at=self._keeper.clock.now())

    def takes(self, version: Version) -> None:
        """The version that the other system takes."""
        self._update(takes=version.value)

    def note(self, text: str) -> None:
        """Something that an operator should see."""
        self._update(note=clean(text))

    def _update(self, **values: object) -> None:
        station_id = self._route.station_id
        self._keeper.change(lambda tx: forwardings.update_station(tx, station_id, **values))

    async def page(self, limit: int) -> list[Item]:
        """The first of what is kept, in order; raises NotWritten, and what the database raises."""
        if not await self._keeper.flush():
            raise NotWritten
        async with self._keeper.db.read() as tx:
            frames = await forwarded.page(tx, self._route.station_id, limit)
        return [_item(frame) for frame in frames]

    async def ours_first(self) -> str:
        """Why the other system may set no profiles at this station now, "" where it may."""
        async with self._keeper.db.read() as tx:
            return await forwarding.ours_first(tx, self._route.station_id)


def clean(text: str) -> str:
    """A text from elsewhere as any database takes it."""
    return storable(text[:TEXT_MAX])


def _stop(one: Ended) -> bytes:
    return words.end(one.transaction_id, one.meter_stop_wh, moments.write(one.ended_at), one.stop_reason)


def _begun(one: Session, spoke: str) -> Begun:
    """How a session began, as its station would say it in what it spoke last."""
    name, at = one.transaction_ref, moments.write(one.started_at)
    if name is None:
        said = words.begin(one.connector_no, one.token_uid, one.meter_start_wh, at)
        return Begun(one.transaction_id, Version.V16, said)
    version = version_of(spoke)
    said = words.begin_named(name, one.connector_no, one.token_uid, one.meter_start_wh, at)
    return Begun(words.mark(name), Version.V201 if version is Version.V16 else version, said)


def _item(frame: Frame) -> Item:
    said = (Version(frame.version), frame.action, frame.message_id, frame.payload.encode(), frame.transaction_id)
    return Item(frame.id, *said, kept=True)


def version_of(spoken: str) -> Version:
    """A version by its subprotocol's name; 1.6 for a station that never connected."""
    return Version(spoken) if spoken in list(Version) else Version.V16
