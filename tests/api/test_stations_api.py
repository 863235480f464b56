"""An operator's stations over the API."""

import hashlib

import small_town
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2

from server.storage import outbox, stations

NEW = {"identity": "YARD/1", "location_name": "Yard", "max_w": 22_080, "phases": 3}


async def test_an_operator_sees_the_stations_of_its_own_party_only(api, context, olga, otto):
    await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    first, second = (await api.get("/api/stations", headers=olga)).json()
    assert (first["identity"], first["online"], first["open_sessions"]) == ("LOOTS/1", True, 1)
    assert (second["identity"], second["online"], second["open_sessions"]) == ("LOOTS/2", False, 0)
    assert first["connectors"] == ["LOOTS/1"]
    assert (await api.get("/api/stations", headers=otto)).json() == []


async def test_a_new_station_gets_a_key_that_is_told_once_and_kept_as_a_hash(api, context, otto):
    told = await api.post("/api/stations", json=NEW, headers=otto)
    assert told.status_code == 201
    credentials = told.json()
    assert credentials["url"] == "ws://host/ocpp/YARD%2F1"
    assert len(credentials["key"]) == 40
    async with context.db.read() as tx:
        station_id, key_sha256 = await stations.key_of(tx, "YARD/1")
        evse = await stations.evse_at(tx, station_id, 1)
    assert key_sha256 == hashlib.sha256(credentials["key"].encode()).digest()
    assert (evse.max_w, evse.phases) == (22_080, 3)
    (listed,) = (await api.get("/api/stations", headers=otto)).json()
    assert (listed["location_name"], listed["online"]) == ("Yard", False)
    assert credentials["key"] not in (await api.get("/api/stations", headers=otto)).text


async def test_an_identity_is_somebodys_only_once(api, otto, olga):
    assert (await api.post("/api/stations", json=NEW, headers=otto)).status_code == 201
    answer = await api.post("/api/stations", json=NEW, headers=olga)
    assert (answer.status_code, answer.json()["code"]) == (409, "identity_taken")


async def test_a_new_place_is_private_and_a_known_one_is_found_by_name(api, olga, otto, bert):
    await api.post("/api/stations", json=NEW, headers=otto)
    await api.post("/api/stations", json={**NEW, "identity": "YARD/2", "location_name": " yard "}, headers=otto)
    assert {one["location_name"] for one in (await api.get("/api/stations", headers=otto)).json()} == {"Yard"}
    assert [place["name"] for place in (await api.get("/api/locations?public=true", headers=bert)).json()] == [
        "Lootsstraat"
    ]


async def test_one_more_station_behind_a_shared_limit_makes_every_safe_share_anew(api, context, olga):
    said = {"identity": "LOOTS/3", "location_name": "Lootsstraat"}
    assert (await api.post("/api/stations", json=said, headers=olga)).status_code == 201
    async with context.db.read() as tx:
        configured = {task.key for task in await outbox.due(tx, NOW) if task.kind == "configure"}
        there = {str(station.id) for station in await stations.at_location(tx, STREET)}
    assert configured == there
    assert {str(STREET_STATION_1), str(STREET_STATION_2)} < there


async def test_an_identity_that_basic_auth_cannot_carry_is_refused(api, olga):
    for identity in ("with:colon", "with space", "", "x" * 49):
        answer = await api.post("/api/stations", json={**NEW, "identity": identity}, headers=olga)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "identity"
