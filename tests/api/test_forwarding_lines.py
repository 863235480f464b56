"""Another central system hears a forwarded station: in order, under its own numbers, however long it was away."""

import asyncio

import pytest
from api_edge import bearer, eventually
from forwarding_desk import AT, LIST, boot, opened, read, start, stop
from operators_desk import OPERATOR
from other_system import Billing
from small_town import OLGA, STATION_KEY

READ = "MeterValues"
SESSION = ["StartTransaction", READ, "StopTransaction"]


@pytest.fixture
async def office(context):
    async with opened(context) as office:
        yield office


@pytest.fixture
async def billing():
    return Billing()


def heard(billing) -> list[str]:
    """What it heard of transactions."""
    return [one for one in billing.actions() if one in SESSION]


async def test_it_hears_all_in_the_stations_name_and_under_its_own_number(office, billing):
    async with billing.listening():
        await office.upload(billing)
        async with office.station() as box:
            await boot(box)
            ours, _ = await start(box)
            await read(box, ours, 1_500)
            await stop(box, ours)
            await office.until_listed(state="connected", waiting=0, delivered=3)
        assert billing.actions()[:2] == ["BootNotification", "StatusNotification"]
        assert heard(billing) == SESSION
        assert [billing.told(one)[0]["transactionId"] for one in SESSION[1:]] == [7001, 7001]
        assert ours != 7001
        await eventually(lambda: not billing.stations)  # the station has gone, and so has its line there


async def test_while_it_is_away_the_station_notices_nothing_and_later_it_hears_all_in_order(office, billing):
    async with billing.listening():
        pass  # the port is known, and nobody listens there
    await office.upload(billing)
    async with office.station() as box:
        await boot(box)
        ours, status = await start(box)
        for wh in (1_100, 1_200, 1_300):
            await read(box, ours, wh, f"read {wh}")
        await stop(box, ours)
        assert status == "Accepted"
        found = await office.until_listed(waiting=5, state="waiting")
        assert "cannot be reached" in found["error"]
    async with billing.listening():  # the station is away by now: what waits is told all the same
        await office.until_listed(waiting=0, delivered=5)
    assert heard(billing) == ["StartTransaction", READ, READ, READ, "StopTransaction"]
    values = [one["meterValue"][0]["sampledValue"][0]["value"] for one in billing.told(READ)]
    assert values == ["1100", "1200", "1300"]
    assert billing.actions()[0] == "BootNotification"


async def test_a_server_that_was_killed_tells_the_end_of_a_session_when_it_is_back(office, billing):
    async with billing.listening():
        await office.upload(billing)
        async with office.station() as box:
            await boot(box)
            ours, _ = await start(box)
            await office.until_listed(delivered=1)
    async with office.station() as box:
        await stop(box, ours)
        await office.until_listed(waiting=1)
    await office.kill()
    boots = billing.actions().count("BootNotification")  # two, where this machine was slow to say the first one
    async with billing.listening():
        office.employ()
        await office.until_listed(waiting=0, delivered=2)
    assert billing.told("StopTransaction")[0]["transactionId"] == 7001
    assert billing.actions().count("BootNotification") == boots, (
        "the station has not started anew, and neither has the session"
    )


async def test_an_end_that_was_answered_and_not_noted_is_told_from_the_session(office, billing):
    async with billing.listening():
        await office.upload(billing)
        async with office.station() as box:
            await boot(box)
            ours, _ = await start(box)
            await office.until_listed(delivered=1)
            await office.kill()
            await stop(box, ours)  # in the moment in which nobody could note it
        office.employ()
        await office.until_listed(waiting=0, delivered=2)
    (told,) = billing.told("StopTransaction")
    assert told == {"transactionId": 7001, "meterStop": 2_000, "timestamp": AT.format(50), "reason": "Local"}


async def test_a_begin_that_was_answered_and_not_noted_is_told_from_the_session(office, billing):
    async with billing.listening():
        await office.upload(billing)
        async with office.station() as box:
            await boot(box)
            await office.until_listed(state="connected")
            await office.kill()
            ours, _ = await start(box)  # in the moment in which nobody could note it
            office.employ()
            await eventually(lambda: office.forwarder._lines)
            await stop(box, ours)
            await office.until_listed(waiting=0, delivered=2)
    assert heard(billing) == ["StartTransaction", "StopTransaction"]


async def test_one_that_is_slow_hears_each_message_again_under_its_id_until_it_answers(office, billing):
    asleep = True
    billing.mood = lambda action: asleep and action == "StartTransaction"
    async with billing.listening(), office.station() as box:
        await office.upload(billing)
        await boot(box)
        ours, _ = await start(box)
        await read(box, ours, 1_500)
        assert set(heard(billing)) <= {"StartTransaction"}, "the station has its answers, whoever else is silent"
        await eventually(lambda: len(heard(billing)) == 2)
        asleep = False
        await office.until_listed(waiting=0, delivered=2)
    assert heard(billing) == ["StartTransaction"] * 3 + [READ]
    assert billing.connections == 3


async def test_a_message_that_it_will_not_have_is_given_up_and_the_next_ones_are_told(office, billing):
    billing.mood = lambda action: [4, "InternalError", "oh", {}] if action == READ else None
    async with billing.listening(), office.station() as box:
        await office.upload(billing)
        await boot(box)
        ours, _ = await start(box)
        await read(box, ours, 1_500)
        await stop(box, ours)
        found = await office.until_listed(waiting=0, delivered=2, dropped=1)
    assert heard(billing) == ["StartTransaction", READ, READ, READ, "StopTransaction"]
    assert found["note"] == "It refused MeterValues: InternalError oh"


async def test_a_begin_is_said_again_for_long_or_the_whole_session_would_be_lost(office, billing):
    moods = [[4, "InternalError", "oh", {}]] * 5
    billing.mood = lambda action: moods.pop() if action == "StartTransaction" and moods else None
    async with billing.listening(), office.station() as box:
        await office.upload(billing)
        await boot(box)
        ours, _ = await start(box)
        await stop(box, ours)
        await office.until_listed(waiting=0, delivered=2, dropped=0)
    assert heard(billing) == ["StartTransaction"] * 6 + ["StopTransaction"]


async def test_what_has_the_wrong_form_for_it_is_given_up_at_once(office, billing):
    billing.mood = lambda action: [4, "FormationViolation", "", {}] if action == "StopTransaction" else None
    async with billing.listening(), office.station() as box:
        await office.upload(billing)
        await boot(box)
        ours, _ = await start(box)
        await stop(box, ours)
        await office.until_listed(waiting=0, delivered=1, dropped=1)
    assert heard(billing) == ["StartTransaction", "StopTransaction"]


async def test_what_a_station_repeats_it_hears_once(office, billing):
    async with billing.listening(), office.station() as box:
        await office.upload(billing)
        await boot(box)
        ours, _ = await start(box)
        assert await start(box, message_id="again") == (ours, "Accepted")
        await read(box, ours, 1_500)
        await read(box, ours, 1_500, "read again")
        await stop(box, ours)
        await stop(box, ours, "stop again")
        await office.until_listed(waiting=0, delivered=3)
        second, _ = await start(box, message_id="next", second=55)
        await office.until_listed(delivered=4)
    assert heard(billing) == [*SESSION, "StartTransaction"]
    assert second != ours


async def test_a_station_that_was_here_already_is_introduced_with_what_we_know_of_it(office, billing):
    async with billing.listening(), office.station() as box:
        await boot(box)
        await office.upload(billing)
        await office.until_listed(state="connected")
        await eventually(lambda: billing.told("StatusNotification"))
    assert billing.told("BootNotification") == [{"chargePointVendor": "V", "chargePointModel": "M"}]
    assert [(one["connectorId"], one["status"]) for one in billing.told("StatusNotification")] == [(1, "Available")]


async def test_a_session_that_runs_when_it_begins_is_told_from_its_begin(office, billing):
    async with billing.listening(), office.station() as box:
        await boot(box)
        ours, _ = await start(box)
        await read(box, ours, 1_200, "before")
        made = (await office.upload(billing)).json()["forwarding"]
        await read(box, ours, 1_500)
        await office.until_listed(delivered=2, waiting=0)
        path = f"{LIST}/{made['id']}"
        assert (await office.api.patch(path, json={"allowed": ["Reset"]}, headers=bearer(OLGA))).is_success
        await stop(box, ours)  # the next line knows that the begin was told
        await office.until_listed(delivered=3, dropped=0, waiting=0)
    assert heard(billing) == SESSION
    begin = {"connectorId": 1, "idTag": "ANNA-CARD", "meterStart": 1_000, "timestamp": AT.format(0)}
    assert billing.told("StartTransaction") == [begin]
    assert [billing.told(one)[0]["transactionId"] for one in SESSION[1:]] == [7001, 7001]


async def test_of_a_session_that_was_over_before_it_hears_nothing(office, billing):
    async with billing.listening(), office.station() as box:
        await boot(box)
        ours, _ = await start(box)
        await stop(box, ours)
        await office.upload(billing)
        await read(box, ours, 1_500)
        await stop(box, ours, "again")
        await office.until_listed(dropped=2, waiting=0)
    assert heard(billing) == []


async def test_the_word_of_the_other_system_counts_for_its_cards_once_it_is_said(office, billing):
    billing.cards["THEIRS-2"] = "Blocked"
    async with billing.listening(), office.station() as box:
        assert (await start(box, "THEIRS-1"))[1] == "Invalid"
        await office.upload(billing)
        assert [(await start(box, card, card, at))[1] for at, card in ((1, "THEIRS-1"), (2, "THEIRS-2"))] == [
            "Accepted"
        ] * 2
        await office.until_listed(delivered=3)  # with the one that ran already
        assert (await start(box, "THEIRS-2", "more", 3))[1] == "Blocked"
        assert (await start(box, "theirs-1", "same", 4))[1] == "Accepted"
        billing.mood = lambda action: [3, {"transactionId": 9, "idTagInfo": {"status": "Nonsense"}}]
        await start(box, "THEIRS-4", "odd", 6)
        await office.until_listed(delivered=6)
        assert (await start(box, "THEIRS-4", "odd again", 7))[1] == "Invalid"
        await office.upload(billing, their_cards=False)
        assert (await start(box, "THEIRS-3", "none", 5))[1] == "Invalid"


async def test_why_there_is_no_line_is_told(office, billing):
    billing.keys["LOOTS/1"] = "another key"
    async with office.station() as box:
        async with billing.listening():
            await office.upload(billing)
            await boot(box)
            await office.until_listed(error="it refused the station's key (401)")
        billing.keys["LOOTS/1"] = STATION_KEY
        async with billing.listening(versions=["ocpp2.0.1"]):
            why = "it takes ocpp2.0.1, and the station speaks ocpp1.6 only"
            await office.until_listed(state="refused", error=why)
        billing.mood = lambda action: [3, {"status": "Pending", "currentTime": "2025-01-15T18:00:00Z", "interval": 1}]
        async with billing.listening():
            await office.until_listed(state="pending", error="it answered the station's boot: Pending")
            billing.mood = lambda _action: None
            await office.until_listed(state="connected", error="")


async def test_a_switch_ends_it_at_once_for_one_station_or_for_all(office, billing):
    async with billing.listening(), office.station() as box:
        made = (await office.upload(billing)).json()["forwarding"]
        path = f"{LIST}/{made['id']}"
        await boot(box)
        await office.until_listed(state="connected")
        for where in (f"{path}/stations/{made['stations'][0]['id']}", path):
            off = await office.api.patch(where, json={"on": False}, headers=OPERATOR)
            assert off.json()["stations"][0]["state"] == "off"
            await eventually(lambda: not billing.stations)
            before = len(billing.heard)
            await boot(box)
            assert (len(billing.heard), (await office.listed())["waiting"]) == (before, 0)
            await office.api.patch(where, json={"on": True}, headers=bearer(OLGA))
            await eventually(lambda: billing.stations)


async def test_all_that_waits_is_told_however_much(office, billing):
    async with billing.listening():
        pass
    await office.upload(billing)
    async with office.station() as box:
        ours, _ = await start(box)
        for wh in range(1_001, 1_131):
            await read(box, ours, wh, str(wh))
        await office.until_listed(waiting=131)
        async with billing.listening():
            await asyncio.gather(stop(box, ours), office.until_listed(waiting=0, delivered=132))
    assert heard(billing) == ["StartTransaction", *[READ] * 130, "StopTransaction"]
    assert [one["meterValue"][0]["sampledValue"][0]["value"] for one in billing.told(READ)] == [
        str(wh) for wh in range(1_001, 1_131)
    ]
