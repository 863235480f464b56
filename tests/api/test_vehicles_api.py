"""The driver's cars over the API."""

from uuid import uuid4

import small_town
from small_town import ANNAS_CAR, BERTS_CAR, HOME, NOW

from server.flows import vehicles
from server.storage import outbox

CAR = {"name": "Grote rode", "capacity_wh": 77_000, "max_ac_w": 11_040, "phases": 3, "target_pct": 90}


async def test_a_change_is_kept_and_plans_the_plugged_in_car_anew(api, context, anna):
    await small_town.plug_in(context.db, NOW)
    async with context.db.begin() as tx:
        await outbox.done(tx, [task.id for task in await outbox.due(tx, NOW)], NOW)
    answer = await api.put(f"/api/vehicles/{ANNAS_CAR}", json=CAR, headers=anna)
    assert (answer.status_code, answer.json()) == (200, {"id": str(ANNAS_CAR), **CAR})
    assert (await api.get("/api/vehicles", headers=anna)).json() == [{"id": str(ANNAS_CAR), **CAR}]
    async with context.db.read() as tx:
        assert [task.key for task in await outbox.due(tx, NOW)] == [str(HOME)]


async def test_a_new_car_comes_under_an_id_of_its_drivers_choice_and_a_repeat_is_no_second(api, anna):
    car_id = uuid4()
    first = await api.put(f"/api/vehicles/{car_id}", json=CAR, headers=anna)
    again = await api.put(f"/api/vehicles/{car_id}", json=CAR, headers=anna)
    assert (first.status_code, again.status_code) == (201, 200)
    assert len((await api.get("/api/vehicles", headers=anna)).json()) == 2


async def test_an_account_holds_ten_cars(api, anna):
    for _ in range(vehicles.CARS_MAX - 1):
        assert (await api.put(f"/api/vehicles/{uuid4()}", json=CAR, headers=anna)).status_code == 201
    answer = await api.put(f"/api/vehicles/{uuid4()}", json=CAR, headers=anna)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_cars")


async def test_berts_car_stays_as_it_is(api, anna, bert):
    before = (await api.get("/api/vehicles", headers=bert)).json()
    answer = await api.put(f"/api/vehicles/{BERTS_CAR}", json=CAR, headers=anna)
    assert answer.status_code == 404
    assert (await api.get("/api/vehicles", headers=bert)).json() == before
