"""2.x stations name their transactions and number what they tell: events come twice, late, in any order, or never."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from flow_story import settle_due
from small_town import ANNA, HOME_STATION, NOW, STREET_STATION_1, make_plan, rows
from small_town import HOME as HOME_PLACE

from server.clock import SteppedClock
from server.core.reports import (
    BootInfo,
    ConnectorStatus,
    SampledReading,
    SignedValue,
    TransactionInfo,
    TransactionStanding,
)
from server.flows import sessions as flow
from server.flows import stations as station_flow
from server.main import transaction_flow
from server.storage import outbox, sessions, stations, wallets
from server.storage import transactions as stored
from server.storage.outbox import Task
from server.workers.context import WorkContext
from server.workers.settle import ask_transaction
from server.workers.solve import Inline
from shared.sessions import SessionState

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CARD = "ANNA-CARD"


def read(at, register_wh, context="Sample.Periodic", power_w=None):
    return SampledReading(at, register_wh=register_wh, power_w=power_w, context=context)


def started(at=NOW, register_wh=100_000, seq_no=0, **more):
    readings = () if register_wh is None else (read(at, register_wh, "Transaction.Begin"),)
    said = {"connector_no": 1, "token_uid": CARD} | more
    return TransactionInfo("T-1", "Started", seq_no, at, "CablePluggedIn", readings=readings, **said)


def updated(seq_no, at, register_wh=None, power_w=None, **more):
    readings = () if register_wh is None else (read(at, register_wh, power_w=power_w),)
    return TransactionInfo("T-1", "Updated", seq_no, at, "MeterValuePeriodic", readings=readings, **more)


def ended(seq_no, at, register_wh, **more):
    readings = () if register_wh is None else (read(at, register_wh, "Transaction.End"),)
    said = {"reason": "EVDisconnected"} | more
    return TransactionInfo("T-1", "Ended", seq_no, at, "EVDeparted", readings=readings, **said)


async def tell(db, info, now=None, station=HOME_STATION):
    async with db.begin() as tx:
        return (await transaction_flow.take(tx, station, info, now or info.at)).token


async def session(db, station=HOME_STATION, reference="T-1"):
    async with db.read() as tx:
        return await sessions.by_reference(tx, station, reference)


async def evse_status(db, station=HOME_STATION):
    async with db.read() as tx:
        return (await stations.evse_at(tx, station, 1)).status


async def waiting(db, kind, now):
    async with db.read() as tx:
        return [task for task in await outbox.due(tx, now) if task.kind == kind]


NIGHT = [
    started(),
    updated(1, NOW + HOUR, 104_000, 4_000),
    updated(2, NOW + 2 * HOUR, 108_000, 4_000),
    ended(3, NOW + 3 * HOUR, 110_000),
]


async def test_a_night_from_started_to_ended_is_one_session_and_one_receipt(town):
    """TC_E_03, TC_E_20, TC_J_07, TC_J_09, TC_J_10."""
    answers = [await tell(town, one) for one in NIGHT]
    assert [answer.status if answer else None for answer in answers] == ["Accepted", None, None, None]
    night = await session(town)
    assert (night.state, night.account_id, night.transaction_ref) == (SessionState.ENDED, ANNA, "T-1")
    assert (night.started_at, night.ended_at) == (NOW, NOW + 3 * HOUR)
    assert (night.meter_start_wh, night.meter_stop_wh, night.stop_reason) == (100_000, 110_000, "EVDisconnected")
    await settle_due(town, NOW + 4 * HOUR)
    async with town.read() as tx:
        assert (await wallets.receipt(tx, night.id)).energy_wh == 10_000


ORDERS = {
    "twice": [0, 0, 1, 1, 2, 2, 3, 3],
    "all again at the end": [0, 1, 2, 3, 0, 1, 2, 3],
    "backwards": [3, 2, 1, 0],
    "started late": [1, 2, 0, 3],
    "started last": [1, 2, 3, 0],
    "an update late": [0, 2, 3, 1],
}


@pytest.mark.parametrize("order", list(ORDERS.values()), ids=list(ORDERS))
async def test_in_any_order_and_however_often_the_session_is_the_same(town, order):
    now = NOW + 4 * HOUR
    for step, number in enumerate(order):
        info = NIGHT[number] if number == 0 else msgspec.structs.replace(NIGHT[number], connector_no=1)
        await tell(town, info, now + step * MINUTE)
    night = await session(town)
    assert await rows(town, "sessions") == 1
    assert (night.state, night.started_at, night.ended_at) == (SessionState.ENDED, NOW, NOW + 3 * HOUR)
    assert (night.meter_start_wh, night.meter_stop_wh, night.token_uid) == (100_000, 110_000, CARD)
    assert night.account_id == ANNA
    await settle_due(town, now + HOUR)
    async with town.read() as tx:
        assert (await wallets.receipt(tx, night.id)).energy_wh == 10_000
        assert await wallets.total(tx) == 0


async def test_the_answer_to_a_repeat_says_the_same_of_its_token(town):
    first = await tell(town, started())
    assert await tell(town, started(), NOW + HOUR) == first
    assert (await tell(town, updated(1, NOW + MINUTE, token_uid="NOBODYS"))).status == "Invalid"
    assert (await session(town)).token_uid == CARD


async def test_one_number_for_start_and_end_is_believed(town):
    """A station that says seqNo 0 for both (VCP): TC_E_53 asks only that 0 is taken."""
    await tell(town, started())
    await tell(town, ended(0, NOW + HOUR, 103_000))
    assert (await session(town)).meter_stop_wh == 103_000
    assert await waiting(town, "ask_transaction", NOW + HOUR) == []


async def test_a_station_that_numbers_nothing_has_its_session_and_is_asked_for_no_gap(town):
    told = (started(seq_no=-9), updated(-77, NOW + HOUR, 104_000), ended(-5, NOW + 2 * HOUR, 108_000))
    for info in (*told[:2], told[1], told[2]):
        await tell(town, info)
    found = await session(town)
    assert (found.state, found.energy_wh) == (SessionState.ENDED, 8_000)
    assert await rows(town, "transaction_events") == 3
    assert await waiting(town, "ask_transaction", NOW + 3 * HOUR) == []


async def test_a_cable_first_and_the_card_later(town):
    """TC_E_09, TC_E_03: nobody is known at the start; who shows a card gets the session."""
    await tell(town, started(token_uid=None))
    assert ((await session(town)).account_id, (await session(town)).token_uid) == (None, "")
    answer = await tell(town, updated(1, NOW + MINUTE, token_uid=CARD))
    after = await session(town)
    assert answer.status == "Accepted"
    assert (after.account_id, after.token_uid) == (ANNA, CARD)
    assert after.reference_power_w > 0
    assert [task.key for task in await waiting(town, "replan", NOW + MINUTE)] == [str(HOME_PLACE)]


async def test_a_refused_card_and_then_a_good_one(town):
    """TC_E_16 and after it: the session is of who was let in."""
    assert (await tell(town, started(token_uid="NOBODYS"))).status == "Invalid"
    await tell(town, msgspec.structs.replace(updated(1, NOW + MINUTE, token_uid="NOBODYS"), trigger="Authorized"))
    assert ((await session(town)).account_id, (await session(town)).token_uid) == (None, "NOBODYS")
    good = msgspec.structs.replace(updated(2, NOW + 2 * MINUTE, token_uid=CARD), trigger="Authorized")
    assert (await tell(town, good)).status == "Accepted"
    assert ((await session(town)).account_id, (await session(town)).token_uid) == (ANNA, CARD)
    other = msgspec.structs.replace(updated(3, NOW + 3 * MINUTE, token_uid="BERT-CARD"), trigger="Authorized")
    await tell(town, other)
    assert (await session(town)).account_id == ANNA


async def test_a_card_first_and_the_cable_later_at_a_station_with_two_sockets(town):
    """TC_E_04, TC_E_10, TC_J_08: where is said later; until then there is no session, and nothing is lost."""
    async with town.begin() as tx:
        await stations.add_evse(tx, await stations.get(tx, HOME_STATION), 2)
    first = await tell(town, started(connector_no=None))
    assert first.status == "Accepted"
    assert await session(town) is None
    await tell(town, updated(1, NOW + MINUTE, 100_000, connector_no=2))
    found = await session(town)
    assert (found.connector_no, found.started_at, found.token_uid, found.account_id) == (2, NOW, CARD, ANNA)
    assert found.meter_start_wh == 100_000


async def test_the_only_socket_needs_no_number(town):
    await tell(town, started(connector_no=None))
    assert (await session(town)).connector_no == 1


async def test_a_card_without_a_cable_is_no_session(town):
    """TC_E_39, TC_F_04: nobody plugged in; at a station with two sockets nobody knows where."""
    async with town.begin() as tx:
        await stations.add_evse(tx, await stations.get(tx, HOME_STATION), 2)
    await tell(town, started(connector_no=None, register_wh=None))
    await tell(town, ended(1, NOW + MINUTE, None, reason="Timeout"))
    assert await session(town) is None
    assert await rows(town, "sessions") == 0


async def test_no_authorization_at_a_home_is_its_owner_and_elsewhere_nobody(town):
    assert (await tell(town, started(token_uid=""))).status == "Accepted"
    assert (await session(town)).account_id == ANNA
    assert (await tell(town, started(token_uid=""), station=STREET_STATION_1)).status == "Invalid"
    assert (await session(town, STREET_STATION_1)).account_id is None


async def test_a_register_that_nobody_said_at_the_start_begins_with_the_first_reading(town):
    """TC_J_08, TC_E_01: else a meter at 100 kWh would be 100 kWh of energy."""
    await tell(town, started(register_wh=None))
    assert (await session(town)).meter_start_wh == 0
    await tell(town, updated(1, NOW + 5 * MINUTE, 100_100))
    await tell(town, updated(2, NOW + 10 * MINUTE, 101_000))
    assert ((await session(town)).meter_start_wh, (await session(town)).energy_wh) == (100_100, 900)


async def test_a_register_that_begins_at_zero_stays(town):
    await tell(town, started(register_wh=0))
    await tell(town, updated(1, NOW + 5 * MINUTE, 900))
    assert ((await session(town)).meter_start_wh, (await session(town)).energy_wh) == (0, 900)


async def test_an_end_without_a_start_is_a_session_by_what_its_meter_says(town):
    begin, end = read(NOW, 100_000, "Transaction.Begin"), read(NOW + HOUR, 105_000, "Transaction.End")
    info = TransactionInfo("T-1", "Ended", 4, NOW + HOUR, connector_no=1, token_uid=CARD, readings=(begin, end))
    await tell(town, info, NOW + 2 * HOUR)
    night = await session(town)
    assert (night.started_at, night.ended_at, night.energy_wh) == (NOW, NOW + HOUR, 5_000)


async def test_the_charging_state_tells_of_the_evse_where_it_is_of_now(town):
    """TC_E_22, TC_E_26, TC_E_38."""
    await tell(town, started(state="Preparing"))
    assert await evse_status(town) == "Preparing"
    for seq_no, state in enumerate(("Charging", "SuspendedEV", "SuspendedEVSE"), 1):
        await tell(town, updated(seq_no, NOW + seq_no * MINUTE, state=state))
        assert await evse_status(town) == state
    await tell(town, updated(4, NOW + 4 * MINUTE, state="Charging", offline=True))
    await tell(town, updated(5, NOW + 5 * MINUTE, state="Charging"), NOW + HOUR)
    assert await evse_status(town) == "SuspendedEVSE"


@pytest.mark.parametrize(
    ("state", "said", "became"),
    [
        (None, "Occupied", "Finishing"),
        ("Ended", "Occupied", "Finishing"),
        ("Ended", "Available", "Available"),
    ],
)
async def test_an_end_leaves_nothing_charging_however_little_it_says(town, state, said, became):
    await tell(town, started(state="Charging"))
    assert await evse_status(town) == "Charging"
    await tell(town, ended(1, NOW + HOUR, 101_000, state=state, offline=state is None), NOW + 2 * HOUR)
    assert await evse_status(town) == "Finishing"
    async with town.begin() as tx:
        info = ConnectorStatus(1, said, "NoError", NOW + 2 * HOUR)
        await station_flow.status(tx, HOME_STATION, info, NOW + 2 * HOUR)
    assert await evse_status(town) == became


async def test_an_end_out_of_a_queue_says_nothing_of_the_car_that_charges_by_then(town):
    await tell(town, started(state="Charging"))
    later = msgspec.structs.replace(started(NOW + HOUR, 200_000, state="Charging"), reference="T-2")
    await tell(town, later)
    await tell(town, ended(1, NOW + MINUTE, 101_000, offline=True), NOW + 2 * HOUR)
    assert await evse_status(town) == "Charging"


async def test_offline_readings_count_for_the_energy_and_are_not_held_against_the_plan(town):
    await tell(town, started())
    await make_plan(town, HOME_PLACE, NOW)
    night = await session(town)
    async with town.begin() as tx:
        before = await sessions.get(tx, night.id)
        await sessions.save(tx, before, msgspec.structs.replace(before, plan_accepted=True))
    for seq_no in (1, 2, 3):
        at = NOW + 5 * MINUTE * seq_no
        await tell(town, updated(seq_no, at, 100_000 + 900 * seq_no, 11_000, offline=True), at)
    after = await session(town)
    assert (after.energy_wh, after.followed, after.idle_since) == (2_700, "pending", None)


async def test_what_a_meter_signed_is_kept_as_it_came(town):
    """TC_J_11."""
    signed = SignedValue(NOW, "Transaction.Begin", '{"signedMeterData":"OCMF|{}|{}",  "publicKey":""}')
    await tell(town, started(signed=(signed,)))
    await tell(town, started(signed=(signed,)))
    async with town.read() as tx:
        assert await stored.signed(tx, HOME_STATION, "T-1") == [signed]


async def test_a_name_that_a_station_gives_again_is_another_session(town):
    for info in NIGHT:
        await tell(town, info)
    await tell(town, started(NOW + 5 * HOUR, 110_000))
    again = await session(town)
    assert (again.started_at, again.meter_start_wh, again.state) == (NOW + 5 * HOUR, 110_000, SessionState.OPEN)
    assert await rows(town, "sessions") == 2


class Edge:
    """A station edge that says how transactions stand, and counts how often it was asked."""

    def __init__(self, standing):
        self.standing, self.asked = standing, []

    async def transaction_standing(self, _station_id, reference):
        self.asked.append(reference)
        return self.standing


async def ask_due(db, now, edge):
    outcomes = []
    for task in await waiting(db, "ask_transaction", now):
        context = WorkContext(db, SteppedClock(now), edge, Inline())
        outcomes.append(await ask_transaction(context, task))
        async with db.begin() as tx:
            await outbox.done(tx, [task.id], now)
    return outcomes


async def test_a_gap_is_asked_for_once_and_a_little_later(town):
    """TC_E_29, TC_E_31: its station still has messages of it."""
    edge = Edge(TransactionStanding(ongoing=True, queued=True))
    await tell(town, started())
    await tell(town, updated(3, NOW + 5 * MINUTE, 101_000))
    assert await ask_due(town, NOW + 5 * MINUTE, edge) == []
    assert await ask_due(town, NOW + 6 * MINUTE, edge) == ["queued"]
    await tell(town, updated(6, NOW + 7 * MINUTE, 102_000))
    assert await ask_due(town, NOW + HOUR, edge) == []
    assert edge.asked == ["T-1"]
    assert (await session(town)).state is SessionState.OPEN


async def test_a_gap_that_closes_by_itself_is_not_asked_for(town):
    edge = Edge(TransactionStanding(ongoing=True, queued=False))
    for info in (started(), updated(2, NOW + 5 * MINUTE, 101_000), updated(1, NOW + 4 * MINUTE, 100_500)):
        await tell(town, info)
    assert await ask_due(town, NOW + HOUR, edge) == ["nothing_missing"]
    assert edge.asked == []


async def test_a_transaction_that_is_over_and_has_no_more_to_tell_ends_at_its_last_reading(town):
    await tell(town, started())
    await tell(town, updated(3, NOW + 5 * MINUTE, 101_000))
    assert await ask_due(town, NOW + HOUR, Edge(TransactionStanding(ongoing=False, queued=False))) == ["ended"]
    night = await session(town)
    assert (night.state, night.ended_at, night.meter_stop_wh) == (SessionState.ENDED, NOW + 5 * MINUTE, 101_000)
    late = await tell(town, ended(4, NOW + 2 * HOUR, 109_000))  # its own word counts, whenever it comes
    assert late is None
    assert ((await session(town)).meter_stop_wh, (await session(town)).ended_at) == (109_000, NOW + 2 * HOUR)


async def test_a_station_that_booted_is_asked_for_what_ran_before(town):
    """TC_E_30, TC_E_34: a reboot loses a transaction, and nobody says so."""
    await tell(town, started())
    await tell(town, updated(1, NOW + 5 * MINUTE, 101_000))
    async with town.begin() as tx:
        await station_flow.boot(tx, HOME_STATION, BootInfo("V", "M"), NOW + HOUR)
    goes_on = Edge(TransactionStanding(ongoing=True, queued=False))
    assert await ask_due(town, NOW + HOUR + 2 * MINUTE, goes_on) == ["goes_on"]
    assert (await session(town)).state is SessionState.OPEN
    async with town.begin() as tx:
        await station_flow.boot(tx, HOME_STATION, BootInfo("V", "M"), NOW + 2 * HOUR)
    over = Edge(TransactionStanding(ongoing=False, queued=False))
    assert await ask_due(town, NOW + 3 * HOUR, over) == ["ended"]
    assert (await session(town)).meter_stop_wh == 101_000
    async with town.begin() as tx:
        await station_flow.boot(tx, HOME_STATION, BootInfo("V", "M"), NOW + 4 * HOUR)
    assert await ask_due(town, NOW + 5 * HOUR, over) == []


async def test_a_station_that_does_not_say_is_left_alone(town):
    await tell(town, started())
    await tell(town, updated(3, NOW + 5 * MINUTE, 101_000))
    assert await ask_due(town, NOW + HOUR, Edge(None)) == ["not_said"]
    assert (await session(town)).state is SessionState.OPEN


async def test_tokens_of_one_account_are_of_one_group_and_of_nobody_elses(town):
    """TC_C_39."""
    group = (await tell(town, started())).group
    assert 0 < len(group) <= 20
    async with town.read() as tx:
        assert (await flow.authorize(tx, HOME_STATION, CARD, NOW)).group == group
        assert (await flow.authorize(tx, HOME_STATION, "NOBODYS", NOW)).group == ""
        berts = await flow.authorize(tx, STREET_STATION_1, "BERT-CARD", NOW)
        assert berts.group not in {"", group}


async def test_without_a_session_nobody_is_asked(town):
    nothing = Task(1, "ask_transaction", str(UUID(int=5)), "{}", NOW, 0)
    context = WorkContext(town, SteppedClock(NOW), Edge(None), Inline())
    assert await ask_transaction(context, nothing) == "nothing_missing"
