"""Where many lines break in one moment they are told of in turns; a few at once."""

import asyncio
from contextlib import AsyncExitStack

from gateway_town import KEY, station_of, until

from server.gateway import farewells
from server.gateway.farewells import AT_ONCE, Farewells


async def test_as_many_as_a_round_bears_are_told_of_at_once_and_the_rest_in_its_next_rounds_in_order():
    told, some = [], Farewells()
    for number in range(2 * AT_ONCE + 5):
        some.say(lambda number=number: told.append(number))
    assert told == list(range(AT_ONCE))
    await asyncio.sleep(0)
    assert told == list(range(2 * AT_ONCE))
    some.say(lambda: told.append("late"))
    assert told[-1] != "late", "who came before is told of before"
    await asyncio.sleep(0)
    assert told == [*range(2 * AT_ONCE + 5), "late"]
    await asyncio.sleep(0)
    some.say(lambda: told.append("again"))
    assert told[-1] == "again", "a new round has room"


async def test_stations_whose_lines_break_together_are_all_told_of(town, monkeypatch):
    monkeypatch.setattr(farewells, "AT_ONCE", 1)
    names = [f"CP{number}" for number in range(1, 6)]
    town.flows.keys.update(dict.fromkeys(names, KEY))
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(town.station(name)) for name in names]
        await town.quiet()
        for line in lines:
            line.transport.abort()
        await until(lambda: len(town.flows.told("disconnected")) == len(names))
    assert not any(town.gateway.online(station_of(name)) for name in names)
