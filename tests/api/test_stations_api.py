"""An operator's stations over the API."""

import hashlib
from datetime import timedelta
from urllib.parse import quote

import pytest
import small_town
from small_town import NOW, STREET, STREET_STATION_1, STREET_STATION_2

from server.core.reports import BootInfo, ConnectorStatus
from server.core.traits import Traits
from server.flows import stations as station_flows
from server.flows import watching
from server.gateway.quirks import of_station
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
    for identity in ("with:colon", " before", "after\n", "un\u200bseen", "", "x" * 49):
        answer = await api.post("/api/stations", json={**NEW, "identity": identity}, headers=olga)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "identity"


class TestHealth:
    async def test_an_operator_reads_what_is_wrong_and_its_days(self, api, context, olga, otto):
        await _fault(context, NOW - timedelta(hours=2))
        one, two = (await api.get("/api/stations/health?days=2", headers=olga)).json()
        assert (one["identity"], two["identity"], two["findings"]) == ("LOOTS/1", "LOOTS/2", [])
        (finding,) = one["findings"]
        assert (finding["rule"], finding["severity"], finding["tried"]) == ("faulted", "critical", ["trigger"])
        today, yesterday = one["days"]
        assert (today["day"], yesterday["day"]) == ("2025-01-15", "2025-01-14")
        # 19:00 there; connected at 16:00 and broken at 17:00, back two minutes after its connection was lost at 18:00
        assert today["uptime_permille"] == 333
        assert (today["disconnects"], today["sessions"], today["plug_in_permille"]) == (1, 0, None)
        assert yesterday["uptime_permille"] is None
        assert (await api.get("/api/stations/health", headers=otto)).json() == []

    async def test_who_operates_nothing_is_refused(self, api, bert, sue):
        for who in (bert, sue):
            assert (await api.get("/api/stations/health", headers=who)).status_code == 403

    async def test_a_month_at_most(self, api, olga):
        for days in (0, 32):
            assert (await api.get(f"/api/stations/health?days={days}", headers=olga)).status_code == 400


async def _fault(context, at):
    hour = timedelta(hours=1)
    broken = ConnectorStatus(1, "Faulted", "GroundFailure", at)
    async with context.db.begin() as tx:
        await station_flows.connect(tx, STREET_STATION_1, "line", at - hour)
        await station_flows.status(tx, STREET_STATION_1, broken, at)
        await station_flows.disconnect(tx, STREET_STATION_1, "line", at + hour)
        await station_flows.connect(tx, STREET_STATION_1, "next", at + hour + timedelta(minutes=2))
    async with context.db.read() as tx:
        seen = await watching.look(tx, None, await watching.lately(tx, NOW), NOW)
    async with context.db.begin() as tx:
        await watching.note(tx, seen, NOW)


class TestTraits:
    async def test_an_operator_reads_what_its_station_is_known_for_and_has_shown(self, api, context, olga):
        await _booted(context, "EN+ Technology", "AC7")
        async with context.db.begin() as tx:
            shown = Traits(purposes=("TxProfile",), refused=("ChargePointMaxProfile",), periods_max=6, stack_max=3)
            await stations.update(tx, STREET_STATION_1, traits=shown)
            await stations.set_follows(tx, STREET_STATION_1, follows=False)
            await stations.wrote(tx, {STREET_STATION_1: 3}, NOW.date())
        said = (await api.get(TRAITS, headers=olga)).json()
        assert (said["vendor"], said["unit"], said["of_its_make"]) == ("EN+ Technology", "A", ["other_result_ids"])
        assert said["known_of_make"] == [
            "answers under other message ids (quirk 16)",
            "goes on naming a transaction that has ended (quirk 18)",
        ]
        assert (said["purposes"], said["refused"]) == (["TxProfile"], ["ChargePointMaxProfile"])
        assert (said["periods_max"], said["stack_max"], said["follows"]) == (6, 3, False)
        assert (said["writes_today"], said["flash_writes_a_day"], said["auto_configure"]) == (3, 200, True)

    async def test_what_it_writes_is_kept_and_heeded_at_the_next_sign_in(self, api, context, olga):
        await _booted(context, "EN+ Technology", "AC7")
        said = {"quirks": ["clock:Europe/Amsterdam", "not:other_result_ids"], "flash_writes_a_day": 50}
        answer = await api.patch(TRAITS, json=said, headers=olga)
        assert answer.status_code == 200
        assert answer.json()["quirks"] == said["quirks"]
        async with context.db.read() as tx:
            credential = await station_flows.credential(tx, "LOOTS/1")
        heeded = of_station(credential)
        assert (str(heeded.clock), heeded.other_result_ids) == ("Europe/Amsterdam", False)
        again = (await api.patch(TRAITS, json={"auto_configure": False}, headers=olga)).json()
        assert (again["flash_writes_a_day"], again["auto_configure"]) == (50, False)  # what is not said stays

    async def test_another_unit_is_found_out_anew(self, api, context, olga):
        async with context.db.begin() as tx:
            await stations.update(tx, STREET_STATION_1, traits=Traits(refused=("TxProfile",)))
        said = (await api.patch(TRAITS, json={"unit": None}, headers=olga)).json()
        assert (said["unit"], said["refused"]) == (None, [])
        async with context.db.read() as tx:
            assert ("configure", str(STREET_STATION_1)) in {(task.kind, task.key) for task in await outbox.due(tx, NOW)}

    async def test_words_that_nobody_knows_are_refused(self, api, olga):
        for name in ("no_such_quirk", "clock:Mars/Olympus", "not:"):
            answer = await api.patch(TRAITS, json={"quirks": [name]}, headers=olga)
            assert (answer.status_code, answer.json()["code"]) == (422, "unknown_quirk")
        assert (await api.patch(TRAITS, json={"unit": "V"}, headers=olga)).status_code == 400
        assert (await api.patch(TRAITS, json={"flash_writes_a_day": 1}, headers=olga)).status_code == 400

    async def test_a_strangers_station_is_not_found_and_not_changed(self, api, context, olga, otto):
        assert (await api.get(TRAITS, headers=otto)).status_code == 404
        assert (await api.patch(TRAITS, json={"auto_configure": False}, headers=otto)).status_code == 404
        assert (await api.get(TRAITS, headers=olga)).json()["auto_configure"]


TRAITS = f"/api/stations/{STREET_STATION_1}/traits"


async def _booted(context, vendor, model):
    async with context.db.begin() as tx:
        await station_flows.boot(tx, STREET_STATION_1, BootInfo(vendor, model), NOW)


@pytest.mark.parametrize("identity", ["RDAM|1/23", "Straße 5", "50%41", "北京 7", "a  b"])
async def test_an_identity_may_be_as_odd_as_stations_are(api, olga, identity):
    answer = await api.post("/api/stations", json={**NEW, "identity": identity}, headers=olga)
    assert answer.status_code == 201
    assert answer.json()["url"].endswith("/ocpp/" + quote(identity, safe=""))


async def test_an_operator_reads_a_list_of_tokens_and_has_it_sent_again_a_stranger_does_not(api, context, olga, otto):
    path = f"/api/stations/{STREET_STATION_1}/local-list"
    answer = await api.get(path, headers=olga)
    assert (answer.status_code, answer.json()["tokens"], answer.json()["state"]) == (200, [], "")
    assert (await api.post(f"{path}/again", headers=olga)).status_code == 202
    async with context.db.read() as tx:
        assert str(STREET_STATION_1) in {task.key for task in await outbox.due(tx, NOW) if task.kind == "local_list"}
    for method in (api.get(path, headers=otto), api.post(f"{path}/again", headers=otto)):
        assert (await method).status_code == 404


async def test_an_operator_holds_and_accepts_a_station_of_its_own_only(api, olga, otto):
    path = f"/api/stations/{STREET_STATION_1}/admission"
    assert (await api.put(path, json={"status": "Pending"}, headers=otto)).status_code == 404
    assert (await api.put(path, json={"status": "Pending"}, headers=olga)).status_code == 202
    assert (await api.put(path, json={"status": "Perhaps"}, headers=olga)).status_code == 400
    found = {one["identity"]: one["admission"] for one in (await api.get("/api/stations", headers=olga)).json()}
    assert found == {"LOOTS/1": "Pending", "LOOTS/2": "Accepted"}
