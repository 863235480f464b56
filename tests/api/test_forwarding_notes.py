"""What forwarded stations' lines note: one that cannot be written stops no other, and none gets lost on the way."""

import asyncio

import pytest
import sqlalchemy as sa
from api_edge import eventually
from forwarding_desk import boot, opened, start
from other_system import Billing

from server.gateway.forwarding.ports import Item, Numbers
from server.gateway.versions import Version
from server.main.forwarding_store import Keeper, NotWritten, StationStore
from server.storage import forwarded, forwardings


@pytest.fixture
async def office(context):
    async with opened(context) as office:
        yield office


async def stored(office) -> tuple[Keeper, StationStore]:
    """A keeper of its own, and LOOTS/1's store."""
    await office.upload(Billing(), url="ws://127.0.0.1:1/none")
    async with asyncio.timeout(30):  # its line says once how it stands, and then no more
        while (await office.listed())["state_at"] is None:  # noqa: ASYNC110 -- what is written has no event
            await asyncio.sleep(0.01)
    async with office.context.db.read() as tx:
        (row,) = await forwardings.routes(tx)
    keeper = Keeper(office.context.db, office.context.clock)
    return keeper, StationStore(keeper, row)


def call(number: int) -> Item:
    return Item(number, Version.V16, "MeterValues", str(number), b"{}", 1, kept=True)


async def written(office, keeper) -> tuple[dict[int, int | None], list[int]]:
    """Numbers and frames in the database."""
    async with office.context.db.read() as tx:
        (row,) = await forwardings.routes(tx)
        numbers = await forwarded.numbers(tx, row.station_id, 50)
        frames = await forwarded.page(tx, row.station_id, 50)
    return {ours: one.theirs for ours, one in sorted(numbers.items())}, [frame.id for frame in frames]


async def test_a_number_that_nobody_can_keep_is_not_understood_and_the_next_session_is_told(office):
    billing = Billing()
    billing.next_number = 2**63
    async with billing.listening(), office.station() as box:
        await office.upload(billing)
        await boot(box)
        await start(box)
        await office.until_listed(waiting=0, dropped=1)
        billing.next_number = 2**63 - 1
        await start(box, message_id="next", second=5)
        await office.until_listed(waiting=0, delivered=1, dropped=1)
    assert office.forwarder.keeper.counts == {}


async def test_the_note_at_fault_is_dropped_and_no_other(office):
    keeper, store = await stored(office)
    for ours in range(1, 12):
        store.numbers(ours, Numbers(2**63 if ours == 7 else ours))
        store.add(call(ours))
    assert await keeper.flush()
    assert keeper.counts == {"faulty": 1}
    found = {ours: ours for ours in range(1, 12) if ours != 7}
    assert await written(office, keeper) == (found, list(range(1, 12)))


async def test_while_the_database_is_away_nothing_is_dropped_and_nothing_is_read(office, monkeypatch):
    keeper, store = await stored(office)
    store.numbers(1, Numbers(1))
    store.add(call(1))

    def away(_changes):
        raise sa.exc.OperationalError("insert", {}, Exception("away"))

    with monkeypatch.context() as there:
        there.setattr(keeper.db, "begin", lambda: away(None))
        with pytest.raises(NotWritten):
            await store.page(10)
    assert [one.id for one in await store.page(10)] == [1]
    assert (await written(office, keeper), keeper.counts) == (({1: 1}, [1]), {})


async def test_who_is_cancelled_while_notes_are_written_takes_none_with_it(office):
    keeper, store = await stored(office)
    store.add(call(1))
    async with office.context.db.begin():  # writers take turns
        reading = asyncio.create_task(store.page(10))
        await eventually(lambda: keeper._notes.empty)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        store.add(call(2))
    assert await keeper.flush()
    assert (await written(office, keeper))[1] == [1, 2]


async def test_notes_are_put_back_where_the_writing_itself_is_cancelled(office):
    keeper, store = await stored(office)
    store.add(call(1))
    async with office.context.db.begin():
        writing = asyncio.create_task(keeper._flush())
        await eventually(lambda: keeper._notes.empty)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    assert list(keeper._notes.adding) == [1]


async def test_a_stop_waits_for_what_is_being_written(office):
    keeper, store = await stored(office)
    running = asyncio.create_task(keeper.run())
    async with office.context.db.begin():
        store.add(call(1))
        await eventually(lambda: keeper._notes.empty)
        store.add(call(2))
        keeper.stop()
    await asyncio.wait_for(running, 5)
    assert (await written(office, keeper))[1] == [1, 2]


async def test_odd_texts_are_cut_and_cleaned_at_the_door(office):
    keeper, store = await stored(office)
    store.state("waiting", "no\x00" + "x" * 5_000)
    store.card("C\x00" + "c" * 5_000, "Accepted\x00")
    assert await keeper.flush()
    found = await office.listed()
    assert found["error"] == ("no\ufffd" + "x" * 252)
    async with office.context.db.read() as tx:
        (row,) = await tx.execute(sa.select(forwardings.CARDS.c.uid, forwardings.CARDS.c.status))
    assert tuple(row) == ("c\ufffd" + "c" * 253, "Accepted\ufffd")


async def test_an_end_that_was_told_stays_told_and_a_number_known(office):
    keeper, store = await stored(office)
    for known in (Numbers(7), Numbers(None, stopped=True), Numbers(7)):
        store.numbers(1, known)
        assert await keeper.flush()
    assert (await store.memory()).numbers == {1: Numbers(7, stopped=True)}


async def test_a_card_that_is_lent_counts_at_once_and_is_as_before_when_taken_back(office):
    keeper, store = await stored(office)

    async def word(uid):
        async with office.context.db.read() as tx:
            found = await forwarded.card(tx, store._route.forwarding_id, uid)
        return found and found[0]

    store.card("KNOWN", "Blocked")
    backs = [await store.lend("KNOWN"), await store.lend("NEW")]
    assert (await word("known"), await word("new")) == ("Accepted", "Accepted")
    for take_back in backs:
        take_back()
    assert await keeper.flush()
    assert (await word("known"), await word("new")) == ("Blocked", None)
    take_back = await store.lend("NEW")
    store.card("NEW", "Expired")
    take_back()
    assert await keeper.flush()
    assert await word("new") == "Expired"
