"""Who gets in, and how the others are told."""

import asyncio
import base64
import logging

import pytest
from gateway_town import KEY, basic
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from server.gateway import signin


async def refused(url, headers):
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, additional_headers=headers, subprotocols=["ocpp1.6"]):
            pass
    return caught.value.response


def raw_basic(said: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(said).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic("CP1", b"wrong"),
        basic("CP2"),
        basic("cp1"),
        raw_basic(b"CP1"),
        raw_basic(b""),
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic"},
        {"Authorization": "Bearer " + base64.b64encode(b"CP1:" + KEY).decode()},
        [("Authorization", basic("CP1")["Authorization"]), ("Authorization", basic("CP1")["Authorization"])],
    ],
)
async def test_a_station_without_its_key_is_told_401_and_how_to_sign_in(town, headers):
    response = await refused(town.url("CP1"), headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert town.flows.heard == []


async def test_an_identity_that_nobody_added_gets_the_answer_of_a_wrong_key(town):
    unknown = await refused(town.url("NOBODY"), basic("NOBODY"))
    wrong = await refused(town.url("CP1"), basic("CP1", b"wrong"))
    assert _without_date(unknown) == _without_date(wrong)


def _without_date(response):
    headers = [(name, value) for name, value in response.headers.raw_items() if name.lower() != "date"]
    return response.status_code, response.body, headers


@pytest.mark.parametrize("path", ["/", "/ocpp", "/ocpp/", "/other/CP1", "/ocppx/CP1"])
async def test_another_path_is_not_found(town, path):
    response = await refused(f"ws://127.0.0.1:{town.gateway.port}{path}", basic("CP1"))
    assert response.status_code == 404


@pytest.mark.parametrize("path", ["/ocpp/CP1%00", "/ocpp/CP1%0A", "/ocpp/" + "x" * 300])
async def test_an_identity_that_could_not_be_one_never_reaches_the_database(town, path):
    town.flows.credential = None  # asking would fail
    response = await refused(f"ws://127.0.0.1:{town.gateway.port}{path}", basic("CP1"))
    assert response.status_code == 401


@pytest.mark.parametrize("name", ["RDAM|1/23", "Straße 5", "50%41", "a b"])
async def test_an_identity_is_decoded_once_from_the_last_segment(town, name):
    town.flows.keys[name] = KEY
    async with town.station(name):
        await town.quiet()
        assert [what for _, what, _ in town.flows.heard] == ["connected"]


async def test_segments_before_the_identity_and_a_query_do_not_matter(town):
    url = f"ws://127.0.0.1:{town.gateway.port}/ocpp/more/CP1?x=/y"
    async with connect(url, additional_headers=basic("CP1"), subprotocols=["ocpp1.6"]) as socket:
        assert socket.subprotocol == "ocpp1.6"


async def test_a_key_may_be_any_bytes_and_hold_colons(town):
    town.flows.keys["CP1"] = b"\x00\xff:\xfe:binary"
    async with town.station("CP1") as socket:
        assert socket.subprotocol == "ocpp1.6"


@pytest.mark.parametrize("offered", [["ocpp1.6"], ["ocpp2.0", "ocpp1.6"], ["ocpp1.6", "ocpp1.5"]])
async def test_the_subprotocol_that_we_speak_is_chosen_from_those_offered(town, offered):
    async with town.station("CP1", offered) as socket:
        assert socket.subprotocol == "ocpp1.6"


async def test_who_offers_no_subprotocol_is_told_400_and_which_after_it_has_signed_in(town):
    url, headers = town.url("CP1"), basic("CP1")
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, additional_headers=headers):
            pass
    assert caught.value.response.status_code == 400
    assert b"ocpp1.6" in caught.value.response.body
    assert (await refused(url, {})).status_code == 401  # a stranger hears nothing of it
    assert town.flows.heard == []


@pytest.mark.parametrize("offered", [["ocpp2.0"], ["OCPP1.6"], ["ocpp2.2"]])
async def test_without_our_subprotocol_the_handshake_completes_and_1002_closes(town, offered):
    async with town.station("CP1", offered) as socket:
        with pytest.raises(ConnectionClosedError) as caught:
            await asyncio.wait_for(socket.recv(), 30)
    assert caught.value.rcvd.code == 1002
    assert town.flows.heard == []


async def test_a_station_known_to_offer_no_subprotocol_is_served_all_the_same(town):
    town.flows.quirks["CP1"] = ("no_subprotocol",)
    async with town.station("CP1", []) as socket:
        await socket.send('[2,"1","Heartbeat",{}]')
        assert (await asyncio.wait_for(socket.recv(), 30)).startswith('[3,"1"')


async def test_that_quirk_does_not_let_another_protocol_in(town):
    town.flows.quirks["CP1"] = ("no_subprotocol",)
    async with town.station("CP1", ["ocpp2.0"]) as socket:
        with pytest.raises(ConnectionClosedError):
            await asyncio.wait_for(socket.recv(), 30)


def test_what_is_no_utf_8_becomes_an_identity_that_nobody_has_and_the_header_is_split_at_its_first_colon():
    assert signin.identity("/ocpp/%FF%FE") == "\ufffd\ufffd"
    assert signin.basic([raw_basic(b"a:b:c")["Authorization"]]) == signin.Basic(b"a", b"b:c")
    assert signin.basic(["basic  " + base64.b64encode(b"a:b").decode() + " "]) == signin.Basic(b"a", b"b")


async def test_where_the_database_fails_nobody_gets_in_and_the_log_names_nobody(town, caplog):
    async def fails(identity):
        raise RuntimeError(f"no such row: {identity}")

    town.flows.credential = fails
    response = await refused(town.url("CP1"), basic("CP1"))
    assert response.status_code == 500
    ours = [record for record in caplog.records if record.name == "server.gateway.websockets"]
    written = "\n".join(logging.Formatter().format(record) for record in ours)
    assert "RuntimeError" in written
    assert "CP1" not in written
    assert basic("CP1")["Authorization"] not in written
    town.flows.__dict__.pop("credential")
    async with town.station() as socket:
        assert socket.subprotocol == "ocpp1.6"
