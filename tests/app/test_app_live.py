import asyncio
from collections.abc import AsyncIterator

import pytest
from town_facts import NOW

from app import live
from app.failures import signed_out, unreachable
from app.state import AppState, LinkState
from shared.wire import ClockChanged, LiveEvent

TICK = ClockChanged(NOW, 60, demo=True)


class Line:
    """A line to a server: what happens each time it is dialled."""

    def __init__(self, *calls: list[LiveEvent | Exception | None]) -> None:
        self.calls = list(calls)
        self.dialled = 0

    async def __call__(self) -> AsyncIterator[LiveEvent | None]:
        self.dialled += 1
        for item in self.calls.pop(0) if self.calls else [signed_out()]:
            if isinstance(item, Exception):
                raise item
            yield item


async def followed(line: Line, monkeypatch: pytest.MonkeyPatch) -> tuple[AppState, list[float], list[LinkState]]:
    state, waits, seen = AppState(), [], []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        seen.append(state.link.state)

    async def react(_event: LiveEvent | None) -> None:
        seen.append(state.link.state)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await live.follow(state, line, react)
    return state, waits, seen


async def test_news_reach_the_state_and_the_line_counts_as_online(monkeypatch: pytest.MonkeyPatch) -> None:
    state, _, seen = await followed(Line([None, TICK]), monkeypatch)
    assert state.clock.now == NOW
    assert seen[:2] == [LinkState.ONLINE, LinkState.ONLINE]


async def test_a_stream_that_ends_in_good_order_is_opened_again_without_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    _, waits, seen = await followed(Line([None], [None]), monkeypatch)
    assert LinkState.OFFLINE not in seen
    assert len(waits) == 2


async def test_waits_grow_to_half_a_minute_and_start_again_after_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[LiveEvent | Exception | None] = [unreachable()]
    line = Line(*[list(broken) for _ in range(7)], [None, unreachable()])
    _, waits, seen = await followed(line, monkeypatch)
    assert seen.count(LinkState.OFFLINE) == 8
    for number, wait in enumerate(waits[:7]):
        longest = min(30.0, 2.0**number)
        assert longest / 2 <= wait <= longest
    assert waits[7] <= 1.0


async def test_a_sign_in_that_is_gone_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line([signed_out()])
    await followed(line, monkeypatch)
    assert line.dialled == 1
