"""What an operator wants, one function each."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

from app import live
from app.console import Search
from app.failures import SIGNED_OUT, ApiProblem
from app.state import Access, Remote
from app.views.desk import Desk
from shared.operating import CommandOutcome, MessageView
from shared.problems import Problem
from shared.stations import Approval, PendingStation
from shared.wire import LiveEvent, LocationChanged

T = TypeVar("T")
LOOK_S = 10.0
AGAIN_S = 3.0


async def follow(desk: Desk) -> None:
    """Read live news until signed out or cancelled."""

    async def react(event: LiveEvent | None) -> None:
        if event is None:
            await load_clock(desk)
        if event is None or isinstance(event, LocationChanged):
            await load_stations(desk)

    await live.follow(desk.state, desk.api.live, react)
    desk.console.clear()
    desk.state.board.clear()
    desk.state.door.notice = SIGNED_OUT
    desk.state.door.access = Access.SIGNED_OUT


async def load_clock(desk: Desk) -> None:
    """The server's time: how long ago a thing was is said by it."""
    with suppress(ApiProblem):  # the stream that was just opened says so by itself
        desk.state.clock.hear(await desk.api.clock())


async def watch_stations(desk: Desk) -> None:
    """Look again now and then: power and energy are announced to drivers only."""
    while True:
        await load_stations(desk)
        await load_disputes(desk)
        await load_waiting(desk)
        await asyncio.sleep(LOOK_S)


async def load_stations(desk: Desk) -> None:
    """All stations of the party."""
    await fill(desk, "stations", desk.api.stations())


async def load_disputes(desk: Desk) -> None:
    """Sessions in dispute."""
    await fill(desk, "disputes", desk.api.disputes())


async def load_waiting(desk: Desk) -> None:
    """What waits for the operator."""
    await fill(desk, "pending", desk.api.pending_stations())
    await fill(desk, "notices", desk.api.station_notices())
    await load_health(desk)


async def load_health(desk: Desk) -> None:
    """How the stations have been."""
    await fill(desk, "health", desk.api.stations_health())


async def approve(desk: Desk, one: PendingStation, place: str) -> None:
    """Take a waiting station in at a place."""
    taken = await desk.attempt(desk.api.approve_station(one.id, Approval(place)))
    if taken is not None:
        desk.toast(desk.texts("op.waiting.taken", identity=taken.identity, place=taken.location_name))
        await load_stations(desk)
    await load_waiting(desk)


async def turn_away(desk: Desk, one: PendingStation) -> None:
    """Let a station wait no more."""
    await desk.attempt(desk.api.turn_away(one.id))
    await load_waiting(desk)


async def clear_notice(desk: Desk, notice_id: UUID) -> None:
    """It was seen to."""
    await desk.attempt(desk.api.clear_notice(notice_id))
    await fill(desk, "notices", desk.api.station_notices())


async def load_forms(desk: Desk, identity: str) -> None:
    """What a station can be asked."""
    await fill(desk, "forms", desk.api.command_forms(identity))


async def search(desk: Desk, wanted: Search) -> None:
    """The newest frames that fit, as far as one page goes."""
    desk.console.messages = Remote()
    await fill(desk, "messages", _items(desk, wanted))


async def more_messages(desk: Desk, wanted: Search) -> None:
    """The page after what is there."""
    console = desk.console
    try:
        page = await desk.api.messages(wanted.query(), console.cursor)
    except ApiProblem as refused:
        desk.refuse(refused)
        return
    console.messages = console.messages.ready([*(console.messages.value or []), *page.items])
    console.cursor = page.next_cursor


async def _items(desk: Desk, wanted: Search) -> list[MessageView]:
    page = await desk.api.messages(wanted.query(), None)
    desk.console.cursor = page.next_cursor
    return page.items


async def watch_messages(desk: Desk, wanted: Search) -> None:
    """The first page, then frames as they come, until cancelled; a stream that breaks is opened again."""
    while True:
        await search(desk, wanted)
        try:
            async for news in desk.api.live_messages(wanted.query()):
                desk.console.live = True
                if news:
                    desk.console.hear(news)
        except ApiProblem as refused:
            if refused.unauthorized or refused.not_found:
                return
        finally:
            desk.console.live = False
        await asyncio.sleep(AGAIN_S)


async def command(desk: Desk, identity: str, action: str, body: dict[str, Any]) -> CommandOutcome | Problem:
    """Ask a station; what the API refuses comes back as its problem document."""
    try:
        return await desk.api.command(identity, action, body)
    except ApiProblem as refused:
        if refused.unauthorized:
            desk.refuse(refused)
        return refused.problem


async def fill(desk: Desk, noun: str, work: Awaitable[T]) -> T | None:
    """Ask for one of the console's nouns; the console shows whether it is on its way, there, or failed."""
    console = desk.console
    setattr(console, noun, getattr(console, noun).loading())
    try:
        value = await work
    except ApiProblem as refused:
        setattr(console, noun, getattr(console, noun).failed(refused.problem))
        if refused.unauthorized:
            desk.refuse(refused)
        return None
    setattr(console, noun, getattr(console, noun).ready(value))
    return value
