"""OCTT 2.0.1, CSMS: signing in by name and key (A), and the final cost (I)."""

import pytest
from gateway_town import basic
from small_town import STATION_KEY
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

CARD = "ANNA-CARD"


# --- I: what it costs ---------------------------------------------------------------------------
async def test_tc_i_02_csms_the_end_is_answered_with_the_final_cost(case):
    """Street asks EUR 0.42 a kWh; a repeat of the end hears the same, and at home nobody is charged."""
    async with case.station("LOOTS%2F1") as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        await station.charge(8_000)
        answers = []
        for _ in range(2):
            answers.append(await station.event("Ended", "EVDeparted", "Idle", reason="EVDisconnected"))
            station.seq_no -= 1
    assert answers == [{"totalCost": 3.36}] * 2
    async with case.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        await station.charge(8_000)
        assert await station.event("Ended", "EVDeparted", "Idle", reason="EVDisconnected") == {}


# --- A: signing in ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("user", "key", "status"),
    [
        pytest.param("HOME-1", STATION_KEY, 101, id="TC_A_01_CSMS"),
        pytest.param("HOME-2", STATION_KEY, 401, id="TC_A_02_CSMS"),
        pytest.param("HOME-1", STATION_KEY[::-1], 401, id="TC_A_03_CSMS"),
    ],
)
async def test_a_station_signs_in_by_its_name_and_key(case, user, key, status):
    url = f"ws://127.0.0.1:{case.gateway.port}/ocpp/HOME-1"
    signing = connect(url, additional_headers=basic(user, key.encode()), subprotocols=["ocpp2.0.1"])
    if status == 101:
        async with signing as socket:
            assert socket.subprotocol == "ocpp2.0.1"
        return
    with pytest.raises(InvalidStatus) as refused:
        async with signing:
            pass
    assert refused.value.response.status_code == status
