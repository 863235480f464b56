"""Frames of real chargers, as public reports have them: each is answered with a result, and means what it should."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from gateway_town import station_of

from server.gateway import rpc
from server.gateway.v16 import commands as c

pytestmark = pytest.mark.realdata
CP1 = station_of("CP1")


def frames(shared_dir: Path, kind: int, direction: str = "cp>csms") -> list[dict]:
    lines = (shared_dir / "data" / "ocpp" / "real_frames.jsonl").read_text("utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["frame"][0] == kind and one["dir"] == direction]


async def tell(socket, frame: list) -> list:
    await socket.send(json.dumps(frame))
    return json.loads(await asyncio.wait_for(socket.recv(), 30))


SHELF = Path(os.environ.get("DALSTROOM_SHARED") or Path(__file__).parents[3] / "shared")
FRAMES = SHELF / "data" / "ocpp" / "real_frames.jsonl"
EVERY = [json.loads(line) for line in FRAMES.read_text("utf-8").splitlines()] if FRAMES.exists() else []


@pytest.mark.parametrize("one", EVERY, ids=[f"{number}-{one['src'][:40]}" for number, one in enumerate(EVERY, 1)])
async def test_this_frame_of_a_real_station(town, one):
    """A call gets a result; what a central system said is read as a frame; an answer leaves the line as it was."""
    frame = one["frame"]
    raw = json.dumps(frame).encode()
    assert not isinstance(rpc.decode(raw, 255), rpc.Malformed)
    if one["dir"] != "cp>csms":
        return
    async with town.station() as socket:
        if frame[0] == 2:
            assert (await tell(socket, frame))[:2] == [3, frame[1]]
        else:
            await socket.send(raw)
        assert (await tell(socket, [2, "next", "Heartbeat", {}]))[:2] == [3, "next"]
    assert town.gateway.counts["handler_failures"] == 0


async def test_every_call_of_a_real_station_gets_a_result(town, shared_dir):
    calls = frames(shared_dir, 2)
    assert len(calls) >= 20
    async with town.station() as socket:
        for call in calls:
            answer = await tell(socket, call["frame"])
            assert answer[:2] == [3, call["frame"][1]], call["src"]
    assert town.gateway.counts["handler_failures"] == 0


async def readings_of(town, shared_dir, source: str) -> list:
    async with town.station() as socket:
        for call in frames(shared_dir, 2):
            if call["src"].startswith(source) and call["frame"][2] == "MeterValues":
                await tell(socket, call["frame"])
    return [reading for info in town.flows.told("readings") for reading in info.readings]


async def test_three_phases_of_power_are_summed(town, shared_dir):
    first, *_ = await readings_of(town, shared_dir, "AcTec")
    assert first.register_wh == 60
    assert first.phase_current_ma == (6560, 6290, 6510)
    assert first.power_w > 1487 + 1429


async def test_the_periodic_register_counts_where_the_begin_comes_along(town, shared_dir):
    (reading,) = await readings_of(town, shared_dir, "Growatt")
    assert reading.register_wh == 56
    assert reading.at.isoformat() == "2025-01-03T15:21:47+00:00"
    assert reading.current_ma == 9450


async def test_values_that_come_one_by_one_are_one_reading(town, shared_dir):
    (reading,) = await readings_of(town, shared_dir, "Zaptec")
    assert (reading.register_wh, reading.power_w, reading.phase_current_ma) == (4296944685, 0, (0, 0, 0))


async def test_tenths_of_wh_and_times_ahead_of_ours_are_taken_as_they_are(town, shared_dir):
    assert [reading.register_wh for reading in await readings_of(town, shared_dir, "KEBA")] == [64860, 51609]


async def test_a_bare_value_is_a_register(town, shared_dir):
    assert [reading.register_wh for reading in await readings_of(town, shared_dir, "Blink")] == [6515723]


@pytest.mark.parametrize(("quirks", "register_wh"), [((), 8), (("kwh_as_wh", "no_subprotocol"), 7920)])
async def test_the_one_that_says_wh_and_means_kwh_is_known_by_its_quirk(town, shared_dir, quirks, register_wh):
    town.flows.quirks["CP1"] = quirks
    (reading,) = await readings_of(town, shared_dir, "Grizzl-E")
    assert (reading.register_wh, reading.power_w, reading.current_ma) == (register_wh, 3731, 16060)


@pytest.mark.parametrize(
    ("source", "command"),
    [("AcTec", c.Reset("Soft")), ("Orbis", c.GetCompositeSchedule(1, 60)), ("Wallbox", c.GetConfiguration())],
)
async def test_every_answer_of_a_real_station_is_read(town, shared_dir, source, command):
    answers = [one["frame"] for one in frames(shared_dir, 3) if one["src"].startswith(source)]
    assert answers
    async with town.station() as socket:
        for answer in answers:
            asked = asyncio.create_task(town.gateway.call(CP1, command, 5))
            call = json.loads(await asyncio.wait_for(socket.recv(), 30))
            await socket.send(json.dumps([3, call[1], answer[2]]))
            assert (await asked).status == "answered"
