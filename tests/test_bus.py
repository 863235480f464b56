"""The bus within one process: who listens hears, who is slow loses the oldest, who has left costs nothing."""

import asyncio

import pytest

from server.bus import BACKLOG_MAX, CLOCK, PUBLIC, LocalBus, Message, account_topic
from shared.ids import derive

ANNA = account_topic(derive("test", "anna"))


async def test_a_listener_hears_what_is_published_on_its_topics_in_order():
    bus = LocalBus()
    news = bus.subscribe([ANNA, PUBLIC])
    bus.publish(ANNA, b"1")
    bus.publish(CLOCK, b"not for you")
    bus.publish(PUBLIC, b"2")
    assert [await anext(news), await anext(news)] == [Message(ANNA, b"1"), Message(PUBLIC, b"2")]


async def test_who_waits_is_woken():
    bus = LocalBus()
    news = bus.subscribe([PUBLIC])
    waiting = asyncio.create_task(anext(news))
    await asyncio.sleep(0)
    bus.publish(PUBLIC, b"now")
    assert (await waiting).payload == b"now"


async def test_what_was_said_before_is_not_heard():
    bus = LocalBus()
    bus.publish(PUBLIC, b"early")
    news = bus.subscribe([PUBLIC])
    assert news.waiting() == []


async def test_each_of_two_listeners_hears_everything():
    bus = LocalBus()
    listeners = [bus.subscribe([PUBLIC]), bus.subscribe([PUBLIC])]
    bus.publish(PUBLIC, b"both")
    assert [(await anext(one)).payload for one in listeners] == [b"both", b"both"]


async def test_a_slow_listener_loses_the_oldest_and_slows_nobody():
    bus = LocalBus()
    news = bus.subscribe([PUBLIC])
    for number in range(BACKLOG_MAX + 3):
        bus.publish(PUBLIC, str(number).encode())
    kept = news.waiting()
    assert len(kept) == BACKLOG_MAX
    assert (kept[0].payload, kept[-1].payload) == (b"3", str(BACKLOG_MAX + 2).encode())
    assert news.dropped == 3


async def test_a_wait_that_is_given_up_loses_no_message():
    bus = LocalBus()
    news = bus.subscribe([PUBLIC])
    waiting = asyncio.create_task(anext(news))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bus.publish(PUBLIC, b"kept")
    assert [message.payload for message in news.waiting()] == [b"kept"]


async def test_who_has_left_hears_nothing_and_is_forgotten():
    bus = LocalBus()
    news = bus.subscribe([PUBLIC, ANNA])
    assert bus.listeners == 1
    news.close()
    news.close()
    bus.publish(PUBLIC, b"late")
    assert (bus.listeners, news.waiting()) == (0, [])
