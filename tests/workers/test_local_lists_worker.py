"""Lists of tokens are kept in step with who may charge at a station, whatever the station says to them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
import small_town
import sqlalchemy as sa
from small_town import ANNA, HOME_STATION, NOW, PROVIDER, STREET_STATION_1

from server.core.local_list import Update
from server.core.traits import Traits
from server.flows import closing, local_lists, settlements
from server.storage import contracts, outbox, tables
from server.storage import local_lists as stored
from server.storage import stations as stored_stations
from server.storage.contracts import Token
from server.storage.outbox import Task
from server.workers import local_lists as worker
from server.workers.ports import Heard, ListVersion

TASK = Task(1, "local_list", str(HOME_STATION), "{}", NOW, 0)
SENT = "accepted"


@dataclass
class Lists:
    """A station that keeps a list. `answers`: what it says to the next messages; Accepted once they are used up."""

    version_said: ListVersion | None = None
    answers: list[Heard] = field(default_factory=list)
    told: list[Update] = field(default_factory=list)
    held: int = 0

    async def version(self, _station_id: UUID) -> ListVersion:
        return self.version_said or ListVersion("accepted", self.held)

    async def send(self, _station_id: UUID, update: Update) -> Heard:
        self.told.append(update)
        heard = self.answers.pop(0) if self.answers else Heard(SENT)
        if heard.accepted:
            self.held = update.version
        return heard

    def uids(self) -> list[list[str]]:
        return [[one.uid for one in update.tokens] for update in self.told]


@pytest.fixture
def lists() -> Lists:
    return Lists()


@pytest.fixture
def context(context, lists):
    return replace(context, lists=lists)


async def known(context, station_id=HOME_STATION):
    async with context.db.read() as tx:
        return await stored.get(tx, station_id)


async def add_card(context, uid: str, account_id=ANNA) -> None:
    async with context.db.begin() as tx:
        await contracts.add_token(tx, Token(uid, PROVIDER, account_id, "rfid", valid=True))


async def queued(context, kind="local_list"):
    async with context.db.read() as tx:
        return [(task.key, task.due_at) for task in await outbox.due(tx, NOW + timedelta(days=9)) if task.kind == kind]


async def test_a_home_gets_its_owners_tokens_and_then_only_what_changes(context, lists):
    assert await worker.sync(context, TASK) == "sent:1"
    assert (lists.told[0].full, lists.uids()) == (True, [["ANNA-CARD"]])
    assert lists.told[0].tokens[0].group
    assert await worker.sync(context, TASK) == "in_step"
    await add_card(context, "ANNAS-OTHER")
    assert await worker.sync(context, TASK) == "sent:1"
    assert (lists.told[1].full, lists.told[1].version, lists.uids()[1]) == (False, 2, ["ANNAS-OTHER"])
    async with context.db.read() as tx:
        seen = await local_lists.view(tx, HOME_STATION)
    assert (seen.state, seen.version, seen.tokens) == ("held", 2, ["ANNA-CARD", "ANNAS-OTHER"])


async def test_a_long_list_takes_no_more_statements_than_a_short_one(context):
    said: list[str] = []

    def hear(*args):
        said.append(args[2])

    sa.event.listen(context.db.engine.sync_engine, "before_cursor_execute", hear)
    counts = []
    for _ in range(2):
        async with context.db.read() as tx:
            said.clear()
            due = await local_lists.due(tx, HOME_STATION, NOW)
        counts.append(len(said))
        for number in range(20):
            await add_card(context, f"CARD-{len(counts)}-{number}")
    assert len(due.wanted) == 21
    assert counts[0] == counts[1]


async def test_a_token_that_may_charge_no_more_is_told_so_at_once(context, lists):
    await worker.sync(context, TASK)
    async with context.db.begin() as tx:
        assert await closing.close_account(tx, ANNA, NOW) == 0
    assert (str(HOME_STATION), NOW) in await queued(context)
    await worker.sync(context, TASK)
    assert [(one.uid, one.status) for one in lists.told[1].tokens] == [("ANNA-CARD", "Blocked")]


async def test_another_version_than_ours_is_followed_by_the_whole_list(context, lists):
    await worker.sync(context, TASK)
    lists.held = 77  # somebody else wrote one
    assert await worker.sync(context, TASK) == "sent:1"
    assert (lists.told[1].full, lists.uids()[1]) == (True, ["ANNA-CARD"])


@pytest.mark.parametrize("word", ["VersionMismatch", "Failed"])
async def test_a_refused_change_is_followed_by_the_whole_list_tc_043_3(context, lists, word):
    await worker.sync(context, TASK)
    await add_card(context, "ANNAS-OTHER")
    lists.answers = [Heard("rejected", word)]
    assert await worker.sync(context, TASK) == "sent:1"
    assert [update.full for update in lists.told] == [True, False, True]
    assert lists.uids()[2] == ["ANNA-CARD", "ANNAS-OTHER"]
    assert [update.version for update in lists.told] == [1, 2, 3]
    assert (await known(context)).failures == 0


async def test_one_that_fails_twice_is_left_alone_for_a_day(context, lists):
    lists.answers = [Heard("rejected", "Failed")] * 9
    assert await worker.sync(context, TASK) == "Failed"
    assert ((await known(context)).state, len(lists.told)) == ("failed", 2)
    assert await queued(context) == [(str(HOME_STATION), NOW + timedelta(days=1))]
    lists.answers = []
    assert await worker.sync(context, TASK) == "sent:1"
    assert (await known(context)).state == "held"


@pytest.mark.parametrize(
    ("version", "answers"),
    [
        pytest.param(ListVersion("not_supported"), [], id="TC_042_1 it has no version"),
        pytest.param(None, [Heard("not_supported", "NotSupported")], id="TC_043_1 it takes none"),
    ],
)
async def test_one_that_keeps_no_lists_is_asked_again_only_with_other_firmware(context, lists, version, answers):
    lists.version_said, lists.answers = version, answers
    assert await worker.sync(context, TASK) == "not_supported"
    assert await worker.sync(context, TASK) == "no_list"
    lists.version_said = None
    async with context.db.begin() as tx:
        await stored_stations.update(tx, HOME_STATION, firmware="2.0")
    assert await worker.sync(context, TASK) == "sent:1"


async def test_one_that_does_not_answer_is_asked_again_soon_and_gets_the_whole_list_then(context, lists):
    await worker.sync(context, TASK)
    await add_card(context, "ANNAS-OTHER")
    lists.answers = [Heard("timed_out")]
    assert await worker.sync(context, TASK) == "timed_out"
    assert await queued(context) == [(str(HOME_STATION), NOW + timedelta(minutes=10))]
    await worker.sync(context, TASK)
    assert lists.told[2].full
    lists.version_said = ListVersion("offline")
    await add_card(context, "ANNAS-THIRD")
    assert await worker.sync(context, TASK) == "offline"


async def test_a_list_is_no_longer_than_the_station_holds_and_no_message_than_it_takes(context, lists, stations):
    stations.options = {
        "LocalAuthListEnabled": "false",
        "LocalAuthListMaxLength": "3",
        "SendLocalListMaxLength": "2",
    }
    for number in range(4):
        await add_card(context, f"CARD-{number}")
    assert await worker.sync(context, TASK) == "sent:2"
    assert lists.uids() == [["ANNA-CARD", "CARD-0"], ["CARD-1"]]
    assert [update.full for update in lists.told] == [True, False]
    assert ("LocalAuthListEnabled", HOME_STATION, "true") in stations.told


async def test_a_token_too_long_for_1_6_is_left_out_of_its_list_only(context, lists):
    await add_card(context, "X" * 21)
    for ocpp, uids in (("ocpp1.6", ["ANNA-CARD"]), ("ocpp2.0.1", ["X" * 21])):
        async with context.db.begin() as tx:
            await stored_stations.update(tx, HOME_STATION, ocpp=ocpp)
        await worker.sync(context, TASK)
        assert lists.uids()[-1] == uids


async def test_an_operator_may_switch_it_off_and_then_the_list_is_emptied(context, lists):
    await worker.sync(context, TASK)
    async with context.db.begin() as tx:
        await stored_stations.update(tx, HOME_STATION, traits=Traits(local_list=False))
    await worker.sync(context, TASK)
    assert (lists.told[1].tokens, lists.told[1].gone) == ((), ("ANNA-CARD",))
    assert await worker.sync(context, TASK) == "no_list"


async def test_a_list_is_written_as_often_as_flash_is_to_take_and_the_rest_tomorrow(context, lists):
    """One message a day is left: a new card waits, one that may charge no more is taken off all the same."""
    async with context.db.begin() as tx:
        await stored_stations.update(tx, HOME_STATION, traits=Traits(flash_writes_a_day=10))
        await stored_stations.wrote(tx, {HOME_STATION: 9}, NOW.date())
    assert await worker.sync(context, TASK) == "sent:1"
    async with context.db.read() as tx:
        assert (await stored_stations.get(tx, HOME_STATION)).writes_on(NOW.date()) == 10
    await add_card(context, "ANNAS-OTHER")
    assert await worker.sync(context, TASK) == "tomorrow:0"
    midnight = datetime.combine(NOW.date() + timedelta(days=1), time(), UTC)
    assert (str(HOME_STATION), midnight) in await queued(context)
    async with context.db.begin() as tx:
        await tx.execute(sa.update(tables.Tokens).where(tables.Tokens.uid == "ANNA-CARD").values(valid=False))
    assert await worker.sync(context, TASK) == "sent:1"
    assert lists.held == 2


async def test_behind_a_shared_limit_there_is_no_list(context, lists):
    street = Task(1, "local_list", str(STREET_STATION_1), "{}", NOW, 0)
    assert await worker.sync(context, street) == "no_list"
    assert lists.told == []


async def test_at_a_public_place_who_charged_there_is_known(context, lists):
    street = Task(1, "local_list", str(STREET_STATION_1), "{}", NOW, 0)
    async with context.db.begin() as tx:
        await tx.execute(sa.update(tables.Stations).values(feeder_id=None))
    assert await worker.sync(context, street) == "no_list"
    session_id = await small_town.plug_in(context.db, NOW - timedelta(hours=3), STREET_STATION_1)
    await small_town.unplug(context.db, session_id, NOW - timedelta(hours=2), 4_000)
    async with context.db.begin() as tx:
        await settlements.settle_session(tx, session_id, NOW)
        await local_lists.learn(tx, session_id, NOW)
    assert (str(STREET_STATION_1), NOW) in await queued(context)
    assert await worker.sync(context, street) == "sent:1"
    assert lists.uids() == [["ANNA-CARD"]]
    async with context.db.begin() as tx:
        await local_lists.learn(tx, session_id, NOW)
    assert len(await queued(context)) == 1  # known already


async def test_all_of_it_again_when_its_operator_says_so(context, lists):
    await worker.sync(context, TASK)
    async with context.db.begin() as tx:
        await local_lists.again(tx, HOME_STATION, NOW)
    assert await queued(context) == [(str(HOME_STATION), NOW)]
    await worker.sync(context, TASK)
    assert [update.full for update in lists.told] == [True, True]
