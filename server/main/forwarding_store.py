"""What forwarded stations' lines note, written behind their backs: at once, in order, many notes a transaction."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from server.clock import Clock
from server.flows import forwarding
from server.gateway import moments
from server.gateway.forwarding import words
from server.gateway.forwarding.ports import Item, Memory, Numbers
from server.gateway.versions import Version
from server.storage import forwarded, forwardings
from server.storage.db import Database
from server.storage.forwarded import Ended, Frame
from server.storage.forwardings import Route
from server.workers.runner import Failure, attempt

Change = Callable[[AsyncSession], Awaitable[None]]
CHANGES_MAX = 20_000
AGAIN_S = 0.5
NUMBERS_READ = 256


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


class Keeper:
    """Writes for all lines. `counts`: lost, notes that found no room while the database was away."""

    def __init__(self, db: Database, clock: Clock) -> None:
        """Both belong to the server."""
        self.db, self.clock = db, clock
        self.counts: Counter[str] = Counter()
        self._notes = _Notes()
        self._turn = asyncio.Lock()
        self._noted = asyncio.Event()
        self._last_id = 0

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
        """A frame is `what`: delivered or dropped. One that was not written yet never is."""
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
        """Write what is noted, until cancelled."""
        while True:
            await self._noted.wait()
            self._noted.clear()
            if not await self.flush():
                await asyncio.sleep(AGAIN_S)
                self._noted.set()

    async def flush(self) -> bool:
        """Write all that is noted; what cannot be written stays noted."""
        async with self._turn:
            while not self._notes.empty:
                notes, self._notes = self._notes, _Notes()
                written = await attempt(self._write(notes), what="forwarding")
                if isinstance(written, Failure):
                    if written.why == IntegrityError.__name__ and notes.changes:
                        notes.changes.popleft()  # or one that cannot be written would stop all others
                        self.counts["lost"] += 1
                    self._put_back(notes)
                    return False
        return True

    async def _write(self, notes: _Notes) -> None:
        async with self.db.begin() as tx:
            await forwarded.add(tx, list(notes.adding.values()))
            await forwarded.remove(tx, notes.removing)
            for station_id, counted in notes.counts.items():
                await forwarded.count(tx, station_id, counted["delivered"], counted["dropped"])
            for change in notes.changes:
                await change(tx)

    def _put_back(self, notes: _Notes) -> None:
        later, self._notes = self._notes, notes
        gone = later.removing & notes.adding.keys()
        for frame_id in gone:
            del notes.adding[frame_id]
        notes.adding |= later.adding
        notes.removing |= later.removing - gone
        for station_id, counted in later.counts.items():
            notes.counts.setdefault(station_id, Counter()).update(counted)
        notes.changes += later.changes


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
            running = [ours for ours, one in numbers.items() if not one.stopped]
            ended = await forwarding.untold_ends(tx, route.station_id, running)
        return Memory(
            boot=None if route.boot is None else route.boot.encode(),
            booted=route.booted,
            waiting=route.waiting,
            connectors=connectors,
            ends=tuple((one.transaction_id, _stop(one)) for one in ended),
            numbers={ours: Numbers(one.theirs, one.stopped) for ours, one in numbers.items()},
        )

    def next_id(self) -> int:
        """A number above all given before."""
        return self._keeper.next_id()

    def add(self, item: Item) -> None:
        """A call is kept until it was delivered or dropped."""
        route, text = self._route, item.payload.decode("utf-8", "replace").replace("\x00", "\ufffd")
        said = (item.version.value, item.action, item.message_id, item.ours, text)
        self._keeper.add(Frame(item.id, route.party_id, route.station_id, *said))

    def delivered(self, item: Item) -> None:
        """The other system has answered it."""
        self._keeper.remove(self._route.station_id, item.id, "delivered")

    def dropped(self, item: Item | None) -> None:
        """It will never be delivered; None: one that was not kept."""
        self._keeper.remove(self._route.station_id, None if item is None else item.id, "dropped")

    def numbers(self, ours: int, known: Numbers) -> None:
        """What is known of a transaction."""
        route, now = self._route, self._keeper.clock.now()
        told = {ours: forwarded.Numbers(known.theirs, known.stopped)}
        self._keeper.change(lambda tx: forwarded.put_numbers(tx, route.station_id, route.party_id, told, now))

    def card(self, uid: str, status: str) -> None:
        """What the other system says of a card."""
        route, now = self._route, self._keeper.clock.now()
        said = (uid, status)
        self._keeper.change(lambda tx: forwarded.put_card(tx, route.forwarding_id, route.party_id, said, now))

    def boot(self, payload: bytes | None, *, accepted: bool) -> None:
        """What the station says of itself (None: as before), and whether the other system has accepted that."""
        told = {} if payload is None else {"boot": payload.decode("utf-8", "replace").replace("\x00", "\ufffd")}
        self._update(booted=accepted, **told)

    def state(self, state: str, error: str) -> None:
        """How it stands, and why."""
        self._update(state=state, error=error, state_at=self._keeper.clock.now())

    def note(self, text: str) -> None:
        """Something that an operator should see."""
        self._update(note=text.replace("\x00", "\ufffd"))

    def _update(self, **values: object) -> None:
        station_id = self._route.station_id
        self._keeper.change(lambda tx: forwardings.update_station(tx, station_id, **values))

    async def page(self, limit: int) -> list[Item]:
        """The first of what is kept, in order; raises what the database raises."""
        await self._keeper.flush()
        async with self._keeper.db.read() as tx:
            frames = await forwarded.page(tx, self._route.station_id, limit)
        return [_item(frame) for frame in frames]

    async def ours_first(self) -> str:
        """Why the other system may set no profiles at this station now, "" where it may."""
        async with self._keeper.db.read() as tx:
            return await forwarding.ours_first(tx, self._route.station_id)


def _stop(one: Ended) -> bytes:
    return words.end(one.transaction_id, one.meter_stop_wh, moments.write(one.ended_at), one.stop_reason)


def _item(frame: Frame) -> Item:
    said = (Version(frame.version), frame.action, frame.message_id, frame.payload.encode(), frame.transaction_id)
    return Item(frame.id, *said, kept=True)


def version_of(spoken: str) -> Version:
    """A version by its subprotocol's name; 1.6 for a station that never connected."""
    return Version(spoken) if spoken in list(Version) else Version.V16
