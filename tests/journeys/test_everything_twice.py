"""A station that never trusts an answer: whatever it says, it says again."""

import asyncio
import json
from datetime import timedelta

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
        # What it had kept back changes the receipt, once, however often it is said.
        late = kept_back(stage)
        for number in range(3):
            call = [2, f"late-{number}", "MeterValues", late]
            assert await ask_raw(stage.runner.links[stage.number("HOME-2")], call) == [3, f"late-{number}", {}]
            await stage.until(town.end + (number + 1) * timedelta(minutes=20))
        corrected = await stage.receipt(FREYA, before.id)
        assert (corrected.revision, corrected.energy_wh) == (2, receipt.energy_wh)
        assert [slot.actual_wh for slot in corrected.slots] != [slot.actual_wh for slot in receipt.slots]
        assert (await stage.wallet(FREYA)).balance_minor == corrected.split.driver_minor
        assert (await stage.events(before.id)).count("corrected") == 1
        assert await stage.books() == (0, 0)


def kept_back(stage):
    """Readings that say that what flowed in one quarter hour had flowed a quarter hour before: higher ones count."""
    calls = [payload for _, _, payload in stage.calls("HOME-2", "MeterValues")]
    meters = [payload["meterValue"][0] for payload in calls]
    registers = [int(meter["sampledValue"][0]["value"]) for meter in meters]
    first = next(number for number in range(1, len(meters)) if registers[number] > registers[0])
    late = {**meters[first + 1], "timestamp": meters[first]["timestamp"]}
    return {**calls[first], "meterValue": [late]}


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
