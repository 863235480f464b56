"""One command to many stations: progress, a stream of it, and an end to it."""

import asyncio
import json

import pytest
from api_edge import bearer, eventually
from operators_desk import OPERATOR, opened
from small_town import OTTO

BULK = "/api/bulk-commands"
RESET = {"action": "Reset", "body": {"type": "Soft"}}


@pytest.fixture
async def desk(context):
    async with opened(context) as desk:
        yield desk


async def ended(desk, job_id):
    while True:
        view = (await desk.api.get(f"{BULK}/{job_id}", headers=OPERATOR)).json()
        if view["state"] != "running":
            return view
        await asyncio.sleep(0.01)


async def test_each_station_is_answered_for_on_its_own(desk):
    async with desk.station(answers={"Reset": {"status": "Accepted"}}):
        begun = await desk.api.post(BULK, json=RESET, headers=OPERATOR)
        assert (begun.status_code, begun.json()["total"]) == (202, 2)
        view = await ended(desk, begun.json()["id"])
    assert (view["state"], view["done"], view["counts"]) == ("done", 2, {"answered": 1, "offline": 1})
    assert {one["station"]: one["status"] for one in view["outcomes"]} == {"LOOTS/1": "answered", "LOOTS/2": "offline"}


async def test_a_command_that_a_station_does_not_know_is_invalid_there(desk):
    begun = await desk.api.post(BULK, json={"action": "Reset", "body": {"type": "Loud"}}, headers=OPERATOR)
    view = await ended(desk, begun.json()["id"])
    assert view["counts"] == {"invalid": 2}
    assert view["outcomes"][0]["complaints"][0].startswith("type: ")


async def test_cancelled_means_that_nobody_else_is_asked(desk):
    async with desk.station("LOOTS/1") as first, desk.station("LOOTS/2") as second:
        begun = (await desk.api.post(BULK, json={**RESET, "abreast": 1}, headers=OPERATOR)).json()
        await eventually(lambda: first.heard or second.heard)
        view = (await desk.api.delete(f"{BULK}/{begun['id']}", headers=OPERATOR)).json()
        await asyncio.sleep(0.1)
    assert (view["state"], view["done"]) == ("cancelled", 0)
    assert len(first.heard) + len(second.heard) == 1


async def test_no_more_than_asked_for_side_by_side(desk):
    async with desk.station("LOOTS/1") as first, desk.station("LOOTS/2") as second:
        begun = (await desk.api.post(BULK, json={**RESET, "abreast": 2}, headers=OPERATOR)).json()
        await eventually(lambda: first.heard and second.heard)
        await desk.api.delete(f"{BULK}/{begun['id']}", headers=OPERATOR)
    answer = await desk.api.post(BULK, json={**RESET, "abreast": 0}, headers=OPERATOR)
    assert answer.status_code == 400


async def test_progress_is_streamed_until_the_end(desk):
    begun = (await desk.api.post(BULK, json=RESET, headers=OPERATOR)).json()
    answer = await desk.api.get(f"{BULK}/{begun['id']}/live", headers=OPERATOR)
    told = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    assert [view["done"] for view in told] == sorted(view["done"] for view in told)


async def test_a_stranger_finds_neither_the_stations_nor_the_job(desk):
    begun = (await desk.api.post(BULK, json=RESET, headers=OPERATOR)).json()
    otto = bearer(OTTO)
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/live")):
        assert (await desk.api.request(method, f"{BULK}/{begun['id']}{path}", headers=otto)).status_code == 404
    answer = await desk.api.post(BULK, json={**RESET, "stations": ["LOOTS/1"]}, headers=otto)
    assert answer.status_code == 404
    assert (await desk.api.post(BULK, json=RESET, headers=otto)).json()["total"] == 0
