"""Security of stations over the API: who may do what, and how guessing codes ends."""

import hashlib
from pathlib import Path

import pytest
from api_edge import asking
from small_town import NOW, OPERATOR, STREET_STATION_1

from server.api import attempts
from server.feeds.charger_ca import OwnCa, create
from server.flows import certificates, entering, keys
from server.flows.entering import Arrival
from server.storage import outbox

KEY = hashlib.sha256(b"a stranger's key").digest()
STATION = f"/api/stations/{STREET_STATION_1}"


@pytest.fixture
async def stranger(context):
    async with context.db.begin() as tx:
        assert await entering.hold(tx, Arrival("NEW-1", "10.0.0.1", KEY, 2), "Lootspaal", NOW)
        (one,) = await entering.waiting(tx, OPERATOR, NOW)
    return one


@pytest.fixture
def ca(tmp_path: Path) -> OwnCa:
    return create(tmp_path / "ca", "Lootspaal", NOW)


async def kinds_due(context) -> list[str]:
    async with context.db.read() as tx:
        return [task.kind for task in await outbox.due(tx, NOW) if task.key == str(STREET_STATION_1)]


async def test_only_the_party_that_takes_strangers_in_sees_and_approves_them(api, stranger, olga, otto, anna):
    (seen,) = (await api.get("/api/stations/pending", headers=olga)).json()
    assert (seen["identity"], seen["address"], len(seen["pairing_code"])) == ("NEW-1", "10.0.0.1", 10)
    assert "key" not in "".join(seen)
    assert (await api.get("/api/stations/pending", headers=otto)).json() == []
    path = f"/api/stations/pending/{stranger.id}/approve"
    assert (await api.post(path, headers=otto, json={"location_name": "Yard"})).status_code == 404
    assert (await api.post(path, headers=anna, json={"location_name": "Yard"})).status_code == 403
    taken = await api.post(path, headers=olga, json={"location_name": "Lootsstraat"})
    assert (taken.status_code, taken.json()) == (201, {"identity": "NEW-1", "location_name": "Lootsstraat"})
    assert "NEW-1" in {one["identity"] for one in (await api.get("/api/stations", headers=olga)).json()}
    assert (await api.post(path, headers=olga, json={"location_name": "Yard"})).status_code == 404


async def test_an_operator_turns_a_stranger_away(api, stranger, olga, otto):
    path = f"/api/stations/pending/{stranger.id}"
    assert [(await api.delete(path, headers=who)).status_code for who in (otto, olga, olga)] == [404, 204, 404]


async def test_a_code_that_is_guessed_ends_in_429_and_never_tells_whether_the_identity_waits(
    context, stranger, anna, bert
):
    guess = {"identity": "NEW-1", "code": "AAAAAAAAAA"}
    async with asking(context) as api:
        real = [await api.post("/api/pairing", headers=bert, json=guess) for _ in range(attempts.TRIES_MAX)]
        other = await api.post("/api/pairing", headers=anna, json={**guess, "identity": "NEW-2"})
        assert {answer.status_code for answer in real} == {404}
        assert other.content == real[0].content
        late = await api.post("/api/pairing", headers=bert, json={**guess, "code": stranger.pairing_code})
        assert late.status_code == 429
        assert int(late.headers["Retry-After"]) > 0
        good = await api.post("/api/pairing", headers=anna, json={**guess, "code": stranger.pairing_code})
    assert (good.status_code, good.json()["location_name"]) == (201, "Anna's home")


async def test_a_key_and_a_profile_are_queued_for_the_own_stations_only(api, context, olga, otto):
    for path, body in (("/key", None), ("/security-profile", {"profile": 2})):
        assert (await api.post(STATION + path, headers=otto, json=body)).status_code == 404
        assert (await api.post(STATION + path, headers=olga, json=body)).status_code == 202
    assert {keys.RENEW_KEY, keys.RAISE_PROFILE} <= set(await kinds_due(context))
    answer = await api.post(STATION + "/security-profile", headers=olga, json={"profile": 3})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_certificate")
    assert (await api.post(STATION + "/security-profile", headers=olga, json={"profile": 1})).status_code == 400


async def test_a_chain_is_pasted_a_certificate_revoked_and_a_notice_put_away(api, context, ca, olga, otto):
    _, made = ca.make_station((await subject(context)), NOW)
    async with context.db.begin() as tx:
        await certificates.enter(tx, STREET_STATION_1, made, NOW)
        await entering.turned_away(tx, STREET_STATION_1, NOW)
    (one,) = (await api.get("/api/stations/certificates", headers=olga)).json()
    assert (one["identity"], one["state"], one["serial"]) == ("LOOTS/1", "installed", made.serial)
    assert (await api.get("/api/stations/certificates", headers=otto)).json() == []
    path = f"/api/stations/certificates/{one['id']}"
    pasted = await api.post(path + "/chain", headers=olga, json={"chain_pem": made.chain_pem})
    assert (pasted.status_code, pasted.json()["code"]) == (409, "not_asked")
    assert [(await api.post(path + "/revoke", headers=who)).status_code for who in (otto, olga)] == [404, 204]
    async with context.db.read() as tx:
        assert await entering.revoked(tx, made.fingerprint)
    (notice,) = (await api.get("/api/stations/notices", headers=olga)).json()
    assert (notice["kind"], notice["severity"]) == ("downgrade", "critical")
    path = f"/api/stations/notices/{notice['id']}"
    assert [(await api.delete(path, headers=who)).status_code for who in (otto, olga, olga)] == [404, 204, 404]
    assert (await api.get("/api/stations/notices", headers=olga)).json() == []


async def subject(context):
    async with context.db.read() as tx:
        return (await certificates.subject_of(tx, "LOOTS/1"))[1]
