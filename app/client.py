"""The API as typed calls: msgspec in and out, one refresh on 401, problem documents as `ApiProblem`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from types import NoneType
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import httpx
import msgspec

from app.failures import BROKEN, ApiProblem, signed_out, unreachable
from app.operating import Operating
from shared.accounts import ClockSpeed, ClockView, DemoDriver, DemoSignIn, Me, MeUpdate, Refresh, SignIn, TokenPair
from shared.cdrs import Receipt
from shared.health import StationHealth
from shared.locations import LocationView
from shared.operating import CommandForms, CommandOutcome, MessageView
from shared.plans import Explanation, PriceCurveView
from shared.problems import Problem
from shared.sessions import (
    CommandAnswer,
    OverrideQuote,
    RemoteStart,
    SessionSummary,
    SessionUpdate,
    SessionView,
    StayEstimate,
)
from shared.stations import Approval, Dispute, Pairing, PendingStation, StationNotice, StationView, TakenIn
from shared.tariffs import HomeTariff, HomeTariffInput, TariffPreview
from shared.vehicles import Vehicle, VehicleUpdate
from shared.wallets import Wallet, WalletEntry
from shared.wire import LiveEvent, Page

T = TypeVar("T")
KeepTokens = Callable[[TokenPair | None], Awaitable[None]]
TIMEOUT = httpx.Timeout(15.0, connect=5.0)
STREAM_TIMEOUT = httpx.Timeout(15.0, connect=5.0, read=60.0)
"""The server sends a heartbeat comment well within a minute."""
COMMAND_S = 12
"""How long a station may take to answer a command: less than `TIMEOUT`."""


LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3.0)
"""An idle connection is let go of before a server closes it (5 s are usual), else the next request may die with it."""
LIVE: msgspec.json.Decoder[LiveEvent] = msgspec.json.Decoder(LiveEvent)
FRAMES = msgspec.json.Decoder(list[MessageView])


class Api:
    """One account's view of the API, for as long as the app runs. Raises `ApiProblem`, and nothing else of httpx."""

    def __init__(self, base_url: str, keep: KeepTokens, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.base_url = base_url
        self.tokens: TokenPair | None = None
        self.operating = Operating(self._call)
        self._keep = keep
        self._renewing = asyncio.Lock()
        self._http = httpx.AsyncClient(
            base_url=base_url, timeout=TIMEOUT, transport=transport, limits=LIMITS, trust_env=False
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # --- who is there -------------------------------------------------------------------------------------------
    async def demo_drivers(self) -> list[DemoDriver]:
        """The people that a demo can be signed in as; not found where the server is no demo."""
        return await self._call("GET", "/api/demo/drivers", list[DemoDriver])

    async def sign_in_demo(self, account_id: UUID) -> None:
        """One tap, demo only."""
        await self._sign_in("/api/auth/demo", DemoSignIn(account_id=account_id))

    async def sign_in(self, email: str, password: str) -> None:
        """E-mail and password."""
        await self._sign_in("/api/auth/sign-in", SignIn(email=email, password=password))

    async def sign_out(self) -> None:
        """Forget the tokens here and at the server; a server out of reach does not keep anybody signed in."""
        tokens, self.tokens = self.tokens, None
        await self._keep(None)
        if tokens is not None:
            body = msgspec.json.encode(Refresh(refresh_token=tokens.refresh_token))
            try:
                await self._send("POST", "/api/auth/sign-out", body, tokens)
            except ApiProblem as refused:
                if not refused.unreachable:
                    raise

    async def resume(self, refresh_token: str) -> None:
        """Take up a stored sign-in: the refresh token is spent and replaced."""
        await self._sign_in("/api/auth/refresh", Refresh(refresh_token=refresh_token))

    async def me(self) -> Me:
        """The signed-in account."""
        return await self._call("GET", "/api/me", Me)

    async def update_me(self, change: MeUpdate) -> Me:
        """Language, theme, consent, habits, dial."""
        return await self._call("PATCH", "/api/me", Me, change)

    async def save_rota(self, calendar: str, travel_minutes: int) -> Me:
        """My shifts, as a calendar's text; a refusal names the lines that cannot be read."""
        path = f"/api/me/rota?{httpx.QueryParams(travel_minutes=travel_minutes)}"
        return await self._call("PUT", path, Me, calendar)

    async def forget_rota(self) -> Me:
        """No shifts any more."""
        return await self._call("DELETE", "/api/me/rota", Me)

    async def vehicles(self) -> list[Vehicle]:
        """My cars."""
        return await self._call("GET", "/api/vehicles", list[Vehicle])

    async def update_vehicle(self, vehicle_id: UUID, change: VehicleUpdate) -> Vehicle:
        """What I say about a car."""
        return await self._call("PUT", f"/api/vehicles/{vehicle_id}", Vehicle, change)

    # --- what I pay ---------------------------------------------------------------------------------------------
    async def home_tariff(self) -> HomeTariff:
        """My tariff at home; not found where none was set."""
        return await self._call("GET", "/api/tariffs/home", HomeTariff)

    async def set_home_tariff(self, entered: HomeTariffInput) -> HomeTariff:
        """A new tariff from now on."""
        return await self._call("PUT", "/api/tariffs/home", HomeTariff, entered)

    async def preview_tariff(self, entered: HomeTariffInput) -> TariffPreview:
        """What an entered tariff means now, tonight and tomorrow; nothing is saved."""
        return await self._call("POST", "/api/tariffs/preview", TariffPreview, entered)

    async def prices(self, hours: int = 36) -> PriceCurveView:
        """Market prices from now on."""
        return await self._call("GET", f"/api/prices?hours={hours}", PriceCurveView)

    # --- sessions -----------------------------------------------------------------------------------------------
    async def current_sessions(self) -> list[SessionView]:
        """My open sessions."""
        return await self._call("GET", "/api/sessions/current", list[SessionView])

    async def sessions(self, cursor: str | None = None) -> Page[SessionSummary]:
        """My sessions, newest first."""
        return await self._call("GET", _paged("/api/sessions", cursor), Page[SessionSummary])

    async def session(self, session_id: UUID) -> SessionView:
        """One session of mine."""
        return await self._call("GET", f"/api/sessions/{session_id}", SessionView)

    async def update_session(self, session_id: UUID, change: SessionUpdate) -> SessionView:
        """Another departure or target."""
        return await self._call("PATCH", f"/api/sessions/{session_id}", SessionView, change)

    async def explanation(self, session_id: UUID) -> Explanation:
        """What the plan in force of a session of mine means; not found where nobody knows."""
        return await self._call("GET", f"/api/sessions/{session_id}/explanation", Explanation)

    async def override_quote(self, session_id: UUID) -> OverrideQuote:
        """What "charge now" would cost; nothing happens yet."""
        return await self._call("GET", f"/api/sessions/{session_id}/override", OverrideQuote)

    async def override(self, session_id: UUID) -> SessionView:
        """Charge now."""
        return await self._call("POST", f"/api/sessions/{session_id}/override", SessionView)

    async def undo_override(self, session_id: UUID) -> SessionView:
        """Back to the plan."""
        return await self._call("DELETE", f"/api/sessions/{session_id}/override", SessionView)

    async def receipt(self, session_id: UUID) -> Receipt:
        """The receipt of a settled session."""
        return await self._call("GET", f"/api/sessions/{session_id}/receipt", Receipt)

    async def start(self, evse_id: UUID) -> CommandAnswer:
        """Start at a public EVSE; the answer is the station's word, the session follows."""
        return await self._call("POST", "/api/sessions", CommandAnswer, RemoteStart(evse_id=evse_id))

    async def stop(self, session_id: UUID) -> CommandAnswer:
        """Stop a session at a public EVSE."""
        return await self._call("POST", f"/api/sessions/{session_id}/stop", CommandAnswer)

    # --- places, money, time ------------------------------------------------------------------------------------
    async def public_locations(self) -> list[LocationView]:
        """Places where everybody may charge."""
        return await self._call("GET", "/api/locations?public=true", list[LocationView])

    async def location(self, location_id: UUID) -> LocationView:
        """One place with its EVSEs."""
        return await self._call("GET", f"/api/locations/{location_id}", LocationView)

    async def estimate(self, evse_id: UUID) -> StayEstimate:
        """The range of money back for a session that would start here now."""
        return await self._call("GET", f"/api/locations/evses/{evse_id}/estimate", StayEstimate)

    async def estimate_at_home(self) -> StayEstimate:
        """What a session that would start at home now would bring."""
        return await self._call("GET", "/api/locations/home/estimate", StayEstimate)

    async def wallet(self) -> Wallet:
        """Balance, pending, earnings, savings."""
        return await self._call("GET", "/api/wallet", Wallet)

    async def wallet_entries(self, cursor: str | None = None) -> Page[WalletEntry]:
        """The wallet's lines, newest first."""
        return await self._call("GET", _paged("/api/wallet/entries", cursor), Page[WalletEntry])

    async def pair(self, said: Pairing) -> TakenIn:
        """Take a waiting station home, with the code that its driver was told."""
        return await self._call("POST", "/api/pairing", TakenIn, said)

    async def clock(self) -> ClockView:
        """The server's time."""
        return await self._call("GET", "/api/clock", ClockView)

    async def set_clock_speed(self, speed: int) -> ClockView:
        """Demo only: 0 pauses."""
        return await self._call("PUT", "/api/clock", ClockView, ClockSpeed(speed=speed))

    # --- for an operator ----------------------------------------------------------------------------------------
    async def stations(self) -> list[StationView]:
        """My party's stations."""
        return await self._call("GET", "/api/stations", list[StationView])

    async def disputes(self) -> list[Dispute]:
        """Sessions that do not go as planned, and messages of sessions that nobody knows."""
        return await self._call("GET", "/api/disputes", list[Dispute])

    async def pending_stations(self) -> list[PendingStation]:
        """Stations that connected and that nobody has added."""
        return await self._call("GET", "/api/stations/pending", list[PendingStation])

    async def approve_station(self, pending_id: UUID, said: Approval) -> TakenIn:
        """Take a waiting station in."""
        return await self._call("POST", f"/api/stations/pending/{pending_id}/approve", TakenIn, said)

    async def turn_away(self, pending_id: UUID) -> None:
        """Let a station wait no more."""
        await self._call("DELETE", f"/api/stations/pending/{pending_id}", NoneType)

    async def station_notices(self) -> list[StationNotice]:
        """What an operator should know of its stations."""
        return await self._call("GET", "/api/stations/notices", list[StationNotice])

    async def clear_notice(self, notice_id: UUID) -> None:
        """It was seen to."""
        await self._call("DELETE", f"/api/stations/notices/{notice_id}", NoneType)

    async def stations_health(self) -> list[StationHealth]:
        """What is wrong with my party's stations, and their last days in figures."""
        return await self._call("GET", "/api/stations/health", list[StationHealth])

    async def messages(self, query: dict[str, str], cursor: str | None = None) -> Page[MessageView]:
        """The message log, newest first."""
        asked = query if cursor is None else {**query, "cursor": cursor}
        return await self._call("GET", f"/api/messages?{httpx.QueryParams(asked)}", Page[MessageView])

    async def live_messages(self, query: dict[str, str]) -> AsyncIterator[list[MessageView] | None]:
        """Frames as they are kept; the first item is None and says that the stream is open. Ends when it breaks."""
        await self._renew_if_missing()
        async for item in self._stream(f"/api/messages/live?{httpx.QueryParams(query)}", FRAMES):
            yield item

    async def command_forms(self, identity: str) -> CommandForms:
        """What a station can be asked."""
        return await self._call("GET", f"/api/stations/{quote(identity, safe='')}/commands", CommandForms)

    async def command(self, identity: str, action: str, body: dict[str, Any]) -> CommandOutcome:
        """Ask a station; waits as long as the server does."""
        path = f"/api/stations/{quote(identity, safe='')}/commands/{action}?timeout_s={COMMAND_S}"
        return await self._call("POST", path, CommandOutcome, msgspec.Raw(msgspec.json.encode(body)))

    # --- news ---------------------------------------------------------------------------------------------------
    async def live(self) -> AsyncIterator[LiveEvent | None]:
        """Live events as they come; the first item is None and says that the stream is open. Ends when it breaks."""
        await self._renew_if_missing()
        async for item in self._stream("/api/live", LIVE):
            yield item

    async def _stream(
        self, path: str, decoder: msgspec.json.Decoder[T], *, renewed: bool = False
    ) -> AsyncIterator[T | None]:
        tokens = self.tokens
        headers = {"Accept": "text/event-stream", **_bearer(tokens)}
        try:
            async with self._http.stream("GET", path, headers=headers, timeout=STREAM_TIMEOUT) as response:
                if response.status_code == HTTPStatus.OK:
                    yield None
                    async for event in _events(response.aiter_lines(), decoder):
                        yield event
                    return
                await response.aread()
                refusal = _problem_of(response)
        except (httpx.HTTPError, httpx.StreamError) as broken:
            raise unreachable() from broken
        if not refusal.unauthorized or renewed:
            raise refusal
        await self._renew(tokens)
        async for item in self._stream(path, decoder, renewed=True):
            yield item

    # --- the machinery ------------------------------------------------------------------------------------------
    async def _sign_in(self, path: str, body: msgspec.Struct) -> None:
        response = await self._send("POST", path, msgspec.json.encode(body), None)
        self.tokens = _decode(response, TokenPair)
        await self._keep(self.tokens)

    async def _call(
        self, method: str, path: str, answer: type[T], body: msgspec.Struct | msgspec.Raw | str | None = None
    ) -> T:
        content = body if body is None or isinstance(body, str) else msgspec.json.encode(body)
        tokens = self.tokens
        try:
            return _decode(await self._send(method, path, content, tokens), answer)
        except ApiProblem as refused:
            if not refused.unauthorized or tokens is None:
                raise
        await self._renew(tokens)
        return _decode(await self._send(method, path, content, self.tokens), answer)

    async def _send(
        self, method: str, path: str, content: bytes | str | None, tokens: TokenPair | None
    ) -> httpx.Response:
        """Bytes are JSON, text is a calendar."""
        kind = "text/calendar; charset=utf-8" if isinstance(content, str) else "application/json"
        headers = {"Content-Type": kind} if content is not None else {}
        try:
            response = await self._http.request(method, path, content=content, headers={**headers, **_bearer(tokens)})
        except httpx.HTTPError as broken:
            raise unreachable() from broken
        if response.is_error:
            raise _problem_of(response)
        return response

    async def _renew_if_missing(self) -> None:
        if self.tokens is None:
            raise signed_out()

    async def _renew(self, spent: TokenPair | None) -> None:
        """Replace `spent`, once for all that found it spent at the same time."""
        async with self._renewing:
            if self.tokens is not spent or spent is None:
                return
            try:
                await self.resume(spent.refresh_token)
            except ApiProblem as refused:
                if refused.unreachable:
                    raise
                self.tokens = None
                await self._keep(None)
                raise signed_out() from refused


def _bearer(tokens: TokenPair | None) -> dict[str, str]:
    return {} if tokens is None else {"Authorization": f"Bearer {tokens.access_token}"}


def _paged(path: str, cursor: str | None) -> str:
    return path if cursor is None else f"{path}?{httpx.QueryParams(cursor=cursor)}"


def _decode(response: httpx.Response, answer: type[T]) -> T:
    content = response.content or b"null"
    try:
        return msgspec.json.decode(content, type=answer)
    except msgspec.DecodeError as broken:
        raise unreachable() from broken


def _problem_of(response: httpx.Response) -> ApiProblem:
    try:
        return ApiProblem(msgspec.json.decode(response.content, type=Problem))
    except msgspec.DecodeError:
        title = f"The server answered {response.status_code}"
        return ApiProblem(Problem(type="about:blank", title=title, status=response.status_code, code=BROKEN))


async def _events(lines: AsyncIterator[str], decoder: msgspec.json.Decoder[T]) -> AsyncIterator[T]:
    """Server-sent events: `data:` lines up to an empty line; comments are heartbeats. Events of a newer server pass."""
    data: list[str] = []
    async for line in lines:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            raw, data = "\n".join(data), []
            try:
                event = decoder.decode(raw)
            except msgspec.ValidationError:
                continue
            yield event
