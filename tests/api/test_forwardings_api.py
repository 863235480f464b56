"""Lists of forwarded stations over the API: all of an upload or nothing, and nobody's but the owner's."""

import asyncio
import hashlib
import ssl

import msgspec
import pytest
from api_edge import SETTINGS, asking, bearer
from small_town import ANNA, BERT, OLGA, OPERATOR, OTTO, STATION_KEY

from server.core import sealed
from server.gateway.forwarding import outgoing
from server.gateway.forwarding.outgoing import Patience, Unreachable, dial
from server.gateway.forwarding.ports import Route
from server.gateway.versions import Version
from server.settings import BadSetting, forward_to
from server.storage import forwardings, locations, stations

LIST, HOME = "/api/forwardings", "/api/forwardings/home"
KEY = "feedfacefeedface"
ROWS = f"identity,key,location\nLOOTS/1,{KEY},Lootsstraat\nNEW-1,{KEY},Quay\nNEW-2,{KEY},Quay\n"
WANTED = {"name": "Ours", "url": "wss://central.example/ocpp/", "stations": ROWS, "allowed": ["Reset"]}
AT_HOME = {"identity": "HOME-1", "url": "wss://billing.example", "key": KEY}


@pytest.fixture
async def desk(context):
    async with asking(context) as api:
        yield api


async def put(api, who=OLGA, path=LIST, **more):
    wanted = (AT_HOME if path == HOME else WANTED) | more
    return await api.post(path, json=wanted, headers=bearer(who))


async def test_a_list_makes_what_is_new_and_leaves_what_is_there(desk, context):
    said = (await put(desk)).json()
    assert said["outcomes"] == {"LOOTS/1": "joined", "NEW-1": "added", "NEW-2": "added"}
    view = said["forwarding"]
    assert (view["url"], view["on"], view["allowed"], view["their_cards"]) == (
        WANTED["url"][:-1],
        True,
        ["Reset"],
        True,
    )
    first = view["stations"][0]
    assert (first["url"], first["back_url"]) == ("ws://host/ocpp/LOOTS%2F1", "wss://central.example/ocpp/LOOTS%2F1")
    async with context.db.read() as tx:
        assert (await stations.key_of(tx, "LOOTS/1"))[1] == hashlib.sha256(STATION_KEY.encode()).digest()
        assert (await stations.key_of(tx, "NEW-1"))[1] == hashlib.sha256(KEY.encode()).digest()
        quay = await locations.named(tx, OPERATOR, "Quay")
        assert quay.public
        assert len(await stations.at_location(tx, quay.id)) == 2
        kept = await forwardings.sealed_key_of(tx, (await stations.named(tx, "NEW-1")).id)
    assert KEY not in kept
    assert sealed.unseal(SETTINGS.secret, kept, "NEW-1") == KEY


async def test_the_same_list_again_changes_nothing_and_another_key_changes_both(desk, context):
    await put(desk)
    again = (await put(desk)).json()
    assert set(again["outcomes"].values()) == {"unchanged"}
    other = ROWS.replace(f"NEW-1,{KEY}", "NEW-1,another-key-of-it") + f"NEW-3,{KEY},Quay\n"
    said = (await put(desk, stations=other, url="wss://other.example")).json()
    assert said["outcomes"] == {"LOOTS/1": "unchanged", "NEW-1": "changed", "NEW-2": "unchanged", "NEW-3": "added"}
    assert said["forwarding"]["url"] == "wss://other.example"
    async with context.db.read() as tx:
        assert (await stations.key_of(tx, "NEW-1"))[1] == hashlib.sha256(b"another-key-of-it").digest()
    assert len((await desk.get(LIST, headers=bearer(OLGA))).json()) == 1


async def test_one_fault_and_nothing_is_done(desk, context):
    bad = ROWS + f"HOME-1,{KEY},Quay\nNEW-4,short,Quay\n"
    answer = await put(desk, stations=bad)
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, ["row 6, key"])
    bad = ROWS + f"HOME-1,{KEY},Quay\n"
    answer = await put(desk, stations=bad, url="wss://name@central.example")
    assert [one["field"] for one in answer.json()["errors"]] == ["url", "station HOME-1"]
    await put(desk, name="Another", stations=f"identity,key,location\nLOOTS/2,{KEY},Lootsstraat\n")
    answer = await put(desk, stations=ROWS + f"LOOTS/2,{KEY},Lootsstraat\n")
    assert [one["field"] for one in answer.json()["errors"]] == ["station LOOTS/2"]
    async with context.db.read() as tx:
        assert await stations.named(tx, "NEW-1") is None
        assert await locations.named(tx, OPERATOR, "Quay") is None


async def test_a_list_is_its_partys_alone(desk):
    made = (await put(desk)).json()["forwarding"]
    path = f"{LIST}/{made['id']}"
    station = f"{path}/stations/{made['stations'][0]['id']}"
    for who in (OTTO, BERT):
        headers = bearer(who)
        assert (await desk.get(LIST, headers=headers)).json() == []
        answers = [
            await desk.get(path, headers=headers),
            await desk.patch(path, json={"on": False}, headers=headers),
            await desk.patch(station, json={"on": False}, headers=headers),
            await desk.delete(path, headers=headers),
            await desk.post(path + "/undo", json={}, headers=headers),
        ]
        assert {one.status_code for one in answers} == {404}
    answer = await put(desk, OTTO)
    assert [one["field"] for one in answer.json()["errors"]] == [
        f"station {name}" for name in ("LOOTS/1", "NEW-1", "NEW-2")
    ]
    other = f"{path}/stations/{made['id']}"  # a station that is not in it
    assert (await desk.patch(other, json={"on": False}, headers=bearer(OLGA))).status_code == 404
    assert (await desk.get(path, headers=bearer(OLGA))).json() == made


async def test_a_list_is_changed_and_forgotten(desk, context):
    made = (await put(desk)).json()["forwarding"]
    path = f"{LIST}/{made['id']}"
    change = {"allowed": [], "their_cards": False, "url": "wss://new.example", "on": False}
    view = (await desk.patch(path, json=change, headers=bearer(OLGA))).json()
    assert {name: view[name] for name in change} == change
    assert {one["state"] for one in view["stations"]} == {"off"}
    assert (await desk.patch(path, json={"url": "wss://x?y"}, headers=bearer(OLGA))).status_code == 422
    assert (await desk.delete(path, headers=bearer(OLGA))).status_code == 204
    assert (await desk.get(LIST, headers=bearer(OLGA))).json() == []
    async with context.db.read() as tx:
        assert await stations.named(tx, "NEW-1") is not None


async def test_a_driver_lets_an_employer_hear_the_station_at_home(desk):
    assert (await put(desk, BERT, HOME)).status_code == 404, "Anna's station"
    assert (await put(desk, OLGA, HOME)).status_code == 403
    answer = await put(desk, ANNA, HOME, url="ws://billing.example")
    assert [one["field"] for one in answer.json()["errors"]] == ["url"]
    said = (await put(desk, ANNA, HOME)).json()
    assert (said["outcomes"], said["forwarding"]["their_cards"]) == ({"HOME-1": "joined"}, False)
    assert (await put(desk, ANNA, HOME, name="A second one")).status_code == 409
    path = f"{LIST}/{said['forwarding']['id']}"
    off = await desk.patch(path, json={"on": False, "their_cards": True}, headers=bearer(ANNA))
    assert (off.json()["on"], off.json()["their_cards"]) == (False, False)
    assert (await desk.get(path, headers=bearer(BERT))).status_code == 404
    assert (await desk.get(LIST, headers=bearer(BERT))).json() == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ws://127.0.0.1:1/x", "from a home only wss:// is forwarded to"),
        ("wss://127.0.0.1:1/x", "from a home only public addresses are forwarded to"),
        ("wss://[::1]:1/x", "from a home only public addresses are forwarded to"),
        ("wss://10.1.2.3/x", "from a home only public addresses are forwarded to"),
    ],
)
async def test_from_a_home_nothing_inside_our_network_is_called(url, why):
    route = Route(ANNA, ANNA, "HOME-1", url, KEY, "", "", Version.V16, frozenset(), their_cards=False, guarded=True)
    with pytest.raises(Unreachable, match=why):
        await asyncio.wait_for(dial(route, Version.V16, Patience()), 5)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ws://127.0.0.1:1/x", "DALSTROOM_FORWARD_TO.* only public addresses"),
        ("wss://10.1.2.3/x", "DALSTROOM_FORWARD_TO.* only public addresses"),
        ("ws://127.0.0.2:1/x", "cannot be reached"),  # in the network that is named
    ],
)
async def test_an_operator_has_us_call_public_addresses_and_named_networks_only(url, why, monkeypatch):
    monkeypatch.setenv("DALSTROOM_FORWARD_TO", "127.0.0.2/32")
    within = forward_to("0.0.0.0")
    route = Route(OLGA, OLGA, "A", url, KEY, "", "", Version.V16, frozenset(), their_cards=False, within=within)
    with pytest.raises(Unreachable, match=why):
        await asyncio.wait_for(dial(route, Version.V16, Patience()), 5)


def test_what_forwarding_may_call_depends_on_who_can_reach_the_server(monkeypatch):
    monkeypatch.delenv("DALSTROOM_FORWARD_TO", raising=False)
    assert forward_to("127.0.0.1") is None
    assert forward_to("192.0.2.1") == ()
    monkeypatch.setenv("DALSTROOM_FORWARD_TO", "any")
    assert forward_to("192.0.2.1") is None
    monkeypatch.setenv("DALSTROOM_FORWARD_TO", "the office")
    with pytest.raises(BadSetting, match="networks such as"):
        forward_to("192.0.2.1")


async def test_a_key_that_cannot_be_opened_is_told():
    route = Route(ANNA, ANNA, "A", "ws://127.0.0.1:1/x", None, "", "", Version.V16, frozenset(), their_cards=False)
    with pytest.raises(Unreachable, match="upload it again"):
        await dial(route, Version.V16, Patience())


async def test_lines_over_tls_share_one_context(monkeypatch):
    made = []

    async def connected(_url, **options):
        made.append(options.get("ssl"))
        raise OSError

    monkeypatch.setattr(outgoing, "_Straight", connected)
    route = Route(ANNA, ANNA, "A", "wss://x.example/x", KEY, "", "", Version.V16, frozenset(), their_cards=False)
    for one in (route, route, msgspec.structs.replace(route, url="ws://x.example/x")):
        with pytest.raises(Unreachable):
            await dial(one, Version.V16, Patience())
    assert isinstance(made[0], ssl.SSLContext)
    assert made[0].verify_mode is ssl.CERT_REQUIRED
    assert (made[1] is made[0], made[2]) == (True, None)
