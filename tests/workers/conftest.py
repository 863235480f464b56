"""A database and a clock for workers; stations are the edge, and answer as a test says."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from small_town import NOW, found

from server.clock import SteppedClock
from server.storage.db import Database
from server.workers.context import WorkContext
from server.workers.ports import Heard, Order
from server.workers.solve import Inline


@dataclass
class Stations:
    """The edge: what stations were told, in order; `says` is how each answers.

    `waits`: what a station waits for before it answers to a plan; `asked` gets who was sent one, when it is.
    """

    told: list[tuple[str, UUID, object]] = field(default_factory=list)
    says: dict[UUID, Heard] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    waits: dict[UUID, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    asked: asyncio.Queue[UUID] = field(default_factory=asyncio.Queue)

    def _heard(self, station_id: UUID) -> Heard:
        return self.says.get(station_id, Heard("accepted"))

    async def set_plan(self, station_id: UUID, order: Order) -> Heard:
        self.told.append(("plan", station_id, order))
        self.asked.put_nowait(station_id)
        if station_id in self.waits:
            await self.waits[station_id]()
        return self._heard(station_id)

    async def set_safe_share(self, station_id: UUID, share_w: int, unit: str, phases: int) -> Heard:
        self.told.append(("share", station_id, (share_w, unit, phases)))
        return self._heard(station_id)

    async def clear_share(self, station_id: UUID) -> Heard:
        self.told.append(("clear_share", station_id, ""))
        return self._heard(station_id)

    async def set_option(self, station_id: UUID, key: str, value: str) -> Heard:
        self.told.append((key, station_id, value))
        return Heard(self.options.get(key, "accepted"))

    async def get_options(self, station_id: UUID, keys: Sequence[str]) -> dict[str, str]:
        self.told += [("ask", station_id, key) for key in keys]
        return {key: self.options[key] for key in keys if key in self.options}

    async def trigger(self, station_id: UUID, message: str) -> Heard:
        self.told.append(("trigger", station_id, message))
        return self._heard(station_id)

    async def clear_plans(self, station_id: UUID) -> Heard:
        self.told.append(("clear_profile", station_id, ""))
        return self._heard(station_id)

    async def reset(self, station_id: UUID, *, hard: bool) -> Heard:
        self.told.append(("reset", station_id, "hard" if hard else "soft"))
        return self._heard(station_id)


@pytest.fixture(scope="session")
def town_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("workers") / "town.db"
    asyncio.run(found(path))
    return path


@pytest.fixture
def stations() -> Stations:
    return Stations()


@pytest.fixture
async def context(town_file: Path, tmp_path: Path, stations: Stations) -> AsyncIterator[WorkContext]:
    """The small town, a clock that stands still at NOW, the engine in place."""
    shutil.copy(town_file, tmp_path / "town.db")
    db = Database(f"sqlite:///{tmp_path / 'town.db'}")
    yield WorkContext(db, SteppedClock(NOW), stations, Inline())
    await db.close()
