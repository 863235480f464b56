"""Keeps the message log off the hot path: frames wait in a buffer and are written together, every half second."""

import asyncio
import time
from collections import Counter, deque
from datetime import datetime
from itertools import chain, islice, starmap
from uuid import UUID

import msgspec

from server.bus import Bus, messages_topic
from server.clock import Clock
from server.core.frame_secrets import hidden
from server.core.storable import storable
from server.flows.message_views import view
from server.gateway import judge
from server.gateway.ports import Said
from server.storage import message_log
from server.storage.bare_rows import Row
from server.storage.db import Database
from server.storage.message_log import Message
from server.workers.runner import Failure, attempt

EVERY_S = 0.5
BATCH = 200
BATCH_BYTES = 128 << 10
"""Frames a transaction, and their bytes: on SQLite others wait for it, two ms."""
LULL_S, PATIENT = 0.2, 5_000
"""So long a transaction waits until no other does, for stations are answered first; not where so many frames wait."""
MANY, LARGER = 2_000, 10
"""Where so many wait, a transaction takes so many times more: of honest frames, half the work is their share of it."""
PLENTY, LONGER_S, LOOKS = 20_000, 1.5, 15
"""Then so many are awaited, or so much longer; nobody waits for more where memory is short."""
GATHERED = 10_000
"""So many are then written station by station; to sort them holds the loop for 9 ms.

Each station has a page of its own in the index, which a transaction writes whether it said one thing there or twenty.
"""
IN_ONE_GO = 20_000
"""Bytes of frames that are judged in one go: a millisecond. (A thread would hold the interpreter for longer.)"""
TEXT_MAX = 255
FRAMES_MAX = 50_000
BYTES_MAX = 64 << 20


class _Waiting(msgspec.Struct, frozen=True, gc=False):
    """A frame that is to be written. `span`: never falls, though the clock may; frames of one may change places."""

    station_id: UUID
    at: datetime
    said: Said
    span: float


class _Read(msgspec.Struct, frozen=True, gc=False):
    station_id: UUID
    at: datetime
    said: Said
    raw: str
    odd: str


class MessageLog:
    """A bounded buffer and who empties it. `counts`: kept, lost (the buffer was full, or the station unknown)."""

    def __init__(self, db: Database, clock: Clock, bus: Bus) -> None:
        """All belong to the server."""
        self.counts: Counter[str] = Counter()
        self._db, self._clock, self._bus = db, clock, bus
        self._waiting: deque[_Waiting] = deque()
        self._bytes, self._span = 0, 0.0
        self._arrived = asyncio.Event()
        self._stations: dict[UUID, tuple[UUID, str]] = {}
        self._last_id: int | None = None
        self._turn = asyncio.Lock()

    def put(self, station_id: UUID, said: Said) -> None:
        """Take a frame; a full buffer loses the newest, for what happened first tells why."""
        if len(self._waiting) >= FRAMES_MAX or self._bytes + len(said.raw) > BYTES_MAX:
            self.counts["lost"] += 1
            return
        self._bytes += len(said.raw)
        now = self._clock.now()
        self._span = max(self._span, now.timestamp() // message_log.APART.total_seconds())
        self._waiting.append(_Waiting(station_id, now, said, self._span))
        self._arrived.set()

    @property
    def _patient(self) -> bool:
        return len(self._waiting) < PATIENT

    async def run(self) -> None:
        """Write what comes, until cancelled: a few frames evenly, for all at once hold up others meanwhile."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(EVERY_S)
            while len(self._waiting) <= MANY and (count := await self._write_some(1)):
                if self._waiting:
                    await asyncio.sleep(EVERY_S * count / (count + len(self._waiting)))
            if len(self._waiting) > MANY:
                await self._write_many()

    async def _write_many(self) -> None:
        """Write what waits; what comes meanwhile waits for more of its stations, where it can."""
        for _ in range(LOOKS):
            if len(self._waiting) < PLENTY and self._bytes < BYTES_MAX // 2:
                await asyncio.sleep(LONGER_S / LOOKS)
        left = len(self._waiting)
        while left > 0 or len(self._waiting) >= PLENTY:
            count = await self._write_gathered()
            if not count:
                break
            left -= count
        self._arrived.set()  # others may have come while the last were written

    async def _write_gathered(self) -> int:
        """Write GATHERED frames in large pieces, station by station; how many, 0 where nothing can be written."""
        async with self._turn:
            first = sorted(islice(self._waiting, GATHERED), key=_by_station)
            self._waiting = deque(chain(first, islice(self._waiting, len(first), None)))
        written = 0
        while written < len(first) and (count := await self._write_some(LARGER)):
            written += count
        return written

    async def flush(self) -> None:
        """Write what waits, at once; what cannot be written waits on."""
        while await self._write_some(LARGER):
            pass

    async def _write_some(self, times: int) -> int:
        """Write what one transaction takes; how many frames, 0 where none waits or nothing can be written."""
        async with self._turn:
            self._arrived.clear()
            batch = self._next(times)
            if not batch:
                return 0
            if isinstance(await attempt(self._write(batch), what="message_log"), Failure):
                self._arrived.set()
                return 0
            for _ in batch:
                self._bytes -= len(self._waiting.popleft().said.raw)
            return len(batch)

    def _next(self, times: int) -> list[_Waiting]:
        """What one transaction writes: at least one frame, where one waits."""
        batch: list[_Waiting] = []
        size = 0
        for one in islice(self._waiting, BATCH * times):
            size += len(one.said.raw)
            if batch and size > BATCH_BYTES * times:
                break
            batch.append(one)
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        await self._keep(await _read(batch))

    async def _keep(self, batch: list[_Read]) -> None:
        """Write them in a transaction that does nothing else, once nobody waits for his."""
        last_id = await self._look_up({one.station_id for one in batch})
        known = [one for one in batch if one.station_id in self._stations]
        first_id = max(last_id + 1, time.time_ns() // 1000)
        rows = [self._row(row_id, one) for row_id, one in enumerate(known, first_id)]
        await self._db.lull(LULL_S if self._patient else 0)
        if rows:
            async with self._db.begin() as tx:
                await message_log.add(tx, rows)
        self._last_id = max(last_id, first_id + len(rows) - 1)
        self.counts["kept"] += len(rows)
        self.counts["lost"] += len(batch) - len(rows)
        self._tell(known, rows)

    async def _look_up(self, station_ids: set[UUID]) -> int:
        """Whose they are, where we do not know it yet; the id of the newest frame in the log."""
        unknown = station_ids - self._stations.keys()
        if unknown or self._last_id is None:
            async with self._db.read() as tx:
                self._stations |= await message_log.parties_of(tx, list(unknown))
                self._last_id = await message_log.last_id(tx) if self._last_id is None else self._last_id
        return self._last_id

    def _row(self, row_id: int, one: _Read) -> Row:
        """The values of a `Message`, in their order."""
        said = one.said
        party_id, action, message_id = self._stations[one.station_id][0], _short(said.action), _short(said.message_id)
        first = (row_id, party_id, one.station_id, one.at, said.direction, said.kind)
        return (*first, action, message_id, one.raw, said.by, one.odd)

    def _tell(self, known: list[_Read], rows: list[Row]) -> None:
        """Those who listen; nearly always nobody does."""
        parties = {self._stations[station_id][0] for station_id in {one.station_id for one in known}}
        for topic, party_id in ((messages_topic(party_id), party_id) for party_id in parties):
            if self._bus.heard(topic):
                messages = [message for message in starmap(Message, rows) if message.party_id == party_id]
                told = [view(one, self._stations[one.station_id][1]) for one in messages]
                self._bus.publish(topic, msgspec.json.encode(told))


def _by_station(one: _Waiting) -> tuple[float, int]:
    """Those of one station together, in their order, and no farther from their time than the log may have them."""
    return one.span, one.station_id.int


async def _read(batch: list[_Waiting]) -> list[_Read]:
    """Frames as text, keys hidden, and what the schemas say of them; others have their turn after every few."""
    found, in_one_go = [], 0
    for one in batch:
        if in_one_go > IN_ONE_GO:
            await asyncio.sleep(0)
            in_one_go = 0
        raw, said = hidden(one.said.raw), one.said
        in_one_go += len(raw)
        odd = judge.complaints(said.version, said.kind, said.action, raw)
        found.append(_Read(one.station_id, one.at, said, raw, odd))
    return found


def _short(text: str) -> str:
    return storable(text[:TEXT_MAX])
