"""Tokens of many stations judged at once: each answer is what the station would have heard alone."""

from uuid import UUID, uuid5

from small_town import (
    ANNA,
    BERTS_STATION,
    HOME_STATION,
    LONG_AGO,
    NOW,
    OPERATOR,
    PROVIDER,
    STREET_STATION_1,
    STREET_STATION_2,
    plug_in,
)

from server.core.reports import TokenAnswer
from server.flows import authorizing, entry, sessions, transactions
from server.storage import contracts, forwarded, forwardings, stations
from server.storage import town as seed
from server.storage.forwardings import Forwarding

PASS = "PASS-1"
CARDS = ("ANNA-CARD", "anna-card", "BERT-CARD", "GONE", PASS, "THEIRS", "NOBODYS", "", "É\U0001f50c")
STATIONS = (HOME_STATION, BERTS_STATION, STREET_STATION_1, STREET_STATION_2)


async def peopled(db):
    """A master pass, an expired card, a station forwarded to a system with cards, a token that charges elsewhere."""
    await plug_in(db, NOW, BERTS_STATION, "BERT-CARD")
    async with db.begin() as tx:
        facts = {"party_id": PROVIDER, "role": "operator", "name": "Steward", "email": "steward@x.example"}
        await seed.add(tx, "accounts", id=uuid5(UUID(int=0), "steward"), created_at=LONG_AGO, habits=[], **facts)
        assert not isinstance(await entry.add_token(tx, PASS, "steward@x.example", NOW, master=True), str)
        await stations.update(tx, HOME_STATION, ocpp="ocpp2.0.1")
        await seed.add(tx, "tokens", uid="GONE", party_id=PROVIDER, account_id=ANNA, kind="rfid", expires_at=LONG_AGO)
        await contracts.set_one_session_a_token(tx, PROVIDER, wanted=True)
        made = Forwarding(uuid5(UUID(int=0), "list"), OPERATOR, None, "L", "ws://x", True, [], True, NOW)
        await forwardings.insert(tx, made)
        await forwardings.put_station(tx, made, STREET_STATION_2, "00")
        await forwarded.put_card(tx, made.id, OPERATOR, ("THEIRS", "Blocked"), NOW)


async def alone(tx, station_id, token_uid):
    card = await transactions.card(tx, station_id, token_uid)
    return await sessions.master(tx, station_id, card, NOW) or await sessions.authorize(tx, station_id, card, NOW)


async def test_together_is_as_one_by_one(town):
    await peopled(town)
    asked = [(station, card) for station in STATIONS for card in CARDS]
    async with town.read() as tx:
        said = await authorizing.authorize_all(tx, asked, NOW)
        assert said == [await alone(tx, *one) for one in asked]
    heard = dict(zip(asked, said, strict=True))
    assert {one.status for one in said} == {"Accepted", "Invalid", "Expired", "Blocked", "ConcurrentTx"}
    assert heard[STREET_STATION_2, "THEIRS"] == TokenAnswer("Blocked", "")
    assert heard[HOME_STATION, PASS].status == "Accepted"
    assert heard[STREET_STATION_1, PASS].status == "Invalid"


async def test_nobody_asks_nothing(town):
    async with town.read() as tx:
        assert await authorizing.authorize_all(tx, [], NOW) == []
