"""The operator's side of the fake town: stations, their messages, and what they answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from urllib.parse import unquote

import httpx
import msgspec
from cared_town import Cared
from furnished_town import PLACE, Furnished
from town_facts import NOW, an_id

from shared.health import FindingView, Remedy, Rule, Severity, StationDay, StationHealth
from shared.operating import (
    CommandForm,
    CommandForms,
    CommandOutcome,
    CommandStatus,
    Direction,
    FrameKind,
    MessageView,
)
from shared.problems import FieldError, Problem
from shared.stations import (
    Dispute,
    DisputeKind,
    PendingStation,
    StationEvse,
    StationNotice,
    StationView,
    TakenIn,
)
from shared.wire import Page

Route = Callable[[str, bytes], httpx.Response]


def evse(number: int, status: str = "Available", **more: object) -> StationEvse:
    return StationEvse(number, f"Socket {number}", status, "NoError", NOW, **more)  # type: ignore[arg-type]


def station(identity: str, *, online: bool = True, evses: list[StationEvse] | None = None) -> StationView:
    return StationView(
        id=an_id("station", identity),
        identity=identity,
        location_id=PLACE,
        location_name="Lootsstraat",
        online=online,
        last_seen_at=NOW - timedelta(minutes=2),
        vendor="Alfen",
        model="Eve",
        firmware="6.6",
        connectors=["1"],
        open_sessions=sum(one.session_id is not None for one in evses or []),
        safe_share_w=7_200,
        version="2.0.1",
        evses=evses or [evse(1)],
    )


def message(number: int, action: str, direction: Direction = Direction.IN, frame: str = "") -> MessageView:
    said = frame or f'[2,"{number}","{action}",{{"n":{number}}}]'
    return MessageView(number, NOW, "LOOTS/1", direction, FrameKind.CALL, action, str(number), said)


def waiting(identity: str) -> PendingStation:
    since, until = NOW - timedelta(minutes=3), NOW + timedelta(days=1)
    return PendingStation(an_id("p"), identity, "192.0.2.7", 1, "K7QD-2M4X", since, NOW, until, "Alfen", "Eve")


def health(identity: str, *, well: bool = False) -> StationHealth:
    away = FindingView(Rule.OFFLINE, Severity.CRITICAL, "no line", NOW, [Remedy.TRIGGER], NOW, None)
    days = [StationDay(NOW.date(), 1_000 if well else 874, 1_000, None, 0 if well else 3, 4)]
    return StationHealth(an_id("station", identity), identity, well, [] if well else [away], days)


class Operated:
    """Public fields are what it says next; `searches` is what the log was asked."""

    def __init__(self) -> None:
        busy = evse(1, "Charging", session_id=an_id("s"), energy_wh=4_200, power_w=11_000, followed="not_followed")
        self.stations = [station("LOOTS/1", evses=[busy]), station("LOOTS/2"), station("LOOTS/3", online=False)]
        self.disputes = [Dispute(DisputeKind.ORPHAN, "LOOTS/2", NOW, "StopTransaction 9")]
        self.messages = [message(2, "StatusNotification"), message(1, "BootNotification")]
        self.pending = [waiting("NEW-1")]
        self.notices = [
            StationNotice(an_id("notice"), an_id("s2"), "LOOTS/2", "downgrade", "critical", "profile 0", NOW, NOW, 1)
        ]
        self.health = [health("LOOTS/3"), health("LOOTS/1", well=True)]
        self.furnished = Furnished()
        self.query: dict[str, str] = {}
        self.cared = Cared()
        self.cared.admit = self._admit
        self.taken: list[tuple[str, object]] = []
        self.paired: list[object] = []
        self.next_cursor: str | None = None
        self.outcome = CommandOutcome("LOOTS/1", "Reset", CommandStatus.ANSWERED, {"status": "Accepted"}, took_ms=3)
        self.refusal: Problem | None = None
        self.commands: list[tuple[str, object]] = []
        self.searches: list[dict[str, str]] = []
        self._listeners: list[asyncio.Queue[list[MessageView]]] = []

    def routes(self) -> dict[tuple[str, str], Route]:
        return {
            ("GET", "/api/stations"): lambda _p, _b: _json(self.stations),
            ("GET", "/api/disputes"): lambda _p, _b: _json(self.disputes),
            ("GET", "/api/messages"): lambda _p, _b: _json(Page(self.messages, self.next_cursor)),
            ("GET", "/api/stations/pending"): lambda _p, _b: _json(self.pending),
            ("GET", "/api/stations/notices"): lambda _p, _b: _json(self.notices),
            ("GET", "/api/stations/health"): lambda _p, _b: _json(self.health),
            ("DELETE", "/api/stations/pending/"): self._turn_away,
            ("DELETE", "/api/stations/notices/"): self._clear,
            ("POST", "/api/pairing"): self._pair,
            **self.cared.routes(),
            ("DELETE", "/api/stations/"): lambda path, _b: self.furnished.cancel(path),
            ("GET", "/api/stations/"): lambda path, _b: _json(self._of_station(path)),
            ("POST", "/api/stations/"): self._command,
        }

    def _of_station(self, path: str) -> object:
        found = self.furnished.get(path, self.query)
        return found if found is not None else self.cared.get(path) or FORMS

    def _admit(self, status: str) -> None:
        self.stations = [msgspec.structs.replace(one, admission=status) for one in self.stations]

    def _approve(self, path: str, body: bytes) -> httpx.Response:
        self.taken.append((path.split("/")[4], msgspec.json.decode(body)))
        self.pending = []
        self.stations.append(station("NEW-1"))
        return _json(TakenIn("NEW-1", "Lootsstraat"))

    def _pair(self, _path: str, body: bytes) -> httpx.Response:
        self.paired.append(msgspec.json.decode(body))
        return _json(TakenIn("NEW-1", "Home"))

    def _turn_away(self, _path: str, _body: bytes) -> httpx.Response:
        self.pending = []
        return httpx.Response(204)

    def _clear(self, _path: str, _body: bytes) -> httpx.Response:
        self.notices = []
        return httpx.Response(204)

    def _command(self, path: str, body: bytes) -> httpx.Response:
        if path.startswith("/api/stations/pending/"):
            return self._approve(path, body)
        if path.startswith("/api/stations/certificates/"):
            return self.cared.certify(path, body)
        self.commands.append((unquote(path), msgspec.json.decode(body)))
        if self.refusal is not None:
            return httpx.Response(self.refusal.status, content=msgspec.json.encode(self.refusal))
        return _json(self.outcome)

    def live(self, request: httpx.Request) -> httpx.Response:
        self.searches.append(dict(request.url.params))
        queue: asyncio.Queue[list[MessageView]] = asyncio.Queue()
        self._listeners.append(queue)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=_Stream(queue))

    def say(self, *news: MessageView) -> None:
        for queue in self._listeners:
            queue.put_nowait(list(news))


FORMS = CommandForms("1.6", [CommandForm("ClearCache", {}), CommandForm("Reset", {"type": "Hard"})])
NOT_FIT = Problem("about:blank", "Unprocessable", 422, code="invalid", errors=[FieldError("type", "is not one of")])


class _Stream(httpx.AsyncByteStream):
    def __init__(self, queue: "asyncio.Queue[list[MessageView]]") -> None:
        self._queue = queue

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b": open\n\n"
        while True:
            yield b"data: " + msgspec.json.encode(await self._queue.get()) + b"\n\n"


def _json(value: object) -> httpx.Response:
    return httpx.Response(200, content=msgspec.json.encode(value), headers={"content-type": "application/json"})
