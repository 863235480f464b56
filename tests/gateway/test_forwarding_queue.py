"""What waits for another central system: in order, bounded, and begins and ends are never left out."""

import asyncio

import pytest

from server.gateway.forwarding import queue
from server.gateway.forwarding.ears import Ears
from server.gateway.forwarding.ports import Item, Memory
from server.gateway.forwarding.queue import Waiting
from server.gateway.ports import Said
from server.gateway.versions import Version


class Shelf:
    """A store in memory; `while_read` is done in the middle of a page."""

    def __init__(self):
        self.rows, self.gone, self.last = [], 0, 0
        self.while_read = lambda: None

    def next_id(self):
        self.last += 1
        return self.last

    def add(self, item):
        self.rows.append(item)

    def dropped(self, _item):
        self.gone += 1

    def numbers(self, _ours, _known):
        pass

    async def page(self, limit):
        found = self.rows[:limit]
        self.while_read()
        return found


@pytest.fixture
def shelf():
    return Shelf()


def item(number, action="MeterValues", *, kept=True):
    return Item(number, Version.V16, action, str(number), b"{}", 1, kept=kept, spare=action == "MeterValues")


async def told(waiting, shelf) -> list[int]:
    """All that waits, each one done as it is told."""
    out = []
    while (one := await waiting.first()) is not None:
        out.append(one.id)
        shelf.rows = [row for row in shelf.rows if row.id != one.id]
        waiting.done(one)
    return out


async def test_what_came_while_nobody_heard_comes_first_and_in_order(shelf):
    waiting = Waiting(shelf, 0)
    for number in range(1, 251):
        waiting.put(item(number), heard=False)
    waiting.put(item(251, "Heartbeat", kept=False), heard=True)
    waiting.put(item(252), heard=True)
    assert await told(waiting, shelf) == [*range(1, 251), 252]


async def test_what_comes_while_the_store_is_read_is_told_once(shelf):
    waiting = Waiting(shelf, 0)
    waiting.put(item(1), heard=False)
    shelf.while_read = lambda: waiting.put(item(2), heard=True) if len(shelf.rows) == 1 else None
    assert await told(waiting, shelf) == [1, 2]


async def test_a_line_that_breaks_loses_what_need_not_arrive_only(shelf):
    waiting = Waiting(shelf, 0)
    waiting.put(item(1), heard=True)
    waiting.put(item(2, "StatusNotification", kept=False), heard=True)
    waiting.let_go()
    assert await told(waiting, shelf) == [1]


async def test_readings_that_are_too_many_are_left_out_and_begins_and_ends_never(shelf, monkeypatch):
    monkeypatch.setattr(queue, "KEPT_MAX", 3)
    waiting = Waiting(shelf, 1)
    for number, action in enumerate(("StartTransaction", "MeterValues", "MeterValues", "StopTransaction")):
        waiting.put(item(number, action), heard=False)
    assert [row.action for row in shelf.rows] == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert shelf.gone == 1


async def test_a_store_that_could_not_be_read_is_read_again_and_in_order(shelf):
    waiting = Waiting(shelf, 0)
    waiting.put(item(1), heard=False)

    def fail():
        shelf.while_read = lambda: None
        waiting.put(item(2), heard=True)
        raise OSError

    shelf.while_read = fail
    with pytest.raises(OSError):
        await waiting.first()
    assert await told(waiting, shelf) == [1, 2]


async def test_what_finds_no_room_while_the_store_is_read_is_read_later(shelf, monkeypatch):
    monkeypatch.setattr(queue, "MEMORY_MAX", 1)
    waiting = Waiting(shelf, 0)
    waiting.put(item(1), heard=False)

    def come():
        shelf.while_read = lambda: None
        for number in (2, 3):
            waiting.put(item(number), heard=True)

    shelf.while_read = come
    assert await told(waiting, shelf) == [1, 2, 3]


async def test_starts_that_are_alike_are_told_by_their_numbers(shelf):
    waiting = Waiting(shelf, 0)
    ears = Ears(shelf, waiting, Memory())
    begun = b'[2,"%d","StartTransaction",{"timestamp":"2000-01-01T00:00:00Z"}]'
    for said, number in ((1, 7), (2, 8), (3, 8)):
        ears.hear(Said("in", "call", "", str(said), begun % said), Version.V16)
        ears.hear(Said("out", "result", "", str(said), b'[3,"%d",{"transactionId":%d}]' % (said, number)), Version.V16)
    assert [row.ours for row in shelf.rows] == [7, 8]


async def test_ids_that_differ_late_are_told_under_ids_that_differ_and_are_short_enough(shelf):
    waiting = Waiting(shelf, 0)
    ears = Ears(shelf, waiting, Memory())
    ears.heard = True
    ids = ["offline-" + "x" * 60 + end for end in "ABA"]
    for number, said in enumerate((*ids, "short")):
        reading = b'[2,"%s","MeterValues",{"connectorId":1,"meterValue":[%d]}]' % (said.encode(), number)
        ears.hear(Said("in", "call", "", said, reading), Version.V16)
        ears.hear(Said("out", "result", "", said, b'[3,"%s",{}]' % said.encode()), Version.V16)
    told_under = []
    while (one := await waiting.first()) is not None:
        told_under.append(one.message_id)
        waiting.done(one)
    first, other, same, short = told_under
    assert first == same != other
    assert short == "short"
    assert first.startswith("offline-")
    assert len(first) == len(other) == 36


@pytest.mark.parametrize(
    "frame",
    [
        b"[2]",
        b"not json",
        b'[2,"1",7,{}]',
        b'[2,"1","StartTransaction",[]]',
        b'[2,"1","MeterValues",{"transactionId":"x","meterValue":1e999}]',
        b'[2,"1","StatusNotification",{"evseId":{"a":[]}}]',
        b'[2,"1","StopTransaction",{"transactionId":true}]',
        b'[2,"1","Authorize",{"idTag":' + b"[" * 3000 + b"]" * 3000 + b"}]",
    ],
)
async def test_no_frame_disturbs_the_station(shelf, frame):
    waiting = Waiting(shelf, 0)
    ears = Ears(shelf, waiting, Memory())
    for version in Version:
        ears.hear(Said("in", "call", "", "1", frame), version)
        for answer in (b'[3,"1",{"transactionId":9}]', b'[3,"1",[]]', b"", b'[4,"1","InternalError","",{}]'):
            ears.hear(Said("out", "result", "", "1", answer), version)
    await asyncio.sleep(0)
    assert [row.action for row in shelf.rows] == []
