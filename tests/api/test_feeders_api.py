"""Shared limits over the API: entered, changed and removed by who runs a place, or lives there; nobody else."""

import pytest
import small_town
from small_town import HOME, NOW, STREET, STREET_STATION_1, STREET_STATION_2

from server.storage import outbox, stations

FEEDERS = f"/api/locations/{STREET}/feeders"
MAIN = str(small_town.an_id("feeder"))


async def made(api, who, path=FEEDERS, **said):
    answer = await api.post(path, json=said, headers=who)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def errors(api, who, **said):
    answer = await api.post(FEEDERS, json=said, headers=who)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    return {one["field"]: one["message"] for one in answer.json()["errors"]}


async def queued(context):
    async with context.db.begin() as tx:
        waiting = await outbox.due(tx, NOW)
        await outbox.done(tx, [task.id for task in waiting], NOW)
    return {(task.kind, task.key) for task in waiting}


def told(kind, *keys):
    return {(kind, str(key)) for key in keys}


async def test_an_operator_sees_the_limit_of_its_place_with_what_hangs_on_it(api, olga):
    (main,) = (await api.get(FEEDERS, headers=olga)).json()
    assert (main["id"], main["parent_id"], main["limit_ma"], main["limit_w"]) == (MAIN, None, [25_000] * 3, None)
    assert (main["stations"], main["sockets"], main["safe_share_ma"]) == (["LOOTS/1", "LOOTS/2"], 2, 12_500)


async def test_a_limit_inside_of_another_takes_a_station_and_who_has_another_share_is_told(api, context, olga):
    inner = await made(api, olga, name="Corner", parent_id=MAIN, limit_ma=[10_000], stations=["LOOTS/1"])
    assert (inner["limit_ma"], inner["safe_share_ma"], inner["sockets"]) == ([10_000] * 3, 10_000, 1)
    assert await queued(context) == told("configure", STREET_STATION_1) | told("replan", STREET)
    main, corner = (await api.get(FEEDERS, headers=olga)).json()
    assert (main["sockets"], main["stations"], main["safe_share_ma"]) == (2, ["LOOTS/2"], 12_500)
    assert corner == inner


async def test_a_lower_limit_is_planned_with_and_all_below_it_are_told(api, context, olga):
    load = {"from_local": "07:00", "to_local": "19:00", "load_w": 2_070}
    changes = {"limit_ma": [16_000, 20_000, 25_000], "limit_w": 11_500, "base_load": [load], "name": " Mast "}
    changed = (await api.patch(f"{FEEDERS}/{MAIN}", json=changes, headers=olga)).json()
    assert (changed["name"], changed["limit_ma"], changed["base_load"]) == ("Mast", [16_000, 20_000, 25_000], [load])
    assert changed["safe_share_ma"] == 6_500  # 16 A less 3 A of the building, for two
    both = told("configure", STREET_STATION_1, STREET_STATION_2)
    assert await queued(context) == both | told("replan", STREET)
    again = await api.patch(f"{FEEDERS}/{MAIN}", json={"limit_ma": None, "limit_w": 100_000}, headers=olga)
    assert (again.json()["limit_ma"], again.json()["limit_w"]) == (None, 100_000)


async def test_a_station_taken_off_all_limits_may_be_kept_a_list_of_tokens_again(api, context, olga):
    changed = await api.patch(f"{FEEDERS}/{MAIN}", json={"without": ["LOOTS/2"]}, headers=olga)
    assert (changed.json()["stations"], changed.json()["safe_share_ma"]) == (["LOOTS/1"], 25_000)
    both = told("configure", STREET_STATION_1, STREET_STATION_2)
    assert await queued(context) == both | told("local_list", STREET_STATION_2) | told("replan", STREET)
    async with context.db.read() as tx:
        assert (await stations.get(tx, STREET_STATION_2)).feeder_id is None


async def test_what_hung_on_a_limit_that_is_gone_hangs_where_it_did(api, context, olga):
    inner = await made(api, olga, name="Corner", parent_id=MAIN, limit_w=9_000, stations=["LOOTS/1"])
    await made(api, olga, name="Deep", parent_id=inner["id"], limit_w=8_000, stations=["LOOTS/2"])
    assert (await api.delete(f"{FEEDERS}/{inner['id']}", headers=olga)).status_code == 204
    main, deep = (await api.get(FEEDERS, headers=olga)).json()
    assert (main["stations"], deep["parent_id"], deep["stations"]) == (["LOOTS/1"], MAIN, ["LOOTS/2"])
    assert (await api.delete(f"{FEEDERS}/{inner['id']}", headers=olga)).status_code == 404


async def test_what_cannot_be_is_refused_and_says_what_to_do(api, olga, context):
    elsewhere = str(small_town.an_id("elsewhere"))
    assert "limit_w, limit_ma or both" in (await errors(api, olga, name="A"))["limit_ma"]
    assert "1 to 10000000" in (await errors(api, olga, name="A", limit_ma=[0]))["limit_ma"]
    assert "one value" in (await errors(api, olga, name="A", limit_ma=[1_000, 2_000]))["limit_ma"]
    strange = await errors(api, olga, name="A", limit_w=1_000, parent_id=elsewhere, stations=["HOME-1"])
    assert "a limit of this place" in strange["parent_id"]
    assert "no station HOME-1" in strange["stations"]
    await made(api, olga, name="Corner", parent_id=MAIN, limit_w=9_000)
    assert "another one" in (await errors(api, olga, name="corner", limit_w=1_000))["name"]
    inner = (await api.get(FEEDERS, headers=olga)).json()[1]["id"]
    for parent in (inner, MAIN):
        ring = await api.patch(f"{FEEDERS}/{MAIN}", json={"parent_id": parent}, headers=olga)
        assert (ring.status_code, ring.json()["errors"][0]["field"]) == (422, "parent_id")
    bare = await api.patch(f"{FEEDERS}/{MAIN}", json={"limit_ma": None}, headers=olga)
    assert bare.json()["errors"][0]["field"] == "limit_ma"
    for wrong in ({"limit_w": 0}, {"limit_ma": []}, {"base_load": [{"from_local": "7", "to_local": "8", "load_w": 1}]}):
        assert (await api.patch(f"{FEEDERS}/{MAIN}", json=wrong, headers=olga)).status_code == 400, wrong
    await queued(context)
    assert await queued(context) == set()


@pytest.mark.parametrize("who", ["otto", "anna", "sue"])
async def test_a_stranger_neither_sees_nor_touches_a_limit(api, context, request, who, olga):
    stranger = request.getfixturevalue(who)
    for method, path, said in (
        ("GET", FEEDERS, None),
        ("POST", FEEDERS, {"name": "Mine", "limit_w": 1_000}),
        ("PATCH", f"{FEEDERS}/{MAIN}", {"limit_w": 1_000}),
        ("DELETE", f"{FEEDERS}/{MAIN}", None),
    ):
        answer = await api.request(method, path, json=said, headers=stranger)
        assert answer.status_code == 404, (method, answer.text)
        assert "25000" not in answer.text
    assert await queued(context) == set()
    assert len((await api.get(FEEDERS, headers=olga)).json()) == 1


async def test_a_limit_of_one_place_is_not_reached_through_another(api, anna, olga):
    answer = await api.patch(f"/api/locations/{HOME}/feeders/{MAIN}", json={"limit_w": 1_000}, headers=anna)
    assert answer.status_code == 404
    assert (await api.get(FEEDERS, headers=olga)).json()[0]["limit_w"] is None


async def test_who_lives_somewhere_enters_the_limit_of_the_home_and_all_stations_hang_on_it(api, context, anna):
    home = await made(api, anna, f"/api/locations/{HOME}/feeders", name="Meter", limit_ma=[25_000])
    assert (home["stations"], home["safe_share_ma"]) == (["HOME-1"], 25_000)
    station = small_town.HOME_STATION
    assert await queued(context) == told("configure", station) | told("local_list", station) | told("replan", HOME)
