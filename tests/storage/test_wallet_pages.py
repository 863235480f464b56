"""A wallet is paged by whole entries: no line is lost between two pages, and none is on both."""

import pytest
from ledger_rows import FUNDER, PURSE, SAVED, cashback, entry
from small_town import ANNA, NOW, PROVIDER

from server.api import paging
from server.core.ledger import Kind
from server.flows import wallets as flow
from server.storage import wallets


@pytest.fixture
async def posted(db):
    """Entries with one, two and three lines, some that only correct what is pending, one that is nothing of Anna's."""
    entries = [
        entry((Kind.PENDING, FUNDER, SAVED, 5)),
        entry((Kind.CASHBACK, FUNDER, PURSE, 10), (Kind.PENDING_RELEASED, SAVED, PURSE, 5)),
        cashback(20),
        entry((Kind.CORRECTION, SAVED, FUNDER, 1)),
        entry((Kind.CORRECTION, FUNDER, SAVED, 2)),
        entry((Kind.CORRECTION, PURSE, SAVED, 4), (Kind.CORRECTION, PURSE, SAVED, 3)),  # one line a kind
        entry((Kind.CHARGE, FUNDER, "payable:somebody", 9)),
        entry(
            (Kind.CASHBACK, FUNDER, PURSE, 30),
            (Kind.PENDING, FUNDER, SAVED, 3),
            (Kind.GOODWILL, PURSE, FUNDER, 2),
        ),
        cashback(40),
    ]
    async with db.begin() as tx:
        for one in entries:
            await wallets.post(tx, one, PROVIDER, ANNA, NOW)
    return entries


ALL = [
    ("cashback", 40),
    ("cashback", 30),
    ("goodwill", -2),
    ("pending", 3),
    ("correction", -7),
    ("pending_correction", 7),
    ("pending_correction", 2),
    ("pending_correction", -1),
    ("cashback", 20),
    ("cashback", 10),
    ("pending_released", 5),
    ("pending", 5),
]


async def page_of(db, cursor, limit):
    async with db.read() as tx:
        found = await flow.entries(tx, ANNA, cursor, limit + 1)
    return paging.page(found, limit, lambda one: one.seq)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7, 8, 100])
async def test_pages_of_any_size_hold_every_line_once_and_in_order(db, posted, limit):
    seen, pages, cursor = [], [], None
    while True:
        page = await page_of(db, cursor, limit)
        pages.append({one.id for one in page.items})
        seen += [(one.kind, one.amount_minor) for one in page.items]
        if page.next_cursor is None:
            break
        cursor = int(page.next_cursor)
        assert len(pages) < 20
    assert seen == ALL
    assert sum(len(page) for page in pages) == len(set.union(*pages)), "an entry on two pages"


async def test_an_entry_of_more_lines_than_a_page_comes_whole(db, posted):
    newest = await page_of(db, None, 1)
    page = await page_of(db, int(newest.next_cursor), 1)
    assert [(one.kind, one.amount_minor) for one in page.items] == ALL[1:4]
    assert {one.id for one in page.items} == {posted[-2].id}


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_as_many_entries_are_read_as_were_asked_for(db, posted, count):
    async with db.read() as tx:
        found = await wallets.lines(tx, PURSE, SAVED, None, count)
    shown = [posted[-1], posted[-2], posted[-4]][:count]  # the one between them shows nothing to the driver
    assert list(dict.fromkeys(one.entry_id for one in found)) == [one.id for one in shown]
    assert {one.session_id for one in found} == {None}


async def test_what_is_posted_meanwhile_moves_no_page(db, posted):
    first = await page_of(db, None, 2)
    async with db.begin() as tx:
        await wallets.post(tx, cashback(50), PROVIDER, ANNA, NOW)
    second = await page_of(db, int(first.next_cursor), 3)
    assert [(one.kind, one.amount_minor) for one in (*first.items, *second.items)] == ALL[:4]


async def test_nothing_after_the_last_line(db, posted):
    async with db.read() as tx:
        last = (await flow.entries(tx, ANNA, None, 100))[-1]
        assert await flow.entries(tx, ANNA, last.seq, 100) == []
