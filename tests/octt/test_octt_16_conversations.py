"""OCPP 1.6 compliancy cases, CSMS: what we ask and what follows; each case by its id. The rows are in `cases_16`."""

import asyncio
import json

import pytest
from cases_16 import CASES
from cases_201 import Ask
from gateway_town import ask, station_of
from teller_16 import judge
from v2_station import heard

CP1 = station_of("CP1")


async def we_ask(edge, socket, step: Ask) -> None:
    asked = asyncio.create_task(edge.gateway.call(CP1, step.command, 10))
    kind, message_id, action, payload = await heard(socket)
    assert (kind, action) == (2, type(step.command).__name__)
    judge(2, action, payload)
    assert inside(step.says, payload)
    judge(3, action, step.answer)  # the station of the case is a proper one
    await socket.send(json.dumps([3, message_id, step.answer]))
    outcome = await asked
    wanted = step.answer.get("status", "") if step.status is None else step.status
    assert (outcome.status, getattr(outcome.answer, "status", "")) == ("answered", wanted)
    assert outcome.accepted == (wanted == "Accepted")


def inside(part, whole) -> bool:
    """Is all of `part` in `whole`, at any depth?"""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and inside(one, whole[name]) for name, one in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(inside, part, whole))
    return part == whole


@pytest.mark.parametrize("steps", CASES.values(), ids=[f"{name}_CSMS" for name in CASES])
async def test_a_conversation_goes_as_the_case_has_it(edge, steps):
    assert steps
    async with edge.station("CP1", ["ocpp1.6"]) as socket:
        for number, step in enumerate(steps):
            if isinstance(step, Ask):
                await we_ask(edge, socket, step)
                continue
            judge(2, step.action, step.payload)
            kind, _, answer = await ask(socket, step.action, step.payload, f"s{number}")
            assert kind == 3
            judge(3, step.action, answer)
            assert inside(step.hears, answer)
            assert any(step.action in frame for way, frame in edge.flows.frames if way == "in")


@pytest.mark.parametrize("message", ["ReserveNow", "SendLocalList"])
async def test_what_a_station_answers_to_a_list_or_a_reservation_is_read_tolerantly(edge, message):
    command = CASES["TC_046" if message == "ReserveNow" else "TC_043_4"][0].command
    async with edge.station("CP1", ["ocpp1.6"]) as socket:
        asked = asyncio.create_task(edge.gateway.call(CP1, command, 10))
        _, message_id, _, _ = await heard(socket)
        await socket.send(json.dumps([3, message_id, {}]))
        assert ((await asked).status, (await asked).accepted) == ("answered", False)
