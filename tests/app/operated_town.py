"""The operator's side of the fake town: stations, their messages, and what they answer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from urllib.parse import unquote

import httpx
import msgspec
from town_facts import NOW, an_id

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
from shared.stations import Dispute, DisputeKind, StationEvse, StationView
from shared.wire import Page

Route = Callable[[str, bytes], httpx.Response]


def evse(number: int, status: str = "Available", **more: object) -> StationEvse:
    return StationEvse(number, f"Socket {number}", status, "NoError", NOW, **more)  # type: ignore[arg-type]


def station(identity: str, *, online: bool = True, evses: list[StationEvse] | None = None) -> StationView:
    return StationView(
        id=an_id("station", identity),
        identity=identity,
        location_name="Lootsstraat",
        online=online,
        last_seen_at=NOW - timedelta(minutes=2),
        vendor="Alfen",
        model="Eve",
        firmware="6.6",
        connectors=["1"],
        open_sessions=sum(one.session_id is not None for one in evses or []),
        safe_share_w=7_200,
        evses=evses or [evse(1)],
    )


def message(number: int, action: str, direction: Direction = Direction.IN, frame: str = "") -> MessageView:
    said = frame or f'[2,"{number}","{action}",{{"n":{number}}}]'
    return MessageView(number, NOW, "LOOTS/1", direction, FrameKind.CALL, action, str(number), said)


class Operated:
    """Public fields are what it says next; `searches` is what the log was asked."""

    def __init__(self) -> None:
        busy = evse(1, "Charging", session_id=an_id("s"), energy_wh=4_200, power_w=11_000, followed="not_followed")
        self.stations = [station("LOOTS/1", evses=[busy]), station("LOOTS/2"), station("LOOTS/3", online=False)]
        self.disputes = [Dispute(DisputeKind.ORPHAN, "LOOTS/2", NOW, "StopTransaction 9")]
        self.messages = [message(2, "StatusNotification"), message(1, "BootNotification")]
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
            ("GET", "/api/stations/"): lambda _p, _b: _json(FORMS),
            ("POST", "/api/stations/"): self._command,
        }

    def _command(self, path: str, body: bytes) -> httpx.Response:
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
