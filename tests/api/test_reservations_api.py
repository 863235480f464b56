"""A driver reserves an EVSE over the API, an operator sees and ends reservations at its stations; strangers do not."""

import pytest
from small_town import HOME_EVSE, NOW, STREET_EVSE_1, STREET_EVSE_2, STREET_STATION_1

from server.storage import reservations
from shared.sessions import CommandAnswer


@pytest.fixture
def edge(context):
    """The stations, as the API asks them."""
    return context.commands


@pytest.fixture
def operators(olga, otto):
    """Who runs the station, and who runs another."""
    return olga, otto


ASK = {"evse_id": str(STREET_EVSE_1), "minutes": 20}


async def make(api, anna):
    answer = await api.post("/api/reservations", json=ASK, headers=anna)
    assert answer.status_code == 201
    return answer.json()


async def test_a_driver_reserves_sees_and_cancels(api, edge, anna, bert):
    made = await make(api, anna)
    assert (made["confirmed"], made["location_name"]) == (True, "Lootsstraat")
    assert edge.told == [("reserve", STREET_STATION_1, 1, "ANNA-CARD")]
    assert [one["id"] for one in (await api.get("/api/reservations", headers=anna)).json()] == [made["id"]]
    assert (await api.get("/api/reservations", headers=bert)).json() == []
    assert (await api.delete(f"/api/reservations/{made['id']}", headers=bert)).status_code == 404
    again = await api.post("/api/reservations", json=ASK, headers=anna)
    assert (again.status_code, again.json()["code"]) == (409, "reserved_already")
    assert (await api.delete(f"/api/reservations/{made['id']}", headers=anna)).status_code == 204
    assert edge.told[-1] == ("cancel", STREET_STATION_1, made["id"])
    assert (await api.get("/api/reservations", headers=anna)).json() == []
    assert (await api.delete(f"/api/reservations/{made['id']}", headers=anna)).status_code == 404


async def test_what_a_station_says_to_it_is_what_the_driver_reads(api, edge, anna):
    edge.answer = CommandAnswer("rejected", "Occupied")
    answer = await api.post("/api/reservations", json=ASK, headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (409, "station_refused")
    assert "Occupied" in answer.json()["hint"]
    edge.answer = CommandAnswer("accepted")
    made = await make(api, anna)
    edge.answer = CommandAnswer("offline")
    assert (await api.delete(f"/api/reservations/{made['id']}", headers=anna)).status_code == 409
    assert len((await api.get("/api/reservations", headers=anna)).json()) == 1  # the station keeps it


@pytest.mark.parametrize(
    ("evse", "status", "code"),
    [(STREET_EVSE_2, 409, "station_offline"), (HOME_EVSE, 404, "not_found")],
)
async def test_what_cannot_be_reserved(api, bert, evse, status, code):
    answer = await api.post("/api/reservations", json={"evse_id": str(evse)}, headers=bert)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_an_operator_sees_and_ends_what_is_reserved_at_its_stations_a_stranger_does_not(
    api, context, anna, operators
):
    olga, otto = operators
    made = await make(api, anna)
    path = f"/api/stations/{STREET_STATION_1}/reservations"
    assert [one["id"] for one in (await api.get(path, headers=olga)).json()] == [made["id"]]
    assert "account" not in str((await api.get(path, headers=olga)).json())
    assert (await api.get(path, headers=otto)).status_code == 404
    assert (await api.delete(f"{path}/{made['id']}", headers=otto)).status_code == 404
    assert (await api.get(path, headers=anna)).status_code == 403
    assert (await api.delete(f"{path}/{made['id']}", headers=olga)).status_code == 204
    assert context.commands.told[-1][0] == "cancel"
    async with context.db.read() as tx:
        assert await reservations.at_station(tx, STREET_STATION_1, NOW) == []


@pytest.mark.parametrize("path", ["/api/reservations", f"/api/stations/{STREET_STATION_1}/reservations"])
async def test_a_number_that_no_reservation_has_is_refused(api, anna, olga, path):
    whose = olga if "stations" in path else anna
    answer = await api.delete(f"{path}/17233188485624181521645568", headers=whose)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
