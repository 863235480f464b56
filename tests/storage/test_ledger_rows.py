"""The ledger only ever grows, posts once whoever asks, and sums to zero."""

import asyncio

import pytest
import sqlalchemy as sa
from ledger_rows import FUNDER, PURSE, SAVED, cashback, entry
from small_town import ANNA, BERT, NOW, PROVIDER, a_night

from server.core.ledger import Kind
from server.storage import tables, wallets

TABLES = tables.SQLModel.metadata.tables


async def post(db, *entries):
    async with db.begin() as tx:
        return [await wallets.post(tx, one, PROVIDER, ANNA, NOW) for one in entries]


async def balances(db, *names):
    async with db.read() as tx:
        return [await wallets.balance(tx, name) for name in names]


async def counted(db, name):
    async with db.read() as tx:
        return (await tx.execute(sa.select(sa.func.count()).select_from(TABLES[name]))).scalar_one()


@pytest.mark.parametrize("name", ["entries", "transfers", "cdrs"])
@pytest.mark.parametrize("verb", ["update", "delete"])
async def test_what_was_posted_can_be_neither_changed_nor_taken_away(db, name, verb):
    await a_night(db, NOW)
    before = await counted(db, name)
    assert before
    change = {"update": f"update {name} set party_id = party_id", "delete": f"delete from {name}"}[verb]
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        async with db.begin() as tx:
            await tx.execute(sa.text(change))
    assert await counted(db, name) == before


@pytest.mark.postgres
@pytest.mark.parametrize("kind", ["postgresql"])
async def test_truncate_is_refused_too(db, kind):
    for name in ("transfers", "cdrs"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            async with db.begin() as tx:
                await tx.execute(sa.text(f"truncate {name}"))


async def test_an_entry_posts_once(db):
    paid = cashback(123)
    assert await post(db, paid, paid) == [True, False]
    assert await post(db, paid) == [False]
    assert await balances(db, PURSE, FUNDER) == [123, -123]
    assert (await counted(db, "entries"), await counted(db, "transfers")) == (1, 1)


async def test_an_entry_that_many_post_at_once_posts_once(db):
    paid = cashback(123)
    results = await asyncio.gather(*(post(db, paid) for _ in range(8)))
    assert sorted(result for (result,) in results) == [False] * 7 + [True]
    assert await balances(db, PURSE) == [123]


async def test_a_posting_that_is_rolled_back_can_be_posted_later(db):
    paid = cashback(7)
    async with db.begin() as tx:
        assert await wallets.post(tx, paid, PROVIDER, ANNA, NOW)
        await tx.rollback()
    assert await balances(db, PURSE) == [0]
    assert await post(db, paid) == [True]


async def test_money_is_wider_than_32_bits_and_keeps_its_currency_and_kind(db):
    many = 9_000_000_000_000_000
    paid = entry((Kind.GOODWILL, FUNDER, PURSE, many), currency="NOK")
    await post(db, paid)
    async with db.read() as tx:
        assert await wallets.transfers_of(tx, PURSE) == list(paid.transfers)
        assert await wallets.balance(tx, FUNDER) == -many


@pytest.mark.parametrize("amount", [0, -5])
async def test_a_movement_of_nothing_or_backwards_is_refused_by_the_database(db, amount):
    paid = cashback(5)
    await post(db, paid)
    row = {"id": ANNA, "party_id": PROVIDER, "entry_id": paid.id, "debit": "a", "credit": "b", "currency": "EUR"}
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await tx.execute(sa.insert(TABLES["transfers"]).values(**row, amount_minor=amount, kind="cashback", at=NOW))


async def test_all_balances_sum_to_zero_and_a_prefix_sums_its_accounts(db):
    await post(db, cashback(100), entry((Kind.PENDING, FUNDER, SAVED, 40), (Kind.GOODWILL, SAVED, PURSE, 15)))
    async with db.read() as tx:
        assert await wallets.total(tx) == 0
        assert await wallets.total_of(tx, "wallet:") == 115
        assert await wallets.total_of(tx, "pending:") == 25
        assert await wallets.balance(tx, f"wallet:{BERT}") == 0


async def test_a_settled_night_is_there_once_and_its_receipt_comes_back_whole(db):
    session_id = await a_night(db, NOW)
    async with db.read() as tx:
        assert await wallets.posted_twice(tx) == 0
        receipt = await wallets.receipt(tx, session_id)
        assert receipt is not None
        assert receipt.session_id == session_id
        assert await wallets.receipts(tx, [session_id]) == {session_id: receipt}
        assert await wallets.receipts_of(tx, ANNA) == [receipt]
        moved = await wallets.transfers_of_session(tx, session_id)
        earned = await wallets.earned(tx, ANNA)
    assert sum(one.amount_minor for one in moved if one.kind == Kind.CASHBACK) == receipt.split.paid_minor
    assert (earned.earnings_minor, earned.sessions, earned.smart_sessions) == (receipt.split.driver_minor, 1, 1)
    assert receipt.started_at.utcoffset() is not None


async def test_one_revision_of_a_receipt_is_kept_once(db):
    session_id = await a_night(db, NOW)
    async with db.read() as tx:
        receipt = await wallets.receipt(tx, session_id)
    with pytest.raises(sa.exc.IntegrityError):
        async with db.begin() as tx:
            await wallets.add_cdr(tx, receipt, PROVIDER, ANNA, NOW)
