"""The message log of a party's stations: searched, streamed, downloaded."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter
from litestar.response import Stream

from server.api.commands import OPERATING, own_station
from server.api.context import ApiContext
from server.api.errors import documented, invalid
from server.api.guards import Caller
from server.api.live import HEARTBEAT, HEARTBEAT_S
from server.api.paging import Cursor, Limit
from server.bus import Subscription, messages_topic
from server.flows import message_views
from server.storage.message_log import Wanted
from shared.operating import Direction, FrameKind, MessageView
from shared.problems import FieldError
from shared.wire import Page

NUL_FREE = r"^[^\x00]*$"
Station = Annotated[str | None, QueryParameter(max_length=255, pattern=NUL_FREE, description="A station's identity")]
MOMENT = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9])$"
Since = Annotated[str | None, QueryParameter(pattern=MOMENT, description="From this time on (RFC 3339)")]
Until = Annotated[str | None, QueryParameter(pattern=MOMENT, description="Before this time (RFC 3339)")]
Action = Annotated[str | None, QueryParameter(max_length=64, pattern=NUL_FREE, description="e.g. StatusNotification")]
Text = Annotated[str | None, QueryParameter(max_length=200, pattern=NUL_FREE, description="What the frame contains")]
Way = Annotated[Direction | None, QueryParameter(description="From a station (in) or to it (out)")]
Odd = Annotated[bool | None, QueryParameter(description="Whether anything in it is not as the specification says")]
Kind = Annotated[FrameKind | None, QueryParameter(description="What the frame was")]
DECODER = msgspec.json.Decoder(list[MessageView])


class Search(msgspec.Struct, frozen=True):
    """What is looked for, and the identity of the station that it is about."""

    wanted: Wanted
    station: str | None


async def wanted(  # noqa: PLR0913, PLR0917 -- a parameter each of the query
    context: NamedDependency[ApiContext],
    caller: NamedDependency[Caller],
    station: Station = None,
    since: Since = None,
    until: Until = None,
    action: Action = None,
    direction: Way = None,
    kind: Kind = None,
    text: Text = None,
    odd: Odd = None,
) -> Search:
    """The query. Raises 404 for a station of somebody else's."""
    party_id, station_id = caller.party_id, None
    if station is not None:
        async with context.db.read() as tx:
            found = await own_station(tx, station, caller)
        party_id, station_id = found.party_id, found.id
    times = (_moment("since", since), _moment("until", until))
    return Search(Wanted(party_id, station_id, *times, action, direction, kind, text, odd), station)


def _moment(field: str, said: str | None) -> datetime | None:
    """A time of the query. Raises 422 for one that no calendar has."""
    try:
        return None if said is None else datetime.fromisoformat(said).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid([FieldError(field, "There is no such time.")]) from error


class MessageController(Controller):
    """Every frame that the caller's stations and we said, for as many days as the server keeps them."""

    path = "/messages"
    tags = ("messages",)
    guards = OPERATING
    dependencies = {"search": Provide(wanted)}  # noqa: RUF012 -- as the library declares it

    @get(responses=documented(404, 422))
    async def list_messages(
        self,
        context: NamedDependency[ApiContext],
        search: NamedDependency[Search],
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Page[MessageView]:
        """Newest first, to some seconds where thousands came.

        A page may hold fewer than `limit`, even none, and still have a `next_cursor`: go on there.
        """
        async with context.db.read() as tx:
            return await message_views.page(tx, search.wanted, None if cursor is None else int(cursor), limit)

    @get(
        "/trace",
        media_type="application/x-ndjson",
        responses=documented(404, 422),
        response_description="One JSON object a line: at, station, dir, kind, action, by, odd, frame",
    )
    async def download_trace(self, context: NamedDependency[ApiContext], search: NamedDependency[Search]) -> Stream:
        """All that fits, oldest first, a frame a line: what a maker's support asks for."""
        headers = {"Content-Disposition": 'attachment; filename="trace.ndjson"'}
        return Stream(_lines(context, search.wanted), media_type="application/x-ndjson", headers=headers)

    @get(
        "/live",
        media_type="text/event-stream",
        responses=documented(404, 422),
        response_description="Server-sent events; each `data:` line is a list of MessageView",
    )
    async def live_messages(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        search: NamedDependency[Search],
    ) -> Stream:
        """Frames that fit, as they are kept: half a second after they were said, two or three where thousands come."""
        subscription = context.bus.subscribe([messages_topic(search.wanted.party_id)])
        body = _told(context, caller, search, subscription)
        return Stream(body, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _lines(context: ApiContext, fields: Wanted) -> AsyncIterator[bytes]:
    async for views in message_views.trace(context.db, fields):
        yield b"".join(_line(view) for view in views)


def _line(view: MessageView) -> bytes:
    said = {
        "at": view.at,
        "station": view.station,
        "dir": view.direction,
        "kind": view.kind,
        "action": view.action,
        "by": view.asked_by,
        "odd": view.odd,
        "frame": view.frame,
    }
    return msgspec.json.encode(said) + b"\n"


async def _told(
    context: ApiContext, caller: Caller, search: Search, subscription: Subscription
) -> AsyncIterator[bytes]:
    """The bytes of one stream; closes its subscription however it ends."""
    stopped = asyncio.create_task(context.stopping.wait())
    try:
        yield HEARTBEAT
        while not stopped.done() and time.time() < caller.expires_at:
            arriving = asyncio.ensure_future(anext(subscription))
            await asyncio.wait({arriving, stopped}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
            if not arriving.done():
                arriving.cancel()
                with suppress(asyncio.CancelledError):
                    await arriving
                yield HEARTBEAT
                continue
            found = [view for view in DECODER.decode(arriving.result().payload) if fits(view, search)]
            if found:
                yield b"data: " + msgspec.json.encode(found) + b"\n\n"
    finally:
        subscription.close()
        stopped.cancel()


def fits(view: MessageView, search: Search) -> bool:
    """Whether a frame is one that is looked for: as the database decides it."""
    fields = search.wanted
    return (
        (search.station is None or view.station == search.station)
        and (fields.since is None or view.at >= fields.since)
        and (fields.until is None or view.at < fields.until)
        and (not fields.action or view.action == fields.action)
        and (not fields.direction or view.direction == fields.direction)
        and (not fields.kind or view.kind == fields.kind)
        and (fields.odd is None or bool(view.odd) is fields.odd)
        and (not fields.text or fields.text.lower() in view.frame.lower())
    )
