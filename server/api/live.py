"""Live updates as server-sent events: `data:` holds a LiveEvent, a comment is a heartbeat.

A stream holds no transaction: each view is built from what is there when its event is sent.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.response import Stream

from server.api.context import ApiContext
from server.api.errors import documented
from server.api.guards import Caller
from server.bus import CLOCK, PUBLIC, Message, Subscription, account_topic, party_topic
from server.flows import session_views, wallets
from server.storage import locations, sessions
from shared.accounts import Role
from shared.wire import (
    ClockChanged,
    LiveEvent,
    LocationChanged,
    PricesChanged,
    SessionChanged,
    StationChanged,
    WalletChanged,
)

HEARTBEAT_S = 15.0
CLOCK_S = 5.0
COALESCE_S = 0.1
"""Many readings in one breath make one view: what comes within a tenth of a second is told together."""
RECENT_ENTRIES = 20
HEARTBEAT = b": heartbeat\n\n"


class News(msgspec.Struct, frozen=True):
    """A `flows.announcements.Announcement` as it travels: which of these fields it has says which one it is."""

    session_id: UUID | None = None
    entry_id: UUID | None = None
    location_id: UUID | None = None
    zone: str | None = None
    station_id: UUID | None = None
    party_id: UUID | None = None


DECODER = msgspec.json.Decoder(News)


@get(
    "/live",
    media_type="text/event-stream",
    tags=["live"],
    responses=documented(),
    response_description="Server-sent events; each `data:` line is a LiveEvent",
)
async def live(context: NamedDependency[ApiContext], caller: NamedDependency[Caller]) -> Stream:
    """What happens to your sessions, your wallet, the places, the prices and the clock, as it happens.

    The stream ends when the server stops and when the access token that opened it expires: connect again.
    """
    office = [party_topic(caller.party_id)] if _operates(caller) else []
    subscription = context.bus.subscribe([account_topic(caller.account_id), *office, PUBLIC, CLOCK])
    headers = {"X-Accel-Buffering": "no"}
    return Stream(stream(context, caller, subscription), media_type="text/event-stream", headers=headers)


async def stream(context: ApiContext, caller: Caller, subscription: Subscription) -> AsyncIterator[bytes]:
    """The bytes of one stream; closes its subscription however it ends."""
    stopped = asyncio.create_task(context.stopping.wait())
    clock_at = heartbeat_at = time.monotonic()
    try:
        while not stopped.done() and time.time() < caller.expires_at:
            if time.monotonic() >= clock_at:
                clock_at = time.monotonic() + CLOCK_S
                yield _event(_clock(context))
            if time.monotonic() >= heartbeat_at:
                heartbeat_at = time.monotonic() + HEARTBEAT_S
                yield HEARTBEAT
            wait_s = max(0.0, min(clock_at, heartbeat_at) - time.monotonic())
            messages = await _gathered(subscription, stopped, wait_s)
            if any(message.topic == CLOCK for message in messages):
                clock_at = time.monotonic()
            for event in await _events(context, caller, messages):
                yield _event(event)
    finally:
        subscription.close()
        stopped.cancel()


async def _gathered(subscription: Subscription, stopped: "asyncio.Task[bool]", wait_s: float) -> list[Message]:
    """What arrives next, with what comes right after it; nothing after `wait_s` seconds or when the server stops."""
    arriving = asyncio.ensure_future(anext(subscription))
    try:
        await asyncio.wait({arriving, stopped}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        if not arriving.done():
            return []
        await asyncio.wait({stopped}, timeout=COALESCE_S)
        return [arriving.result(), *subscription.waiting()]
    finally:
        arriving.cancel()
        with suppress(asyncio.CancelledError):
            await arriving


async def _events(context: ApiContext, caller: Caller, messages: Sequence[Message]) -> list[LiveEvent]:
    """Messages as events, each said once however often it came."""
    payloads = dict.fromkeys(message.payload for message in messages if message.topic != CLOCK)
    out: list[LiveEvent] = []
    for news in dict.fromkeys(DECODER.decode(payload) for payload in payloads):
        out += await _event_of(context, caller, news)
    return out


async def _event_of(context: ApiContext, caller: Caller, news: News) -> list[LiveEvent]:
    if news.session_id is not None:
        return await _session(context, caller, news.session_id)
    if news.entry_id is not None:
        return await _wallet(context, caller, news.entry_id)
    if news.station_id is not None:
        return [StationChanged(news.station_id)] if news.party_id == caller.party_id and _operates(caller) else []
    if news.location_id is not None:
        return await _location(context, caller, news.location_id)
    return [] if news.zone is None else [PricesChanged(news.zone)]


async def _session(context: ApiContext, caller: Caller, session_id: UUID) -> list[LiveEvent]:
    async with context.db.read() as tx:
        session = await sessions.get(tx, session_id)
        if session is None or session.account_id != caller.account_id:
            return []
        return [SessionChanged(await session_views.one(tx, session, context.now()))]


async def _wallet(context: ApiContext, caller: Caller, entry_id: UUID) -> list[LiveEvent]:
    async with context.db.read() as tx:
        wallet = await wallets.wallet(tx, caller.account_id)
        entries = await wallets.entries(tx, caller.account_id, None, RECENT_ENTRIES)
    return [
        WalletChanged(entry, wallet.balance_minor, wallet.pending_minor) for entry in entries if entry.id == entry_id
    ]


async def _location(context: ApiContext, caller: Caller, location_id: UUID) -> list[LiveEvent]:
    """Everybody hears of every place; only who may see it is told."""
    async with context.db.read() as tx:
        place = await locations.one_visible_to(tx, location_id, caller.account_id)
    return [] if place is None else [LocationChanged(location_id)]


def _operates(caller: Caller) -> bool:
    return caller.role in (Role.OPERATOR, Role.ADMINISTRATOR)


def _clock(context: ApiContext) -> ClockChanged:
    return ClockChanged(context.now(), context.clock.speed, context.settings.demo)


def _event(event: LiveEvent) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"
