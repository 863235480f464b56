"""The API over the small town: the real application, a real database, a clock that stands still."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import small_town
from litestar.testing import AsyncTestClient
from small_town import ANNA, BERT, NOW, OLGA, OTTO, SUE, Database

from server.api.app import ApiContext, ApiSettings, create
from server.api.guards import issue
from server.bus import PUBLIC, LocalBus, account_topic
from server.clock import SteppedClock
from server.core.valley import plan as engine
from server.flows.accounts import Grant
from server.flows.announcements import SessionMoved, WalletMoved
from server.storage import accounts
from shared.sessions import CommandAnswer

SETTINGS = ApiSettings(demo=True, secret=b"0123456789abcdef0123456789abcdef", version="test", ocpp_url="ws://host/ocpp")


class InlineSolver:
    """The engine, in the event loop."""

    async def solve(self, problem):
        return engine.solve(problem)


class FakeStations:
    """The station edge: remembers what it was told, and says what it is told to say."""

    def __init__(self):
        self.told = []
        self.answer = CommandAnswer("accepted")

    async def start(self, station_id, connector_no, token_uid):
        self.told.append(("start", station_id, connector_no, token_uid))
        return self.answer

    async def stop(self, station_id, transaction_id):
        self.told.append(("stop", station_id, transaction_id))
        return self.answer


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
            bus.publish(account_topic(one.account_id) if mine else PUBLIC, msgspec.json.encode(one))

    db = Database(f"sqlite:///{path}", on_commit=announce)
    clock = SteppedClock(NOW)
    yield ApiContext(db, clock, bus, InlineSolver(), FakeStations(), SETTINGS, set_speed=lambda _speed: None)
    await db.close()


@pytest.fixture
async def api(context) -> AsyncIterator[AsyncTestClient]:
    async with AsyncTestClient(create(context)) as client:
        yield client


async def bearer(context: ApiContext, account_id: UUID) -> dict[str, str]:
    """The header of somebody who is signed in."""
    async with context.db.read() as tx:
        account = await accounts.get(tx, account_id)
    pair = issue(context.settings, Grant(account.id, account.party_id, account.role, "none"))
    return {"Authorization": f"Bearer {pair.access_token}"}


@pytest.fixture
async def anna(context):
    return await bearer(context, ANNA)


@pytest.fixture
async def bert(context):
    return await bearer(context, BERT)


@pytest.fixture
async def olga(context):
    return await bearer(context, OLGA)


@pytest.fixture
async def otto(context):
    return await bearer(context, OTTO)


@pytest.fixture
async def sue(context):
    return await bearer(context, SUE)
