"""What arrives is bytes: frames come in pieces and several at a time, and messages in several frames."""

import asyncio
import json
import struct

import pytest
from gateway_town import until
from raw_station import MASK, RawStation

from server.gateway.link import INBOX_FRAMES

TEXT, PART, LAST, PING, CLOSE = 0x81, 0x01, 0x80, 0x89, 0x88


def frame(payload: bytes, first: int = TEXT) -> bytes:
    masked = bytes(byte ^ MASK[place % 4] for place, byte in enumerate(payload))
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([first]) + size + MASK + masked


def call(message_id: str, padding: int = 0) -> bytes:
    return json.dumps([2, message_id, "DataTransfer", {"vendorId": "x" * padding}]).encode()


async def hear_ids(station: RawStation, count: int) -> list[str]:
    return [(await station.hears())[1] for _ in range(count)]


@pytest.mark.parametrize("padding", [0, 300])
async def test_a_frame_that_comes_byte_by_byte_is_one_message(town, padding):
    async with RawStation(town.gateway.port) as station:
        for byte in frame(call("slow", padding)):
            station.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await hear_ids(station, 1) == ["slow"]


async def test_frames_that_come_together_are_handled_in_their_order_and_the_rest_waits(town):
    async with RawStation(town.gateway.port) as station:
        third = frame(call("c", 200))
        station.writer.write(frame(call("a", 200)) + frame(call("b")) + third[:5])
        assert await hear_ids(station, 2) == ["a", "b"]
        station.writer.write(third[5:] + frame(call("d")))
        assert await hear_ids(station, 2) == ["c", "d"]


async def test_a_message_in_several_frames_stays_in_its_place(town):
    whole = call("parts")
    parts = frame(whole[:7], PART) + frame(b"", 0x00) + frame(b"?", PING) + frame(whole[7:], LAST)
    async with RawStation(town.gateway.port) as station:
        station.writer.write(frame(call("before")) + parts + frame(call("after")))
        pong = await asyncio.wait_for(station.reader.readexactly(3), 5)
        assert pong == b"\x8a\x01?"
        assert await hear_ids(station, 3) == ["before", "parts", "after"]


async def test_a_message_within_another_ones_frames_ends_the_line(town):
    async with RawStation(town.gateway.port) as station:
        station.writer.write(frame(call("x")[:7], PART) + frame(call("y")))
        assert await station.hears() == 1002


async def test_an_unmasked_frame_ends_the_line_after_what_came_before_it(town):
    async with RawStation(town.gateway.port) as station:
        station.writer.write(frame(call("before")))
        assert await hear_ids(station, 1) == ["before"]
        station.writer.write(b"\x81\x02[]" + frame(call("after")))
        assert await station.hears() == 1002
    assert town.gateway.counts["frames_in"] == 1


async def test_a_frame_that_says_that_it_is_too_long_is_not_waited_for(town):
    async with RawStation(town.gateway.port) as station:
        station.writer.write(b"\x81\xff" + struct.pack(">Q", 1 << 40))
        assert await station.hears() == 1009


async def test_a_frame_that_comes_with_the_handshake_is_heard(town):
    station = RawStation(town.gateway.port)
    station._hello += frame(call("early")) + frame(call("half"))[:9]
    async with station:
        assert station.status == 101
        station.writer.write(frame(call("half"))[9:] + frame(call("late")))
        assert await hear_ids(station, 3) == ["early", "half", "late"]


async def test_more_calls_at_once_than_may_wait_are_all_answered_in_order(town):
    sent = [str(number) for number in range(5 * INBOX_FRAMES)]
    async with RawStation(town.gateway.port) as station:
        for begin in range(0, len(sent), 40):
            station.writer.write(b"".join(frame(call(one)) for one in sent[begin : begin + 40]))
            await asyncio.sleep(0)
        assert await hear_ids(station, len(sent)) == sent


async def test_what_waits_when_the_line_breaks_is_all_handled(town):
    sent = [str(number) for number in range(2 * INBOX_FRAMES)]
    async with RawStation(town.gateway.port) as station:
        station.writer.write(b"".join(frame(call(one)) for one in sent))
        await station.writer.drain()
        station.writer.transport.abort()
    await until(lambda: town.gateway.counts["frames_in"] == len(sent) and town.gateway.pending() == 0)
    assert town.gateway.counts["handler_failures"] == 0


async def test_what_comes_after_a_goodbye_is_not_heard(town):
    async with RawStation(town.gateway.port) as station:
        goodbye = frame(struct.pack(">H", 1000), CLOSE)
        station.writer.write(frame(call("last")) + goodbye + frame(call("too late")))
        said = [await station.hears(), 1000]
        assert 1000 in said
        await asyncio.wait_for(station.reader.read(), 5)
    assert town.gateway.counts["frames_in"] == 1
