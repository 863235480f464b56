"""OCTT 2.0.1, CSMS: what an operator asks and what follows, blocks B, D, F to I, K to P; each case by its id.

The rows are in `rows_201_charging` and `rows_201_upkeep`, their words in `cases_201`.
"""

import pytest
import rows_201_charging
import rows_201_upkeep
from cases_201 import Ask, charge, profile, refused
from operators_line import line

from server.gateway.actions import ASKED

pytestmark = pytest.mark.asyncio(loop_scope="module")
BLOCKS = (*rows_201_charging.BLOCKS, *rows_201_upkeep.BLOCKS)
CASES = {name: steps for block in BLOCKS for name, steps in block.items()}


@pytest.mark.parametrize("name", CASES)
async def test_a_conversation_goes_as_the_case_has_it(desk, name):
    async with line(desk, f"{name}_CSMS", "2.0.1") as station:
        await station.go(CASES[name])


async def test_operators_ask_everything_that_the_version_has():
    asked = {step.action for steps in CASES.values() for step in steps if isinstance(step, Ask)}
    elsewhere = {"CertificateSigned", "DataTransfer", "GetTransactionStatus", "RequestStopTransaction"}
    assert asked | elsewhere == set(ASKED["2.0.1"])


async def test_tc_k_15_csms_a_station_without_smart_charging_says_so(desk):
    body = profile("TxDefaultProfile", 1)
    because = {"statusInfo": {"reasonCode": "UnsupportedRequest"}}
    async with line(desk, "TC_K_15_CSMS", "2.0.1") as station:
        outcome = await station.is_asked(refused("SetChargingProfile", body, "Rejected", **because))
        assert outcome["answer"]["status"] == "Rejected"
        outcome = await station.is_asked(charge("TxDefaultProfile", 1), "NotSupported")
        assert (outcome["status"], outcome["detail"]) == ("refused", "so")
