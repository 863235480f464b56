"""The API over the small town: the real application, a real database, a clock that stands still."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
import small_town
from api_edge import SETTINGS, FakeStations, InlineSolver, asking, bearer
from small_town import ANNA, BERT, NOW, OLGA, OTTO, SUE, Database

from server.api.app import ApiContext
from server.bus import PUBLIC, LocalBus, account_topic, party_topic
from server.clock import SteppedClock
from server.flows.announcements import SessionMoved, StationMoved, WalletMoved


@pytest.fixture(scope="session")
def founded(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("town") / "town.db"
    asyncio.run(small_town.found(path))
    return path


@pytest.fixture
async def context(founded, tmp_path) -> AsyncIterator[ApiContext]:
    path = tmp_path / "town.db"
    shutil.copy(founded, path)
    bus = LocalBus()

    def announce(announced, _queued):
        for one in announced:
            mine = isinstance(one, SessionMoved | WalletMoved)
            topic = account_topic(one.account_id) if mine else PUBLIC
            topic = party_topic(one.party_id) if isinstance(one, StationMoved) else topic
            bus.publish(topic, msgspec.json.encode(one))

    db = Database(f"sqlite:///{path}", on_commit=announce)
    speeds = []
    yield ApiContext(db, SteppedClock(NOW), bus, InlineSolver(), FakeStations(), SETTINGS, set_speed=speeds.append)
    await db.close()


@pytest.fixture
async def api(context) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(context) as client:
        yield client


@pytest.fixture
def anna():
    return bearer(ANNA)


@pytest.fixture
def bert():
    return bearer(BERT)


@pytest.fixture
def olga():
    return bearer(OLGA)


@pytest.fixture
def otto():
    return bearer(OTTO)


@pytest.fixture
def sue():
    return bearer(SUE)
