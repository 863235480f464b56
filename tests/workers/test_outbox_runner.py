"""The outbox is worked off: in order by key, side by side, again after a failure, and never forgotten."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from small_town import NOW

from server.storage import outbox
from server.workers import runner as module
from server.workers.runner import Failure, Runner, attempt

MINUTE = timedelta(minutes=1)


class Bench:
    """Handlers that a test can hold, and what they did."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []
        self.ended: list[tuple[str, str]] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.fails: Counter[str] = Counter()
        self.most = 0

    async def work(self, context, task):
        name = task.payload.strip('"')
        self.begun.append((task.key, name))
        self.most = max(self.most, len(self.begun) - len(self.ended))
        if name in self.gates:
            await self.gates[name].wait()
        self.ended.append((task.key, name))
        if self.fails[name] > 0:
            self.fails[name] -= 1
            raise RuntimeError(name)
        return f"did {name}"


@asynccontextmanager
async def running(context, bench, abreast=8):
    runner = Runner(context, dict.fromkeys(("work", *outbox.SLOW), bench.work), abreast=abreast)
    context.db.on_commit = lambda _announced, queued: runner.wake() if queued else None
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def queue(context, *tasks, at=NOW, kind="work"):
    async with context.db.begin() as tx:
        for key, name in tasks:
            await outbox.put(tx, kind, key, name, at)


async def at_rest(runner):
    async with asyncio.timeout(30):
        for _ in range(3):
            await asyncio.sleep(0)
            while runner.busy:  # noqa: ASYNC110 -- what is waited for is that nothing happens
                await asyncio.sleep(0.002)


async def reached(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- a test's own condition
            await asyncio.sleep(0.002)


async def test_what_has_one_key_is_done_in_order_and_what_has_another_beside_it(context):
    bench = Bench()
    bench.gates = {"a1": asyncio.Event()}
    async with running(context, bench) as runner:
        await queue(context, ("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2"), ("a", "a3"))
        await reached(lambda: ("b", "b2") in bench.ended)
        assert [name for key, name in bench.begun if key == "a"] == ["a1"]
        bench.gates["a1"].set()
        await at_rest(runner)
    assert [name for key, name in bench.ended if key == "a"] == ["a1", "a2", "a3"]
    assert [name for key, name in bench.ended if key == "b"] == ["b1", "b2"]


async def test_one_abreast_is_one_at_a_time_in_the_order_of_the_queue(context):
    bench = Bench()
    async with running(context, bench, abreast=1) as runner:
        await queue(context, *[(f"key {n % 3}", str(n)) for n in range(12)])
        await at_rest(runner)
    assert [name for _, name in bench.begun] == [str(n) for n in range(12)]
    assert bench.most == 1


async def test_what_fails_is_tried_again_later_and_holds_nobody_up(context):
    bench = Bench()
    bench.fails["bad"] = 2
    async with running(context, bench) as runner:
        await queue(context, ("a", "bad"), ("b", "good"))
        await at_rest(runner)
        assert bench.ended == [("a", "bad"), ("b", "good")]
        assert runner.failures == 1
        for _ in range(2):
            async with context.db.read() as tx:
                due = await outbox.next_due(tx)
            assert due > context.clock.now()
            context.clock.advance_to(due)
            await at_rest(runner)
        async with context.db.read() as tx:
            assert await outbox.next_due(tx) is None
    assert [name for _, name in bench.ended].count("bad") == 3
    assert runner.failures == 2


async def test_what_is_due_later_waits_for_the_clock(context):
    bench = Bench()
    async with running(context, bench) as runner:
        await queue(context, ("a", "later"), at=NOW + 10 * MINUTE)
        await queue(context, ("a", "now"))
        await at_rest(runner)
        assert bench.ended == [("a", "now")]
        context.clock.advance_to(NOW + 10 * MINUTE)
        await at_rest(runner)
    assert bench.ended == [("a", "now"), ("a", "later")]


async def test_lists_for_thousands_of_stations_hold_up_no_plan(context):
    """Mute stations keep two of eight places, however many lists were queued before; a plan for one of them too."""
    bench = Bench()
    bench.gates = {"list": asyncio.Event()}
    async with running(context, bench) as runner:
        await queue(context, *[(f"station {n}", "list") for n in range(250)], kind="local_list")
        await reached(lambda: len(bench.begun) == 2)
        await queue(context, ("station 0", "plan"), ("place", "plan"))
        await reached(lambda: len(bench.ended) == 2)
        assert {name for _, name in bench.ended} == {"plan"}
        assert len(bench.begun) == 4
        assert runner.busy, "what waits is seen"
        bench.gates["list"].set()
        await at_rest(runner)
    assert Counter(name for _, name in bench.ended) == {"list": 250, "plan": 2}
    assert [key for key, name in bench.ended if name == "list"] == [f"station {n}" for n in range(250)]


async def test_what_falls_due_while_others_wait_for_a_place_is_done_then(context):
    bench = Bench()
    bench.gates = {"list": asyncio.Event()}
    async with running(context, bench) as runner:
        await queue(context, *[(f"station {n}", "list") for n in range(3)], kind="local_list")
        await queue(context, ("place", "plan"), at=NOW + MINUTE)
        await reached(lambda: len(bench.begun) == 2)
        context.clock.advance_to(NOW + MINUTE)
        await reached(lambda: bench.ended == [("place", "plan")])
        bench.gates["list"].set()
        await at_rest(runner)
    assert len(bench.ended) == 4


async def test_one_abreast_does_what_is_slow_last(context):
    bench = Bench()
    await queue(context, ("a", "list"), ("b", "list"), ("c", "list"), kind="local_list")
    await queue(context, ("a", "plan"))
    async with running(context, bench, abreast=1) as runner:
        await at_rest(runner)
    assert bench.begun == [("a", "plan"), ("a", "list"), ("b", "list"), ("c", "list")]


async def test_what_is_asked_for_while_it_is_being_done_is_done_once_more(context):
    """A plan in the making may have looked before the car came that asks for one."""
    bench = Bench()
    bench.gates = {"first": asyncio.Event()}
    async with running(context, bench) as runner:
        await queue(context, ("place", "first"))
        await reached(lambda: bench.begun)
        for _ in range(3):  # three cars, one more plan
            async with context.db.begin() as tx:
                await outbox.put_once(tx, "work", "place", "again", NOW)
        bench.gates["first"].set()
        await at_rest(runner)
    assert [name for _, name in bench.ended] == ["first", "again"]


async def test_what_a_killed_server_had_begun_is_done_by_the_next(context):
    bench = Bench()
    bench.gates = {"long": asyncio.Event()}
    await queue(context, ("a", "long"), ("a", "next"))
    async with running(context, bench):
        await reached(lambda: bench.begun)
    assert bench.ended == []
    after = Bench()
    async with running(context, after) as runner:
        await at_rest(runner)
    assert after.ended == [("a", "long"), ("a", "next")]


async def test_a_database_that_is_away_for_a_while_ends_nothing(context, monkeypatch):
    monkeypatch.setattr(module, "AGAIN_WALL_S", 0.01)
    bench, away = Bench(), [True]
    read = context.db.read

    @asynccontextmanager
    async def read_or_fail():
        if away[0]:
            raise ConnectionError("away")
        async with read() as tx:
            yield tx

    monkeypatch.setattr(context.db, "read", read_or_fail)
    async with running(context, bench) as runner:
        await queue(context, ("a", "a1"))
        await reached(lambda: runner.failures >= 3)
        away[0] = False
        await reached(lambda: bench.ended)
    assert bench.ended == [("a", "a1")]


async def test_a_failure_is_a_value_with_the_name_of_what_happened():
    async def breaks():
        raise LookupError("secret of somebody")

    assert await attempt(breaks(), what="test") == Failure("LookupError")
    with pytest.raises(asyncio.CancelledError):
        await attempt(_cancelled(), what="test")


async def _cancelled():
    raise asyncio.CancelledError
