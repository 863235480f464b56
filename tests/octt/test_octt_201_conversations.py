"""OCTT 2.0.1, CSMS: what we ask and what follows, blocks B, D, F to I, K to P; each case by its id.

The rows are in `rows_201_charging` and `rows_201_upkeep`, their words in `cases_201`.
"""

import asyncio
import json

import pytest
import rows_201_charging
import rows_201_upkeep
from cases_201 import Ask, profile
from gateway_town import ask, station_of
from v2_station import heard, judge_call, judge_result

CP1, VERSION = station_of("CP1"), "ocpp2.0.1"
BLOCKS = (*rows_201_charging.BLOCKS, *rows_201_upkeep.BLOCKS)
CASES = {f"{name}_CSMS": steps for block in BLOCKS for name, steps in block.items()}


async def we_ask(edge, socket, step: Ask) -> None:
    asked = asyncio.create_task(edge.gateway.call(CP1, step.command, 10))
    kind, message_id, action, payload = await heard(socket)
    assert (kind, action) == (2, type(step.command).__name__)
    judge_call(VERSION, action, payload)
    assert _inside(step.says, payload)
    judge_result(VERSION, action, step.answer)  # the station of the case is a proper one
    await socket.send(json.dumps([3, message_id, step.answer]))
    outcome = await asked
    wanted = step.answer.get("status", "") if step.status is None else step.status
    assert (outcome.status, getattr(outcome.answer, "status", "")) == ("answered", wanted)
    assert outcome.accepted == (wanted == "Accepted")


def _inside(part, whole) -> bool:
    """Is all of `part` in `whole`, at any depth?"""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and _inside(one, whole[name]) for name, one in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(map(_inside, part, whole))
    return part == whole


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES.keys())
async def test_a_conversation_goes_as_the_case_has_it(edge, steps):
    assert steps
    async with edge.station("CP1", [VERSION]) as socket:
        for number, step in enumerate(steps):
            if isinstance(step, Ask):
                await we_ask(edge, socket, step)
                continue
            judge_call(VERSION, step.action, step.payload)
            kind, _, answer = await ask(socket, step.action, step.payload, f"s{number}")
            assert kind == 3
            judge_result(VERSION, step.action, answer)
            assert _inside(step.hears, answer)
            assert any(step.action in frame for way, frame in edge.flows.frames if way == "in")


@pytest.mark.parametrize("answer", [None, {"status": "Rejected", "statusInfo": {"reasonCode": "UnsupportedRequest"}}])
async def test_tc_k_15_csms_a_station_without_smart_charging_says_so(edge, answer):
    async with edge.station("CP1", [VERSION]) as socket:
        asked = asyncio.create_task(edge.gateway.call(CP1, profile("TxDefaultProfile", 1), 10))
        _, message_id, _, _ = await heard(socket)
        error = [4, message_id, "NotSupported", "no smart charging", {}]
        await socket.send(json.dumps(error if answer is None else [3, message_id, answer]))
        outcome = await asked
    assert not outcome.accepted
    assert (outcome.status, outcome.error_code) == (("error", "NotSupported") if answer is None else ("answered", ""))
