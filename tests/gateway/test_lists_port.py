"""Lists of tokens on the wire, in 1.6 and 2.0.1; the official schemas judge what we say."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from gateway_town import station_of
from ocpp.messages import Call, _validate_payload

from server.core.local_list import Listed, Update
from server.main.lists_port import GatewayLists

CP1 = station_of("CP1")
END = datetime(2027, 1, 1, tzinfo=UTC)
FULL = Update(4, full=True, tokens=(Listed("CARD", expires_at=END, group="FAMILY"), Listed("APP", card=False)))
CHANGE = Update(5, full=False, tokens=(Listed("CARD", "Blocked"),), gone=("APP",))
BOTH = [("ocpp1.6", "1.6"), ("ocpp2.0.1", "2.0.1")]


async def told(town, protocol, work, answer):
    """What a station was told, and what we made of its answer (a dictionary, or the code of an error)."""
    async with town.station(subprotocols=[protocol]) as socket:
        asked = asyncio.create_task(work)
        _, message_id, action, payload = json.loads(await asyncio.wait_for(socket.recv(), 30))
        frame = [3, message_id, answer] if isinstance(answer, dict) else [4, message_id, answer, "", {}]
        await socket.send(json.dumps(frame))
        return action, payload, await asked


@pytest.mark.parametrize(("protocol", "version"), BOTH)
async def test_a_list_and_its_changes_are_what_the_schemas_ask_for(town, protocol, version):
    for update in (FULL, CHANGE, Update(6, full=True)):
        work = GatewayLists(town.gateway).send(CP1, update)
        action, payload, heard = await told(town, protocol, work, {"status": "Accepted"})
        _validate_payload(Call("1", action, payload), version)
        assert (action, heard.accepted, payload["updateType"][0]) == ("SendLocalList", True, "DF"[update.full])
        rows = payload.get("localAuthorizationList", [])
        assert len(rows) == len(update.tokens) + len(update.gone)
        if update is CHANGE:  # who leaves is named without an info
            assert [len(row) for row in rows] == [1, 2]


async def test_what_a_token_is_answered_offline_is_in_the_list(town):
    _, old, _ = await told(town, "ocpp1.6", GatewayLists(town.gateway).send(CP1, FULL), {"status": "Accepted"})
    assert old["localAuthorizationList"][0] == {
        "idTag": "CARD",
        "idTagInfo": {"status": "Accepted", "expiryDate": "2027-01-01T00:00:00Z", "parentIdTag": "FAMILY"},
    }
    _, new, _ = await told(town, "ocpp2.0.1", GatewayLists(town.gateway).send(CP1, FULL), {"status": "Accepted"})
    card, app = new["localAuthorizationList"]
    assert card["idTokenInfo"]["groupIdToken"] == {"idToken": "FAMILY", "type": "Central"}
    assert (card["idToken"]["type"], app["idToken"]["type"]) == ("ISO14443", "Central")


@pytest.mark.parametrize(
    ("answer", "word", "detail"),
    [
        ({"status": "VersionMismatch"}, "rejected", "VersionMismatch"),
        ({"status": "Failed"}, "rejected", "Failed"),
        ({"status": "NotSupported"}, "not_supported", "NotSupported"),
        ("NotSupported", "not_supported", "NotSupported"),
        ("NotImplemented", "not_supported", "NotImplemented"),
        ("InternalError", "error", "InternalError"),
    ],
)
async def test_what_a_station_says_to_it_is_one_word(town, answer, word, detail):
    _, _, heard = await told(town, "ocpp1.6", GatewayLists(town.gateway).send(CP1, FULL), answer)
    assert (heard.status, heard.detail) == (word, detail)


@pytest.mark.parametrize(
    ("protocol", "answer", "status", "version"),
    [
        ("ocpp1.6", {"listVersion": 7}, "accepted", 7),
        ("ocpp1.6", {"listVersion": 0}, "accepted", 0),
        ("ocpp1.6", {"listVersion": -1}, "not_supported", None),
        ("ocpp1.6", "NotSupported", "not_supported", None),
        ("ocpp2.0.1", {"versionNumber": 7}, "accepted", 7),
        ("ocpp2.0.1", {"listVersion": 7}, "accepted", 7),
        ("ocpp2.0.1", {}, "error", None),
    ],
)
async def test_the_version_of_a_list_is_read(town, protocol, answer, status, version):
    _, _, said = await told(town, protocol, GatewayLists(town.gateway).version(CP1), answer)
    assert (said.status, said.version) == (status, version)
