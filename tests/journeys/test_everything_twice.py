"""A station that never trusts an answer: whatever it says, it says again."""

import asyncio
import json

from journey_stage import clock_time, on_stage, person, town_of, visit

from server.simulator.faults import Fault, FaultKind

PLUGGED, UNPLUGGED = clock_time(0, "18:05"), clock_time(1, "07:40")
FREYA = person("HOME-2")


async def test_with_new_message_ids_there_is_one_session_and_one_settlement(tmp_path):
    town = town_of(visit("HOME-2", PLUGGED, UNPLUGGED, 40, faults=(Fault(FaultKind.SENDS_TWICE),)))
    async with on_stage(town, tmp_path) as stage:
        await stage.until(town.end)
        starts, stops = (stage.calls("HOME-2", f"{kind}Transaction") for kind in ("Start", "Stop"))
        assert [len({payload["meterStart"] for _, _, payload in starts}), len({id_ for _, id_, _ in starts})] == [1, 2]
        assert len({id_ for _, id_, _ in stops}) == len(stops) == 2
        (session,) = await stage.sessions()
        (seen,) = stage.report().sessions
        receipt, wallet = await stage.receipt(FREYA, session.id), await stage.wallet(FREYA)
        assert receipt.energy_wh == seen.energy_wh
        assert wallet.balance_minor == receipt.split.driver_minor > 0
        assert (await stage.events(session.id)).count("settled") == 1
        assert stage.report().trouble == ()  # both starts were answered with the same transaction
        assert await stage.books() == (0, 0)


async def test_with_the_same_message_ids_it_is_answered_the_same_and_nothing_more_happens(tmp_path):
    town = town_of(visit("HOME-2", PLUGGED, UNPLUGGED, 40))
    async with on_stage(town, tmp_path) as stage:
        await stage.until(clock_time(0, "18:30"))
        await say_again(stage, "StartTransaction", "MeterValues")
        await stage.until(town.end)
        (before,) = await stage.sessions()
        receipt = await stage.receipt(FREYA, before.id)
        await say_again(stage, "StartTransaction", "MeterValues", "StopTransaction")
        (after,) = await stage.sessions()
        assert after == before
        assert await stage.receipt(FREYA, before.id) == receipt
        assert (await stage.wallet(FREYA)).balance_minor == receipt.split.driver_minor
        assert (await stage.events(before.id)).count("settled") == 1
        assert await stage.books() == (0, 0)


async def say_again(stage, *actions):
    """Send frames of the past once more, byte for byte, and hold the answers against the first ones."""
    rows = [json.loads(row) for row in stage.sink.getvalue().splitlines()]
    frames = [json.loads(row["frame"]) for row in rows]
    answers = {frame[1]: frame[2] for frame in frames if frame[0] == 3}
    link = stage.runner.links[stage.number("HOME-2")]
    for frame in frames:
        if frame[0] == 2 and frame[2] in actions:
            heard = await ask_raw(link, frame)
            assert heard == [3, frame[1], answers[frame[1]]]
            await stage.settle()


async def ask_raw(link, frame):
    """Send a frame over the station's own socket and give the answer to it."""
    heard = []
    inner = link._wire._note
    link._wire._note = lambda direction, text: (inner(direction, text), heard.append((direction, text)))
    try:
        await link._wire._socket.send(json.dumps(frame))
        for _ in range(2_000):
            if heard:
                return json.loads(heard[0][1])
            await asyncio.sleep(0.002)
        raise AssertionError("no answer")
    finally:
        link._wire._note = inner
