"""The stage of every journey: the whole server on real sockets, simulated stations, and one clock that only we move.

Feeds are fakes, because a story needs prices that everybody can reckon with; all else is what `dalstroom up` runs.
"""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import msgspec
from litestar import Litestar

from server.api.app import ApiContext, create, state_of
from server.cli.seed import seed
from server.clock import SteppedClock
from server.core.pricecurve import PriceSlot
from server.core.session import Session
from server.core.timegrid import local_day
from server.feeds.ports import NotPublished
from server.main import server as main
from server.main.server import Parts, Server
from server.settings import Settings
from server.simulator.car import need_wh
from server.simulator.log import MessageLog
from server.simulator.pace import Stepped
from server.simulator.people import Person
from server.simulator.report import Report
from server.simulator.runner import Ends, Runner
from server.simulator.station import Station
from server.simulator.town import Town, build
from server.simulator.visits import Visit
from server.storage import outbox, sessions, wallets
from server.workers.solve import Inline
from shared.cdrs import Receipt
from shared.ids import derive
from shared.sessions import OverrideQuote, SessionView
from shared.wallets import Wallet

LOCAL = ZoneInfo("Europe/Amsterdam")
NOON = datetime(2026, 1, 13, 11, tzinfo=UTC)
"""A Tuesday in winter, at noon in the Netherlands: local time is UTC plus one all night."""
VALLEY = [
    90,
    80,
    20,
    20,
    20,
    20,
    20,
    90,
    120,
    120,
    110,
    100,
    100,
    100,
    110,
    130,
    160,
    220,
    240,
    220,
    180,
    150,
    120,
    100,
]
"""EUR/MWh by local hour: cheap from 02:00 to 07:00, dear when people come home."""


def clock_time(day: int, text: str) -> datetime:
    """A local time of the story: day 0 is the one that begins at NOON, 1 the next morning."""
    hour, minute = map(int, text.split(":"))
    local = NOON.astimezone(LOCAL) + timedelta(days=day)
    return local.replace(hour=hour, minute=minute).astimezone(UTC)


class HandMadePrices:
    """A feed that says what the story says: EUR/MWh by local hour; `days` that it has not published raise."""

    def __init__(self, name: str = "energy_charts", hours: Sequence[int] = VALLEY) -> None:
        self.name = name
        self.hours = list(hours)
        self.published: Callable[[date], bool] = lambda _day: True

    async def fetch(self, zone: str, day: date) -> list[PriceSlot]:
        if not self.published(day):
            raise NotPublished(self.name, f"{day} is not out")
        starts = local_day(day, LOCAL).starts()
        return [PriceSlot(start, 900, self._micro(start), self.name, fetched_at=NOON) for start in starts]

    def _micro(self, start: datetime) -> int:
        return self.hours[start.astimezone(LOCAL).hour] * 1000


def town_of(*visits: Visit, start: datetime = NOON, hours: int = 24, seed_no: int = 1) -> Town:
    """The demo town with these visits only, no past, and the stations of the places that are visited."""
    town = build(seed_no, start)
    places = {spec.location_id for spec in town.stations if spec.identity in {visit.station for visit in visits}}
    return msgspec.structs.replace(
        town,
        end=start + timedelta(hours=hours),
        stations=tuple(spec for spec in town.stations if spec.location_id in places),
        visits=tuple(sorted(visits, key=lambda visit: visit.plug_at)),
        history=(),
    )


TOWN = build(1, NOON)


def person(station: str) -> Person:
    """Whose station it is in the demo town (homes and vans), or who usually parks there by night (street)."""
    visit = next(visit for visit in reversed(TOWN.visits) if visit.station == station)
    return next(one for one in TOWN.people if one.id == visit.person_id)


def three_phase_drivers() -> list[Person]:
    """Drivers who may charge in public and whose cars take 16 A on three phases, the largest battery first."""
    public = [one for one in TOWN.people if any(each.kind == "public_fixed" for each in one.contracts)]
    fitting = [one for one in public if one.consent and one.car and (one.car.phases, one.car.max_ma) == (3, 16_000)]
    return sorted(fitting, key=lambda one: -one.car.capacity_wh)


def visit(station: str, plug_at: datetime, unplug_at: datetime, soc_pct: int, **more: Any) -> Visit:
    """A stay of the person who belongs to a station, unless `who` says otherwise."""
    who = more.pop("who", None) or person(station)
    permille = soc_pct * 10
    return Visit(
        id=derive("journey", station, plug_at),
        person_id=who.id,
        station=station,
        plug_at=plug_at,
        unplug_at=unplug_at,
        soc_permille=permille,
        need_wh=need_wh(who.car, permille),
        **more,
    )


spare: list[Litestar] = []
"""Applications whose server is gone: to build one takes a third of a second, and all it knows is its `state`."""


class Stage:
    """A server with a town in front of it. `server` is None while the story has it gone."""

    def __init__(self, town: Town, home: Path, feeds: Sequence[Any], database: str) -> None:
        self.town, self.clock = town, SteppedClock(town.start)
        self._home, self._feeds, self._database = home, feeds, database
        self._ports = (0, 0)
        self.server: Server | None = None
        self.sink = io.StringIO()
        self._runner: Runner | None = None
        self._tokens: dict[UUID, str] = {}
        self._web: httpx.AsyncClient | None = None
        self._stop: Callable[[], Any] | None = None
        self._app: Litestar | None = None

    @property
    def runner(self) -> Runner:
        assert self._runner is not None
        return self._runner

    @property
    def db(self):
        assert self.server is not None
        return self.server.db

    async def begin(self) -> None:
        """Start the server, enter the town, connect its stations."""
        await self.bring_up()
        assert self.server is not None
        await seed(self.server.db, self.town, self.town.start)
        ends = Ends(self.server.ws_url, self.server.api_url, MessageLog(self.sink))
        self._runner = Runner(self.town, Stepped(self.clock, self.settle), ends)
        await self._runner.connect()

    def _settings(self) -> Settings:
        port, ocpp_port = self._ports
        return Settings(home=self._home, port=port, ocpp_port=ocpp_port, demo=True, database=self._database)

    async def bring_up(self) -> None:
        """Start a server on the same data and the same ports as before."""
        main.create_api = self._api
        server = Server(self._settings(), Parts(clock=self.clock, solver=Inline(), feeds=self._feeds, abreast=1))
        running = server.running(pages=False)
        await running.__aenter__()
        self._stop = lambda: running.__aexit__(None, None, None)
        self._ports = (server.port, server.gateway.port)
        self._web = httpx.AsyncClient(base_url=server.api_url, timeout=20, trust_env=False)
        self.server = server

    def _api(self, context: ApiContext) -> Litestar:
        """An application over this context: see `spare`."""
        self._app = spare.pop() if spare else create(context)
        self._app.state = state_of(context)
        return self._app

    async def take_down(self) -> None:
        """Stop the server; the stations are alone."""
        if self.server is not None:
            self.server = None
            await self._web.aclose()
            await self._stop()
            spare.append(self._app)
            await asyncio.sleep(0.05)  # the stations' sides of their sockets report on their own

    async def settle(self) -> None:
        """Return when the server is idle; one that is gone is."""
        if self.server is not None:
            await self.server.settle()

    async def until(self, moment: datetime) -> None:
        """Let the town live until then."""
        await self.runner.run(moment)
        await self.settle()

    def station(self, identity: str) -> Station:
        """A simulated station."""
        return next(one for one in self.runner.stations if one.spec.identity == identity)

    def number(self, identity: str) -> int:
        """Its number in the runner."""
        return self.runner.stations.index(self.station(identity))

    def report(self) -> Report:
        """What the simulated meters saw."""
        return self.runner.report()

    # --- the driver's app ---------------------------------------------------------
    async def ask(self, who: Person, method: str, path: str, body: Any = None) -> Any:
        """The API's answer to somebody who signed in with one tap; what is not a success fails the story."""
        if who.id not in self._tokens:
            signed = await self._web.post("/api/auth/demo", json={"account_id": str(who.id)})
            self._tokens[who.id] = signed.json()["access_token"]
        headers = {"Authorization": f"Bearer {self._tokens[who.id]}"}
        answer = await self._web.request(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        await self.settle()
        return answer.json()

    async def see(self, who: Person) -> SessionView:
        """The one session that somebody has now."""
        (view,) = await self.ask(who, "GET", "/api/sessions/current")
        return msgspec.convert(view, SessionView)

    async def quote(self, who: Person) -> OverrideQuote:
        """What "charge now" would cost somebody."""
        view = await self.see(who)
        return msgspec.convert(await self.ask(who, "GET", f"/api/sessions/{view.id}/override"), OverrideQuote)

    async def receipt(self, who: Person, session_id: UUID) -> Receipt:
        """The receipt of a settled session."""
        return msgspec.convert(await self.ask(who, "GET", f"/api/sessions/{session_id}/receipt"), Receipt)

    async def wallet(self, who: Person) -> Wallet:
        """Somebody's wallet."""
        return msgspec.convert(await self.ask(who, "GET", "/api/wallet"), Wallet)

    # --- behind the scenes ----------------------------------------------------------
    async def sessions(self) -> list[Session]:
        """Every session that a station reported, in order."""
        async with self.db.read() as tx:
            return await sessions.in_order(tx)

    async def books(self) -> tuple[int, int]:
        """The sum of the whole ledger, and how many sessions were posted twice."""
        async with self.db.read() as tx:
            return await wallets.total(tx), await wallets.posted_twice(tx)

    async def events(self, session_id: UUID) -> list[str]:
        """What happened in a session."""
        async with self.db.read() as tx:
            return [event.kind for event in await sessions.events(tx, session_id)]

    async def idle(self) -> bool:
        """Whether nothing is due in the outbox."""
        async with self.db.read() as tx:
            return await outbox.due(tx, self.clock.now()) == []

    def calls(self, identity: str, action: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Calls of an action from or to a station: (when, message id, payload)."""
        self.runner.log.flush()
        found = [json.loads(row) for row in self.sink.getvalue().splitlines()]
        frames = [(row["at"], json.loads(row["frame"])) for row in found if row["station"] == identity]
        return [(at, frame[1], frame[3]) for at, frame in frames if frame[0] == 2 and frame[2] == action]


@asynccontextmanager
async def on_stage(
    town: Town, home: Path, feeds: Sequence[Any] | None = None, database: str = ""
) -> AsyncIterator[Stage]:
    """A running story; `feeds` None: one feed with the prices of VALLEY."""
    stage = Stage(town, home, [HandMadePrices()] if feeds is None else feeds, database)
    try:
        await stage.begin()
        yield stage
    finally:
        if stage._runner is not None:
            await stage.runner.close()
        await stage.take_down()
