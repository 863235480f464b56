"""OCPP 1.6 compliancy cases, CSMS: what an operator asks and what follows; each case by its id. Rows: `cases_16`."""

import pytest
from cases_16 import CASES
from operators_line import line

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("name", CASES)
async def test_a_conversation_goes_as_the_case_has_it(desk, name):
    async with line(desk, f"{name}_CSMS", "1.6") as station:
        await station.go(CASES[name])
