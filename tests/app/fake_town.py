"""A town at the edge of the network: answers the API's routes from memory, with the server's own structs.

It plans nothing and settles nothing: what it says is written down here, so that a test knows what a page must show.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import msgspec
from furnished_town import PLACE
from operated_town import Operated
from town_facts import (
    NOW,
    READY,
    SETTLED,
    ZONE,
    a_session,
    an_id,
    locations,
    plan,
    price,
    receipt,
    slots,
)

from shared.accounts import ClockSpeed, ClockView, DemoDriver, Habit, Me, MeUpdate, Role, RotaView, TokenPair
from shared.plans import CurveSlot, Explanation, PriceCurveView
from shared.problems import FieldError, Problem
from shared.sessions import (
    CommandAnswer,
    Delay,
    Headline,
    MoneyRange,
    OverrideQuote,
    SessionState,
    SessionSummary,
    SessionUpdate,
    SessionView,
    StayEstimate,
)
from shared.tariffs import HomeKind, HomeTariff, HomeTariffInput, PricePoint, TariffPreview
from shared.vehicles import Vehicle, VehicleUpdate
from shared.wallets import Wallet, WalletEntry
from shared.wire import LiveEvent, Page, SessionChanged

Answer = httpx.Response


class Town:
    """The fake server: public fields are what it says next; `asked` is what it was asked."""

    def __init__(self) -> None:
        self.demo = True
        self.down = False
        self.refusals: dict[tuple[str, str], Problem] = {}
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.access = 0
        self.clock = ClockView(now=NOW, speed=60, demo=True)
        self.sessions = [a_session()]
        self.locations = locations()
        self.tariff: HomeTariff | None = HomeTariff(
            id=an_id("home-tariff"),
            input=HomeTariffInput(kind=HomeKind.FIXED, price_micro_per_kwh=285_000),
            supplier_partner=True,
            valid_from=NOW - timedelta(days=30),
        )
        self.vehicles = [Vehicle(an_id("car"), "Volkswagen ID.3", 58_000, 11_040, 3, 80)]
        self.wallet = Wallet("EUR", 1_284, 12, 20, 1_296, 431, 1_727, 14, 11)
        self.entries = self._entries()
        self.history = self._history()
        self.receipts = {SETTLED: receipt()}
        self.start_says = "accepted"
        self.plans_later = False  # an answer shows the plan from before, as the server's does
        self.estimate = StayEstimate(MoneyRange(45, 80))
        self.at_home: StayEstimate | None = None
        self.quote: OverrideQuote | None = None
        self.explanation: Explanation | None = None
        self.me = Me(
            account_id=an_id("driver", 0),
            party_id=an_id("party"),
            party_name="Dalstroom Mobiliteit",
            role=Role.DRIVER,
            name="Sanne de Wit",
            email="sanne@example.org",
            language="en",
            theme="system",
            time_zone=ZONE,
            currency="EUR",
            consent_at=NOW - timedelta(days=40),
            habits=[Habit(day, "07:00") for day in range(5)],
            demo=True,
        )
        self.operated = Operated()
        self._listeners: list[asyncio.Queue[LiveEvent | None]] = []

    def _entries(self) -> list[WalletEntry]:
        kinds = [("cashback", 131), ("cashback", 98), ("pending", 12), ("pending_released", 24), ("goodwill", 7)]
        return [
            WalletEntry(an_id("entry", n), NOW - timedelta(days=n, hours=14), kind, minor, SETTLED, "Wilgenlaan 12")
            for n, (kind, minor) in enumerate(kinds)
        ]

    def _history(self) -> list[SessionSummary]:
        begun = [NOW - timedelta(days=number, hours=3) for number in range(1, 4)]
        return [
            SessionSummary(
                id=SETTLED if number == 0 else an_id("past", number),
                state=SessionState.SETTLED,
                location_name="Wilgenlaan 12",
                plugged_at=one,
                ended_at=one + timedelta(hours=12),
                energy_wh=20_000 - 3_000 * number,
                cashback_minor=131 - 20 * number,
                savings_minor=0,
                shortfall=None,
                has_receipt=True,
            )
            for number, one in enumerate(begun)
        ]

    @property
    def drivers(self) -> list[DemoDriver]:
        cast = [
            ("Sanne de Wit", "home_fixed"),
            ("Bram Visser", "home_dynamic"),
            ("Yasmin El Amrani", "home_night"),
            ("Daan van Dijk", "street_overnight"),
            ("Fleur Bakker", "street_no_consent"),
            ("Joris Janssen", "street_replug"),
            ("Noor Smit", "street_leaves_early"),
            ("Ruben Meijer", "depot_driver"),
        ]
        return [DemoDriver(an_id("driver", n), name, Role.DRIVER, story) for n, (name, story) in enumerate(cast)]

    def tell(self, event: LiveEvent) -> None:
        for queue in self._listeners:
            queue.put_nowait(event)

    def hang_up(self) -> None:
        for queue in self._listeners:
            queue.put_nowait(None)
        self._listeners.clear()

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    async def answer(self, request: httpx.Request) -> Answer:
        path, method = request.url.path, request.method
        self.asked.append((method, path))
        self.bodies.append(request.content)
        if self.down:
            raise httpx.ConnectError("no route", request=request)
        if (refusal := self.refusals.get((method, path))) is not None:
            return _problem(refusal)
        if path == "/api/live":
            return self._live(request)
        if path == "/api/messages/live":
            return self.operated.live(request)
        open_to_all = path.startswith(("/api/auth/", "/api/demo/"))
        if not open_to_all and request.headers.get("authorization") != f"Bearer access-{self.access}":
            return _problem(Problem(type="about:blank", title="Sign in again", status=401, code="sign_in_again"))
        return self._route(method, path, request)

    def _live(self, request: httpx.Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer access-{self.access}":
            return _problem(Problem(type="about:blank", title="Sign in again", status=401, code="sign_in_again"))
        queue: asyncio.Queue[LiveEvent | None] = asyncio.Queue()
        self._listeners.append(queue)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Stream(queue))

    def employ(self, role: Role = Role.OPERATOR) -> None:
        """Whoever signs in operates stations."""
        self.me = msgspec.structs.replace(self.me, role=role, name="Olga Peeters")

    def _route(self, method: str, path: str, request: httpx.Request) -> Answer:
        self.operated.query = dict(request.url.params)
        for (wanted, start), route in self._routes().items():
            if method == wanted and (path == start or (start.endswith("/") and path.startswith(start))):
                return route(path, request.content)
        return _not_found()

    def _routes(self) -> dict[tuple[str, str], Callable[[str, bytes], Answer]]:
        fixed: dict[tuple[str, str], Callable[[str, bytes], Answer]] = {
            ("GET", "/api/demo/drivers"): lambda _p, _b: _json(self.drivers) if self.demo else _not_found(),
            ("POST", "/api/auth/sign-out"): lambda _p, _b: httpx.Response(204),
            ("POST", "/api/auth/"): self._sign_in,
            ("GET", "/api/me"): lambda _p, _b: _json(self.me),
            ("PATCH", "/api/me"): lambda _p, body: self._update_me(body),
            ("PUT", "/api/me/rota"): lambda _p, body: self._save_rota(body),
            ("DELETE", "/api/me/rota"): lambda _p, _b: self._keep_rota(None),
            ("GET", "/api/vehicles"): lambda _p, _b: _json(self.vehicles),
            ("PUT", "/api/vehicles/"): lambda _p, body: self._update_vehicle(body),
            ("GET", "/api/tariffs/home"): lambda _p, _b: _json(self.tariff) if self.tariff else _not_found(),
            ("PUT", "/api/tariffs/home"): lambda _p, body: self._set_tariff(body),
            ("POST", "/api/tariffs/preview"): lambda _p, body: self._preview(body),
            ("GET", "/api/prices"): lambda _p, _b: _json(self.curve()),
            ("GET", "/api/clock"): lambda _p, _b: _json(self.clock),
            ("PUT", "/api/clock"): lambda _p, body: self._set_clock(body),
            ("GET", "/api/wallet"): lambda _p, _b: _json(self.wallet),
            ("GET", "/api/wallet/entries"): lambda _p, _b: _json(Page(self.entries)),
            ("GET", "/api/locations"): lambda _p, _b: _json(self.locations),
            ("GET", "/api/locations/home/"): lambda _p, _b: _json(self.at_home) if self.at_home else _not_found(),
            ("GET", "/api/locations/evses/"): lambda _p, _b: _json(self.estimate),
            ("GET", f"/api/locations/{PLACE}/feeders"): lambda _p, _b: self.operated.furnished.limits(),
            ("GET", "/api/locations/"): lambda path, _b: self._location(path),
            ("GET", "/api/sessions/current"): lambda _p, _b: _json(self.sessions),
            ("GET", "/api/sessions"): lambda _p, _b: _json(Page(self.history)),
            ("POST", "/api/sessions"): lambda _p, _b: _json(CommandAnswer(self.start_says)),
        }
        return {
            **fixed,
            **self.operated.routes(),
            **{(verb, "/api/sessions/"): self._session(verb) for verb in ("GET", "POST", "PATCH", "DELETE")},
        }

    def curve(self) -> PriceCurveView:
        start = NOW.replace(minute=30)
        rows = [
            CurveSlot(one, 900, price(one), "FINAL", "energy-charts")
            for one in slots(start, start + timedelta(hours=36))
        ]
        return PriceCurveView("NL", "EUR", rows, [])

    def _sign_in(self, path: str, body: bytes) -> Answer:
        if path.endswith("sign-in") and b"right" not in body:
            return _problem(Problem("about:blank", "Wrong e-mail or password", 401, code="wrong_credentials"))
        if path.endswith("refresh") and f"refresh-{self.access}".encode() not in body:
            return _problem(Problem("about:blank", "Sign in again", 401, code="sign_in_again"))
        self.access += 1
        return _json(TokenPair(f"access-{self.access}", f"refresh-{self.access}", 900))

    def _update_me(self, body: bytes) -> Answer:
        change = msgspec.json.decode(body, type=MeUpdate)
        asked = ("language", "theme", "habits", "dial")
        given = {k: v for k, v in msgspec.structs.asdict(change).items() if v is not msgspec.UNSET and k in asked}
        if change.consent is not msgspec.UNSET:
            given["consent_at"] = NOW if change.consent else None
        if change.travel_minutes is not msgspec.UNSET and self.me.rota is not None:
            given["rota"] = msgspec.structs.replace(self.me.rota, travel_minutes=change.travel_minutes)
        self.me = msgspec.structs.replace(self.me, **given)
        return _json(self.me)

    def _save_rota(self, body: bytes) -> Answer:
        if b"DTSTART" not in body:
            wrong = FieldError("DTSTART", "line 2: expected one in every event")
            return _problem(Problem("about:blank", "Unprocessable", 422, code="invalid", errors=[wrong]))
        return self._keep_rota(RotaView(body.count(b"DTSTART"), 30, READY, NOW))

    def _keep_rota(self, rota: RotaView | None) -> Answer:
        self.me = msgspec.structs.replace(self.me, rota=rota)
        return _json(self.me)

    def _update_vehicle(self, body: bytes) -> Answer:
        change = msgspec.json.decode(body, type=VehicleUpdate)
        self.vehicles = [Vehicle(id=self.vehicles[0].id, **msgspec.structs.asdict(change))]
        return _json(self.vehicles[0])

    def _set_tariff(self, body: bytes) -> Answer:
        entered = msgspec.json.decode(body, type=HomeTariffInput)
        self.tariff = HomeTariff(an_id("home-tariff", entered.kind), entered, supplier_partner=False, valid_from=NOW)
        return _json(self.tariff)

    def _preview(self, body: bytes) -> Answer:
        entered = msgspec.json.decode(body, type=HomeTariffInput)
        markup = entered.markup_micro_per_kwh or 0

        def paid(moment: datetime) -> int:
            if entered.kind is HomeKind.DYNAMIC:
                return round(price(moment) * 1.21) + 110_800 + markup
            if entered.kind is HomeKind.NIGHT and (moment.hour >= 22 or moment.hour < 6):
                return entered.night_price_micro_per_kwh or 0
            return entered.price_micro_per_kwh or 0

        points = [
            PricePoint(one, paid(one))
            for one in slots(NOW.replace(minute=30), NOW.replace(minute=30) + timedelta(hours=26))
        ]
        prices = [one.price_micro_per_kwh for one in points]
        low, high = min(prices), max(prices)
        return _json(TariffPreview(prices[0], low, high, low, high, points, [], "FINAL"))

    def _set_clock(self, body: bytes) -> Answer:
        speed = msgspec.json.decode(body, type=ClockSpeed).speed
        self.clock = msgspec.structs.replace(self.clock, speed=speed)
        return _json(self.clock)

    def _location(self, path: str) -> Answer:
        found = [one for one in self.locations if str(one.id) == path.rsplit("/", 1)[1]]
        return _json(found[0]) if found else _not_found()

    def _session(self, verb: str) -> Callable[[str, bytes], Answer]:
        def route(path: str, body: bytes) -> Answer:
            parts = path.split("/")
            session_id, rest = UUID(parts[3]), "/".join(parts[4:])
            if rest == "receipt":
                return _json(self.receipts[session_id]) if session_id in self.receipts else _not_settled()
            found = [one for one in self.sessions if one.id == session_id]
            if not found:
                return _not_found()
            if rest == "explanation":
                return _json(self.explanation) if self.explanation else _not_found()
            return self._act(verb, rest, found[0], body)

        return route

    def _act(self, verb: str, rest: str, view: SessionView, body: bytes) -> Answer:
        if (verb, rest) == ("GET", "override"):
            quote = OverrideQuote(view.id, 131, 131, 0, 0, 0, view.plan.ready_at, NOW + timedelta(hours=2))
            return _json(self.quote or quote)
        if (verb, rest) == ("POST", "stop"):
            return _json(CommandAnswer("accepted"))
        change: dict[str, object] = {}
        if rest == "override":
            on = verb == "POST"
            change = {
                "override": on,
                "plan": plan(override=on, ready=view.ready_by),
                "headline": Headline.CHARGING_NOW if on else Headline.CHARGES_FROM,
                "delay": Delay.OVERRIDDEN if on else Delay.MANAGED,
                "cashback": MoneyRange(0, 0) if on else MoneyRange(110, 150),
            }
        elif verb == "PATCH":
            change = self._update_session(body)
        updated = msgspec.structs.replace(view, **change)
        self.sessions = [updated if one.id == view.id else one for one in self.sessions]
        return _json(view if self.plans_later else updated)

    def _update_session(self, body: bytes) -> dict[str, object]:
        given = msgspec.json.decode(body, type=SessionUpdate)
        change: dict[str, object] = {}
        if given.ready_by is not msgspec.UNSET:
            stated = given.ready_by
            change = {
                "ready_by": stated or READY,
                "ready_by_source": "stated" if stated else "habit",
                "plan": plan(ready=stated.astimezone(UTC) if stated else READY),
            }
        if given.target_pct is not msgspec.UNSET:
            change["target_pct"] = given.target_pct
        if given.energy_wh is not msgspec.UNSET:
            change["need_wh"] = given.energy_wh
        if given.one_block is not msgspec.UNSET:
            change["one_block"] = given.one_block
        if given.question_closed is not msgspec.UNSET or given.ready_by not in {None, msgspec.UNSET}:
            change["ask_worth_minor"] = None
        return change

    def settle(self) -> None:
        """The car unplugs and everything is settled at once."""
        view = msgspec.structs.replace(
            self.sessions[0],
            id=SETTLED,
            state=SessionState.SETTLED,
            headline=Headline.SETTLED,
            ended_at=READY,
            energy_wh=20_000,
            cashback=MoneyRange(131, 131),
        )
        self.sessions = []
        self.tell(SessionChanged(view))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, queue: "asyncio.Queue[LiveEvent | None]") -> None:
        self._queue = queue

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b": open\n\n"
        while (event := await self._queue.get()) is not None:
            yield b"data: " + msgspec.json.encode(event) + b"\n\n"


def _json(value: object) -> Answer:
    return httpx.Response(200, content=msgspec.json.encode(value), headers={"content-type": "application/json"})


def _problem(problem: Problem) -> Answer:
    return httpx.Response(problem.status, content=msgspec.json.encode(problem))


def _not_found() -> Answer:
    return _problem(Problem("about:blank", "Not found", 404, code="not_found", hint="Look it up in the list."))


def _not_settled() -> Answer:
    return _problem(
        Problem("about:blank", "There is no receipt yet.", 404, code="not_settled", hint="Come back after unplugging.")
    )
