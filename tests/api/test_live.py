"""Live events over a real socket, as the app reads them."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import msgspec
import pytest
import small_town
from api_edge import bearer, eventually, serving
from small_town import ANNA, BERT, HOME, NOW, OLGA, OPERATOR, OTTO, STREET, STREET_STATION_1

from server.api import live
from server.api.guards import Caller
from server.bus import CLOCK, PUBLIC, account_topic, party_topic
from server.flows.announcements import LocationMoved, PricesMoved, SessionMoved, StationMoved
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

DECODER = msgspec.json.Decoder(LiveEvent)


class Stream:
    """The events of one open stream; comments are kept apart."""

    def __init__(self, response):
        self.response = response
        self.events, self.comments, self.ended = [], [], False
        self.reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self.response.aiter_lines():
            if line.startswith("data: "):
                self.events.append(DECODER.decode(line.removeprefix("data: ")))
            elif line.startswith(":"):
                self.comments.append(line)
        self.ended = True

    async def until(self, condition):
        """The first event that a condition holds for, in time."""
        return (await eventually(lambda: [event for event in self.events if condition(event)]))[0]

    async def of(self, kind):
        return await self.until(lambda event: isinstance(event, kind))


@asynccontextmanager
async def listening(url, account_id):
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream("GET", f"{url}/api/live", headers=bearer(account_id), timeout=30) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        stream = Stream(response)
        await stream.of(ClockChanged)
        yield stream
        stream.reading.cancel()


@pytest.fixture
async def url(context):
    async with serving(context) as address:
        yield address
        context.stopping.set()


async def test_a_stream_begins_with_the_clock(url):
    async with listening(url, ANNA) as stream:
        assert stream.events == [ClockChanged(NOW, 0, demo=True)]


async def test_a_session_that_opens_comes_whole(url, context):
    async with listening(url, ANNA) as stream:
        session_id = await small_town.plug_in(context.db, NOW)
        event = await stream.of(SessionChanged)
        assert event.session.id == session_id
        assert event.session.location_name == "Anna's home"


async def test_many_readings_in_one_breath_make_one_view(url, context):
    session_id = await small_town.plug_in(context.db, NOW)
    async with listening(url, ANNA) as stream:
        for _ in range(20):
            context.bus.publish(account_topic(ANNA), msgspec.json.encode(SessionMoved(ANNA, session_id)))
        await stream.of(SessionChanged)
        await asyncio.sleep(0.3)
        assert sum(isinstance(event, SessionChanged) for event in stream.events) == 1


async def test_a_stranger_hears_nothing_of_annas_session_wallet_and_home(url, context):
    async with listening(url, BERT) as bert, listening(url, ANNA) as anna:
        await small_town.a_night(context.db, NOW - timedelta(days=1))
        session_id = await small_town.plug_in(context.db, NOW)
        await anna.of(WalletChanged)
        await anna.until(lambda event: isinstance(event, SessionChanged) and event.session.id == session_id)
        await anna.until(lambda event: event == LocationChanged(HOME))
        await bert.until(lambda event: event == LocationChanged(STREET))
        await asyncio.sleep(0.3)
        assert {type(event) for event in bert.events} == {ClockChanged, LocationChanged}
        assert LocationChanged(HOME) not in bert.events


async def test_a_stranger_who_is_told_by_mistake_is_shown_nothing(url, context):
    session_id = await small_town.plug_in(context.db, NOW)
    async with listening(url, BERT) as bert:
        context.bus.publish(account_topic(BERT), msgspec.json.encode(SessionMoved(BERT, session_id)))
        context.bus.publish(PUBLIC, msgspec.json.encode(PricesMoved("NL")))
        await bert.of(PricesChanged)
        assert not any(isinstance(event, SessionChanged) for event in bert.events)


async def test_what_is_wrong_with_a_station_is_told_to_its_operators_alone(url, context):
    news = msgspec.json.encode(StationMoved(OPERATOR, small_town.STREET_STATION_1))
    async with listening(url, OLGA) as olga, listening(url, OTTO) as otto, listening(url, ANNA) as anna:
        for topic in (party_topic(OPERATOR), PUBLIC):  # the second by mistake
            context.bus.publish(topic, news)
        assert (await olga.of(StationChanged)).station_id == small_town.STREET_STATION_1
        await asyncio.sleep(0.3)
        assert not [event for stream in (otto, anna) for event in stream.events if isinstance(event, StationChanged)]


async def test_an_entry_in_the_wallet_comes_with_the_new_balance(url, context):
    async with listening(url, ANNA) as stream:
        await small_town.a_night(context.db, NOW - timedelta(days=1))
        event = await stream.of(WalletChanged)
        assert event.entry.location_name == "Lootsstraat"
        assert event.balance_minor + event.pending_minor > 0


async def test_prices_and_public_places_are_everybodys(url, context):
    async with listening(url, ANNA) as stream:
        context.bus.publish(PUBLIC, msgspec.json.encode(PricesMoved("NL")))
        context.bus.publish(PUBLIC, msgspec.json.encode(LocationMoved(STREET)))
        assert (await stream.of(PricesChanged)).zone == "NL"
        assert (await stream.of(LocationChanged)).location_id == STREET


async def test_a_button_of_the_clock_is_heard_at_once(url, context):
    async with listening(url, ANNA) as stream, httpx.AsyncClient(trust_env=False) as client:
        context.clock.advance_to(NOW + timedelta(hours=1))
        answer = await client.put(f"{url}/api/clock", json={"speed": 600}, headers=bearer(BERT))
        assert answer.status_code == 200
        event = await stream.until(lambda event: isinstance(event, ClockChanged) and event.now > NOW)
        assert event.now == NOW + timedelta(hours=1)


async def test_the_clock_goes_on_being_told_while_much_else_happens(context, monkeypatch):
    monkeypatch.setattr(live, "CLOCK_S", 0.05)
    monkeypatch.setattr(live, "COALESCE_S", 0.01)
    caller = Caller(ANNA, small_town.PROVIDER, Role.DRIVER, time.time() + 60)
    pieces = live.stream(context, caller, context.bus.subscribe([PUBLIC]))
    seen = []
    async with asyncio.timeout(30):
        while sum(b"clock_changed" in piece for piece in seen) < 4:
            context.bus.publish(PUBLIC, msgspec.json.encode(PricesMoved("NL")))
            seen.append(await anext(pieces))
    await pieces.aclose()
    assert sum(b"prices_changed" in piece for piece in seen) > 4


async def test_who_left_is_forgotten(url, context):
    async with listening(url, ANNA):
        assert context.bus.listeners == 1
    await eventually(lambda: not context.bus.listeners)


async def test_a_server_that_stops_ends_its_streams_at_once(url, context):
    async with listening(url, ANNA) as stream:
        began = time.monotonic()
        context.stopping.set()
        async with asyncio.timeout(live.CLOCK_S):
            await stream.reading
        assert stream.ended
        assert time.monotonic() - began < live.CLOCK_S / 2


async def test_a_stream_outlives_its_access_token_by_no_more_than_a_tick(context):
    caller = Caller(ANNA, small_town.PROVIDER, Role.DRIVER, time.time() + 0.2)
    subscription = context.bus.subscribe([CLOCK])
    pieces = live.stream(context, caller, subscription)
    assert b"clock_changed" in await anext(pieces)
    await asyncio.sleep(0.2)
    context.bus.publish(CLOCK, b"")
    rest = [piece async for piece in pieces]
    assert len(rest) <= 1
    assert context.bus.listeners == 0


async def test_silence_is_filled_with_the_clock_and_heartbeats(context, monkeypatch):
    monkeypatch.setattr(live, "CLOCK_S", 0.02)
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    caller = Caller(ANNA, small_town.PROVIDER, Role.DRIVER, time.time() + 60)
    pieces = live.stream(context, caller, context.bus.subscribe([CLOCK]))
    seen = [await anext(pieces) for _ in range(8)]
    await pieces.aclose()
    assert live.HEARTBEAT in seen
    assert sum(b"clock_changed" in piece for piece in seen) >= 4
    assert context.bus.listeners == 0


async def test_a_street_session_moves_the_street_for_all(url, context):
    async with listening(url, BERT) as stream:
        await small_town.plug_in(context.db, NOW, STREET_STATION_1)
        assert await stream.until(lambda event: event == LocationChanged(STREET))
