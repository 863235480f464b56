"""OCTT 2.0.1 TC_C_47 to TC_C_49: a master pass ends anybody's session at its party's stations, and begins none."""

import pytest
from small_town import ANNA, HOME_STATION, LONG_AGO, NOW, OPERATOR, OTTO, PROVIDER, STREET_STATION_1, an_id, email

from server.core.access import MASTER, master_group
from server.core.reports import StartInfo
from server.flows import entry
from server.flows import sessions as flow
from server.storage import contracts, outbox, sessions, stations
from server.storage import town as seed
from server.storage.contracts import Token
from server.workers import acquaintance
from shared.sessions import SessionState

CARD, PASS = "ANNA-CARD", "PASS-1"
STEWARD = an_id("steward")
GROUP = {"idToken": master_group(PROVIDER), "type": "Central"}


@pytest.fixture
async def passed(case):
    """The case, with a master pass of the party whose station it is."""
    async with case.db.begin() as tx:
        facts = {"party_id": PROVIDER, "role": "operator", "name": "Steward", "email": "steward@x.example"}
        await seed.add(tx, "accounts", id=STEWARD, created_at=LONG_AGO, habits=[], **facts)
        assert not isinstance(await entry.add_token(tx, PASS, "steward@x.example", NOW, master=True), str)
        await stations.update(tx, HOME_STATION, ocpp="ocpp2.0.1")
    return case


async def authorize(station, card):
    return (await station.tell("Authorize", idToken={"idToken": card, "type": "ISO14443"}))["idTokenInfo"]


async def session(case):
    async with case.db.read() as tx:
        return await sessions.by_reference(tx, HOME_STATION, "T-1")


@pytest.mark.parametrize("said", ["with the end", "by Authorize alone"])
async def test_tc_c_47_tc_c_48_tc_c_49_a_master_pass_ends_somebody_elses_session(passed, said):
    async with passed.station() as station:
        await station.event("Started", "Authorized", "Charging", card=CARD)
        await station.charge(3_000)
        assert await authorize(station, PASS) == {"status": "Accepted", "groupIdToken": GROUP}
        card = PASS if said == "with the end" else None
        answer = await station.event("Ended", "StopAuthorized", None, reason="MasterPass", card=card)
        told = {"idTokenInfo": {"status": "Accepted", "groupIdToken": GROUP}}
        assert {key: value for key, value in answer.items() if key == "idTokenInfo"} == (told if card else {})
    over = await session(passed)
    assert (over.state, over.stop_reason, over.account_id, over.token_uid) == (
        SessionState.ENDED,
        "MasterPass",
        ANNA,
        CARD,
    )


async def test_a_master_pass_begins_nothing_and_its_account_pays_for_nothing(passed):
    async with passed.station() as station:
        answer = await station.event("Started", "Authorized", "Charging", card=PASS)
        assert answer["idTokenInfo"] == {"status": "Invalid"}
        assert (await session(passed)).account_id is None
        assert (await authorize(station, CARD))["groupIdToken"] != GROUP


async def test_a_pass_of_another_party_or_one_that_was_taken_back_is_nobodys(passed):
    async with passed.db.begin() as tx:
        await contracts.add_token(tx, Token("PASS-2", OPERATOR, OTTO, MASTER, valid=True))
        await contracts.add_token(tx, Token("PASS-3", PROVIDER, STEWARD, MASTER, valid=False))
    async with passed.station() as station:
        for card in ("PASS-2", "PASS-3"):
            assert await authorize(station, card) == {"status": "Invalid"}


async def test_only_an_operator_has_one_and_its_stations_are_told_which_group_it_is(passed):
    async with passed.db.begin() as tx:
        refused = await entry.add_token(tx, "PASS-4", email(ANNA), NOW, master=True)
        waiting = [task.key for task in await outbox.due(tx, NOW) if task.kind == "configure"]
    assert (refused.code, str(HOME_STATION) in waiting) == ("not_an_operator", True)
    told = []

    class Edge:
        async def set_option(self, _station_id, key, value):
            told.append((key, value))

    class Context:
        db, clock, stations = passed.db, passed.clock, Edge()

    async with passed.db.read() as tx:
        home, street = await stations.get(tx, HOME_STATION), await stations.get(tx, STREET_STATION_1)
    await acquaintance.tell_readings(Context(), home)
    assert told[-1] == ("MasterPassGroupId", master_group(PROVIDER))
    told.clear()
    await acquaintance.tell_readings(Context(), street)
    assert "MasterPassGroupId" not in dict(told)


async def tell_policy(case, *, one):
    async with case.db.begin() as tx:
        await contracts.set_one_session_a_token(tx, PROVIDER, wanted=one)


async def plug_in_elsewhere(case):
    """Anna charges on the street with the card that she shares."""
    async with case.db.begin() as tx:
        await flow.open_session(tx, STREET_STATION_1, StartInfo(1, CARD, 0, NOW), NOW)
        street = await stations.evse_at(tx, STREET_STATION_1, 1)
        await stations.set_status(tx, street.id, "Charging", "NoError", NOW)


async def test_a_card_that_a_family_shares_charges_twice_unless_its_party_says_otherwise(passed):
    await plug_in_elsewhere(passed)
    async with passed.station() as station:
        assert (await authorize(station, CARD))["status"] == "Accepted"
        await tell_policy(passed, one=True)
        assert await authorize(station, CARD) == {"status": "ConcurrentTx"}
        answer = await station.event("Started", "Authorized", "Charging", card=CARD)
        assert answer["idTokenInfo"] == {"status": "ConcurrentTx"}
        kept = await session(passed)  # never lost, and paid for by who charges
        assert (kept.state, kept.account_id) == (SessionState.OPEN, ANNA)


async def test_a_card_that_charges_here_may_end_it_here_and_one_whose_car_is_gone_charges_elsewhere(passed):
    await tell_policy(passed, one=True)
    async with passed.station() as station:
        answer = await station.event("Started", "Authorized", "Charging", card=CARD)
        assert answer["idTokenInfo"]["status"] == "Accepted"
        assert (await authorize(station, CARD))["status"] == "Accepted"
        assert (await station.event("Ended", "StopAuthorized", reason="Local", card=CARD))["idTokenInfo"][
            "status"
        ] == "Accepted"
    await plug_in_elsewhere(passed)
    async with passed.db.begin() as tx:
        street = await stations.evse_at(tx, STREET_STATION_1, 1)
        await stations.set_status(tx, street.id, "Available", "NoError", NOW)
    async with passed.station() as station:
        assert (await authorize(station, CARD))["status"] == "Accepted"
