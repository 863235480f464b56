"""What a station reported of itself, page by page, for its operator alone."""

import pytest
from api_edge import bearer
from operators_desk import OPERATOR, opened
from small_town import ANNA, NOW, OTTO, STREET_STATION_1

from server.core.inventory import ReportItem, ReportPart
from server.flows import inventory

PATH = "/api/stations/LOOTS%2F1/inventory"


@pytest.fixture
async def desk(context):
    async with opened(context) as desk:
        yield desk


async def test_an_operator_pages_through_what_a_station_reported_and_strangers_do_not(desk):
    items = tuple(ReportItem(f"Part{number} Temperature", f'{{"value":"{number}"}}') for number in range(5))
    async with desk.context.db.begin() as tx:
        await inventory.keep(tx, STREET_STATION_1, ReportPart("variable", 1, 0, True, items), NOW)
    found, cursor = [], None
    while True:
        query = {"kind": "variable", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await desk.api.get(PATH, headers=OPERATOR, params=query)).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [(one["name"], one["said"]["value"]) for one in found] == [
        (f"Part{number} Temperature", str(number)) for number in range(5)
    ]
    for words, names in (
        ("part3", ["Part3"]),
        ("temp PART 4", ["Part4"]),
        ("%", []),
        ('"value":"2"', ["Part2"]),
        ("", 5),
    ):
        query = {"kind": "variable", "text": words}
        items = (await desk.api.get(PATH, headers=OPERATOR, params=query)).json()["items"]
        assert len(items) == 5 if names == 5 else [one["name"].split()[0] for one in items] == names
    reports = (await desk.api.get(PATH, headers=OPERATOR, params={"kind": "report"})).json()["items"]
    assert [(one["name"], one["complete"]) for one in reports] == [("variable 1", True)]
    for stranger, status in ((OTTO, 404), (ANNA, 403)):
        answer = await desk.api.get(PATH, headers=bearer(stranger))
        assert answer.status_code == status
        assert "Temperature" not in answer.text
