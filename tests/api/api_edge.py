"""What the API's tests put at its edges: an inline engine, stations that answer by hand, a server on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import uvicorn
from litestar import Litestar
from small_town import OLGA, OPERATOR, OTTO, PROVIDER, RIVAL, SUE, SUPPLIER

from server.api.app import ApiContext, ApiSettings, create, state_of
from server.api.guards import issue
from server.core.valley import plan as engine
from server.flows.accounts import Grant
from shared.accounts import Role
from shared.sessions import CommandAnswer

SETTINGS = ApiSettings(demo=True, secret=b"0123456789abcdef0123456789abcdef", version="test", ocpp_url="ws://host/ocpp")
PARTIES = {OLGA: OPERATOR, OTTO: RIVAL, SUE: SUPPLIER}
_SPARE: list[Litestar] = []
"""Applications that nobody asks now: to build one takes longer than most tests, and all it knows is its `state`."""
ROLES = {OLGA: Role.OPERATOR, OTTO: Role.OPERATOR, SUE: Role.SUPPLIER}


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

    async def reserve(self, order):
        self.told.append(("reserve", order.station_id, order.connector_no, order.token_uid))
        return self.answer

    async def cancel_reservation(self, station_id, reservation_id):
        self.told.append(("cancel", station_id, reservation_id))
        return self.answer

    async def stop(self, station_id, transaction_id, _reference=None):
        self.told.append(("stop", station_id, transaction_id))
        return self.answer


def access_token(account_id: UUID, settings: ApiSettings = SETTINGS) -> str:
    """The access token of somebody who is signed in."""
    grant = Grant(account_id, PARTIES.get(account_id, PROVIDER), ROLES.get(account_id, Role.DRIVER), "none")
    return issue(settings, grant).access_token


def bearer(account_id: UUID) -> dict[str, str]:
    """The header that goes with every request of somebody who is signed in."""
    return {"Authorization": f"Bearer {access_token(account_id)}"}


async def eventually(condition):
    """What a condition finds, once it finds something; at most half a minute."""
    async with asyncio.timeout(30):
        while not (found := condition()):  # noqa: ASYNC110 -- what is waited for has no event
            await asyncio.sleep(0.01)
    return found


@asynccontextmanager
async def asking(context: ApiContext, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API in the same event loop as the database (Litestar's own test client runs another)."""
    app = _SPARE.pop() if _SPARE else create(context)
    app.state = state_of(context)
    transport = httpx.ASGITransport(app, client=(address, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client
    _SPARE.append(app)


@asynccontextmanager
async def serving(context: ApiContext) -> AsyncIterator[str]:
    """The API on a free port of loopback; its address."""
    config = uvicorn.Config(
        create(context), port=0, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    serving_task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 -- the library has no event for it
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving_task
