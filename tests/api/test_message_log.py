"""Everything that a station and we ever said: kept, found, streamed, downloaded, forgotten."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest
from api_edge import bearer, eventually, serving
from operators_desk import OPERATOR, opened
from small_town import ANNA, NOW, OTTO, STREET_STATION_1, STREET_STATION_2

from server.bus import LocalBus, messages_topic
from server.clock import SteppedClock
from server.gateway.ports import Said
from server.main import message_log as keeper
from server.main.message_log import MessageLog
from server.storage import message_log
from server.workers import tidy
from server.workers.context import WorkContext

BEGIN = datetime.fromtimestamp(NOW.timestamp() // 4 * 4, UTC)
"""When a span begins in which frames may change places."""
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


@pytest.fixture
async def desk(context):
    async with opened(context) as desk:
        yield desk


def frame(text="{}", action="Heartbeat", direction="in", kind="call"):
    return Said(direction, kind, action, "1", text.encode())


async def test_every_frame_is_there_with_the_action_that_an_answer_is_to(desk):
    async with desk.station(answers={"ClearCache": {"status": "Accepted"}}) as box:
        await box.ask("StatusNotification", STATUS, "a")
        await box.ask("Nonsense", {}, "b")
        await box.socket.send("hello")
        await desk.command("ClearCache", {})
    told = [(one["direction"], one["kind"], one["action"]) for one in reversed(await desk.frames())]
    assert told == [
        ("in", "call", "StatusNotification"),
        ("out", "result", "StatusNotification"),
        ("in", "call", "Nonsense"),
        ("out", "error", "Nonsense"),
        ("in", "malformed", ""),
        ("out", "call", "ClearCache"),
        ("in", "result", "ClearCache"),
    ]


async def test_an_answer_that_comes_too_late_is_kept_with_its_action(desk):
    async with desk.station() as box:
        await desk.command("ClearCache", {}, timeout_s=1)
        (call,) = await desk.frames(kind="call", action="ClearCache")
        await box.socket.send(json.dumps([3, call["message_id"], {"status": "Accepted"}]))
        await eventually(lambda: desk.gateway.counts["results_dropped"])
    assert [one["kind"] for one in await desk.frames(action="ClearCache")] == ["result", "call"]


async def test_it_is_searched_by_station_action_direction_kind_text_and_time(desk):
    async with desk.station("LOOTS/1") as first, desk.station("LOOTS/2") as second:
        await first.ask("StatusNotification", STATUS, "a")
        desk.context.clock.advance_to(NOW + timedelta(hours=1))
        await second.ask("Heartbeat", {}, "b%_")
    later = (NOW + timedelta(minutes=1)).isoformat()
    assert {one["station"] for one in await desk.frames(station="LOOTS/2")} == {"LOOTS/2"}
    assert len(await desk.frames(action="StatusNotification")) == 2
    assert len(await desk.frames(direction="in")) == 2
    assert len(await desk.frames(kind="result")) == 2
    assert [one["station"] for one in await desk.frames(text="AVAILABLE")] == ["LOOTS/1"]
    assert len(await desk.frames(text="b%_")) == 2
    assert await desk.frames(text="b%x") == []
    assert {one["action"] for one in await desk.frames(since=later)} == {"Heartbeat"}
    assert {one["action"] for one in await desk.frames(until=later)} == {"StatusNotification"}


async def test_what_is_not_as_the_specification_says_is_kept_with_its_frame_and_found(desk):
    odd = {"connectorId": "1", "errorCode": "NoError", "status": "Available"}
    async with desk.station() as box:
        assert await box.ask("StatusNotification", odd, "a") == [3, "a", {}]  # and acted on
        await box.ask("StatusNotification", STATUS, "b")
        await box.socket.send("hello")
    told = [(one["kind"], one["odd"]) for one in await desk.frames(odd=True)]
    assert told == [("malformed", "no frame of OCPP"), ("call", 'connectorId: it is not of type "integer"')]
    assert [one["odd"] for one in await desk.frames(odd=False)] == ["", "", ""]
    answer = await desk.api.get("/api/messages/trace", headers=OPERATOR, params={"odd": True})
    assert [json.loads(line)["odd"] for line in answer.text.splitlines()] == [odd for _, odd in reversed(told)]


async def test_it_is_paged_newest_first_without_a_gap(desk):
    for number in range(25):
        desk.log.put(STREET_STATION_1, frame(str(number)))
    await desk.log.flush()
    seen, cursor = [], {}
    while True:
        page = (await desk.api.get("/api/messages", headers=OPERATOR, params={"limit": 10, **cursor})).json()
        seen += [int(one["frame"]) for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == list(reversed(range(25)))


async def test_a_search_looks_at_so_many_frames_and_says_where_to_go_on(desk, monkeypatch):
    monkeypatch.setattr(message_log, "SCAN_MAX", 10)
    for number in range(25):
        desk.log.put(STREET_STATION_1, frame("needle" if number == 0 else "hay"))
    await desk.log.flush()
    found, cursor, pages = [], {}, 0
    while pages < 10:
        page = (await desk.api.get("/api/messages", headers=OPERATOR, params={"text": "needle", **cursor})).json()
        found, pages = found + page["items"], pages + 1
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert (len(found), pages) == (1, 3)


async def test_a_stranger_sees_nothing_of_it(desk):
    async with desk.station() as box:
        await box.ask("StatusNotification", STATUS)
    await desk.log.flush()
    otto = bearer(OTTO)
    assert await desk.frames(headers=otto) == []
    for path in ("", "/trace", "/live"):
        answer = await desk.api.get(f"/api/messages{path}", headers=otto, params={"station": "LOOTS/1"})
        assert answer.status_code == 404
        assert (await desk.api.get(f"/api/messages{path}", headers=bearer(ANNA))).status_code == 403
    assert (await desk.api.get("/api/messages/trace", headers=otto)).text == ""


async def test_a_trace_is_every_frame_a_line_oldest_first(desk):
    async with desk.station() as box:
        await box.ask("StatusNotification", STATUS, "a")
        await box.ask("Heartbeat", {}, "b")
    await desk.log.flush()
    answer = await desk.api.get("/api/messages/trace", headers=OPERATOR, params={"station": "LOOTS/1"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [(line["dir"], line["action"]) for line in lines] == [
        ("in", "StatusNotification"),
        ("out", "StatusNotification"),
        ("in", "Heartbeat"),
        ("out", "Heartbeat"),
    ]
    assert json.loads(lines[0]["frame"]) == [2, "a", "StatusNotification", STATUS]


async def test_it_is_streamed_as_it_is_kept_and_filtered_like_a_search(desk):
    async with serving(desk.context) as url, httpx.AsyncClient(base_url=url) as client:
        query = {"direction": "in", "text": "available", "odd": False}
        async with client.stream("GET", "/api/messages/live", headers=OPERATOR, params=query) as answer:
            lines = answer.aiter_lines()
            assert (await anext(lines)).startswith(":")
            async with desk.station() as box:
                await box.ask("Heartbeat", {}, "a")
                await box.ask("StatusNotification", STATUS, "b")
            await desk.log.flush()
            async with asyncio.timeout(10):
                line = await anext(line async for line in lines if line.startswith("data: "))
    assert [one["action"] for one in json.loads(line[6:])] == ["StatusNotification"]


async def test_keys_are_not_in_it(desk):
    secret = "0123456789abcdef"
    change = {"key": "AuthorizationKey", "value": secret}
    with_key = {"configurationKey": [{**change, "readonly": False}, {"key": "Other", "readonly": True, "value": "x"}]}
    async with desk.station(answers={"ChangeConfiguration": {"status": "Accepted"}, "GetConfiguration": with_key}):
        await desk.command("ChangeConfiguration", change)
        await desk.command("GetConfiguration", {})
    frames = await desk.frames()
    assert len(frames) == 4
    assert secret not in str(frames)
    assert '"value":"x"' in next(one["frame"] for one in frames if one["direction"] == "in")


async def test_what_no_text_column_takes_is_kept_all_the_same(desk):
    desk.log.put(STREET_STATION_1, Said("in", "malformed", "", "", b"\x00\xff{"))
    assert [one["frame"] for one in await desk.frames()] == ["��{"]


async def test_a_full_buffer_loses_the_newest_and_counts_them(context, monkeypatch):
    monkeypatch.setattr(keeper, "FRAMES_MAX", 3)
    monkeypatch.setattr(keeper, "BYTES_MAX", 100)
    log = MessageLog(context.db, context.clock, context.bus)
    for number in range(5):
        log.put(STREET_STATION_1, frame(str(number)))
    await log.flush()
    log.put(STREET_STATION_1, frame("x" * 101))
    assert log.counts == {"lost": 3, "kept": 3}


async def test_what_waits_is_written_evenly_and_at_once_at_the_end(context, monkeypatch):
    monkeypatch.setattr(keeper, "EVERY_S", 0.06)
    monkeypatch.setattr(keeper, "BATCH", 2)
    log, written, add = MessageLog(context.db, context.clock, context.bus), [], message_log.add

    async def noted(tx, messages):
        written.append((time.monotonic(), len(messages)))
        await add(tx, messages)

    monkeypatch.setattr(message_log, "add", noted)
    for number in range(6):
        log.put(STREET_STATION_1, frame(str(number)))
    running = asyncio.create_task(log.run())
    await eventually(lambda: log.counts["kept"] == 6)
    assert [count for _, count in written] == [2, 2, 2]
    first, second, third = [at for at, _ in written]
    assert second - first >= 0.06 / 3 * 0.9
    assert third - second >= 0.06 / 2 * 0.9
    for number in range(6):
        log.put(STREET_STATION_1, frame(str(number)))
    await log.flush()
    assert log.counts["kept"] == 12
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def hurried(monkeypatch):
    """Few frames are many."""
    for name, value in (("EVERY_S", 0.01), ("LONGER_S", 0.01), ("MANY", 5)):
        monkeypatch.setattr(keeper, name, value)


async def written(log, count):
    running = asyncio.create_task(log.run())
    await eventually(lambda: log.counts["kept"] == count)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def crowded(context, hurried):
    """Two stations that spoke in turns, a frame a second, while more frames waited than are written evenly."""
    clock = SteppedClock(BEGIN)
    log = MessageLog(context.db, clock, context.bus)
    for second in range(13):
        clock.advance_to(BEGIN + timedelta(seconds=second))
        log.put((STREET_STATION_1, STREET_STATION_2)[second % 2], frame(str(second)))
    await written(log, 13)
    return context


async def test_where_many_wait_those_of_a_station_stand_together_for_four_seconds(crowded):
    first = 0 if STREET_STATION_1.int < STREET_STATION_2.int else 1
    wanted = [at + turn for at in (0, 4, 8) for turn in (first, first + 2, 1 - first, 3 - first)]
    async with crowded.db.read() as tx:
        assert [int(one.raw) for one in await everything(tx)] == [*wanted, 12]


async def test_what_comes_while_many_are_written_is_written_after_them(context, monkeypatch, hurried):
    monkeypatch.setattr(keeper, "BATCH", 1)
    monkeypatch.setattr(keeper, "LARGER", 3)
    log, add, pieces = MessageLog(context.db, context.clock, context.bus), message_log.add, []
    early, later = sorted((STREET_STATION_1, STREET_STATION_2))

    async def noted(tx, messages):
        pieces.append(len(messages))
        if len(pieces) == 1:
            log.put(early, frame("6"))
        await add(tx, messages)

    monkeypatch.setattr(message_log, "add", noted)
    for number in range(6):
        log.put(later, frame(str(number)))
    await written(log, 7)
    assert pieces == [3, 3, 1]
    async with context.db.read() as tx:
        assert [one.raw for one in await everything(tx)] == [str(number) for number in range(7)]


async def test_a_station_keeps_its_order_where_the_clock_goes_back(context, hurried):
    moments = [BEGIN - timedelta(seconds=number) for number in range(6)]
    log = MessageLog(context.db, SimpleNamespace(now=iter(moments).__next__), context.bus)
    for number in range(6):
        log.put(STREET_STATION_1, frame(str(number)))
    await written(log, 6)
    async with context.db.read() as tx:
        assert [one.raw for one in await everything(tx)] == [str(number) for number in range(6)]


async def searched(tx, fits):
    """The seconds of all frames that fit, page by page."""
    before, found = None, []
    while True:
        page, before = await message_log.newest(tx, fits, before, 3)
        found += [int(one.raw) for one, _ in page]
        if before is None:
            return sorted(found)


@pytest.mark.parametrize("since", range(-5, 14))
async def test_a_time_is_found_where_frames_stand_the_other_way_round(crowded, monkeypatch, since):
    monkeypatch.setattr(message_log, "SCAN_MAX", 2)
    begin = BEGIN + timedelta(seconds=since)
    async with crowded.db.read() as tx:
        party_id = (await message_log.parties_of(tx, [STREET_STATION_1]))[STREET_STATION_1][0]
        after = await message_log.first_at(tx, begin) - 1
        for until in range(since + 1, 16):
            fits = message_log.Wanted(party_id, since=begin, until=BEGIN + timedelta(seconds=until))
            wanted = [second for second in range(13) if since <= second < until]
            assert await searched(tx, fits) == wanted
            traced = await message_log.oldest_after(tx, fits, after, 20)
            assert sorted(int(one.raw) for one, _ in traced) == wanted


async def test_a_database_that_is_away_loses_nothing(context, monkeypatch):
    log = MessageLog(context.db, context.clock, context.bus)
    log.put(STREET_STATION_1, frame())
    real = message_log.add
    monkeypatch.setattr(message_log, "add", None)  # raises as it is called
    await log.flush()
    assert log.counts["kept"] == 0
    monkeypatch.setattr(message_log, "add", real)
    await log.flush()
    assert log.counts["kept"] == 1


async def test_a_restarted_server_goes_on_behind_the_last(context):
    for text in ("first", "second"):
        log = MessageLog(context.db, context.clock, context.bus)
        log.put(STREET_STATION_1, frame(text))
        await log.flush()
    async with context.db.read() as tx:
        wanted = message_log.Wanted(
            party_id=(await message_log.parties_of(tx, [STREET_STATION_1]))[STREET_STATION_1][0]
        )
        found, _ = await message_log.newest(tx, wanted, None, 10)
    assert [one.raw for one, _ in found] == ["second", "first"]


async def test_it_is_told_only_where_somebody_listens(context):
    bus = LocalBus()
    log = MessageLog(context.db, context.clock, bus)
    async with context.db.read() as tx:
        party_id, identity = (await message_log.parties_of(tx, [STREET_STATION_1]))[STREET_STATION_1]
    assert not bus.heard(messages_topic(party_id))
    listener = bus.subscribe([messages_topic(party_id)])
    log.put(STREET_STATION_1, frame())
    await log.flush()
    (told,) = listener.waiting()
    assert json.loads(told.payload)[0]["station"] == identity


async def test_what_is_older_than_the_days_kept_is_deleted_in_batches(context, monkeypatch):
    monkeypatch.setattr(message_log, "BATCH", 2)
    clock = SteppedClock(NOW - timedelta(days=20))
    log = MessageLog(context.db, clock, context.bus)
    for days in range(21):
        clock.advance_to(NOW - timedelta(days=20 - days))
        log.put(STREET_STATION_1, frame(str(days)))
    await log.flush()
    work = WorkContext(context.db, clock, None, None, timedelta(days=14))
    assert await tidy._forget(work, message_log, clock.now() - work.messages_kept) == 6
    async with context.db.read() as tx:
        assert (await everything(tx))[0].raw == "6"


async def everything(tx):
    party_id = (await message_log.parties_of(tx, [STREET_STATION_1]))[STREET_STATION_1][0]
    return [one for one, _ in await message_log.oldest_after(tx, message_log.Wanted(party_id), 0, 100)]
