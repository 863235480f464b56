"""A driver's wallet over the API: page by page every line once, and nobody else's."""

from uuid import uuid4

import pytest
from small_town import ANNA, NOW, PROVIDER

from server.core import ledger
from server.core.ledger import Entry, Kind, Transfer
from server.storage import wallets

PURSE, SAVED, FUNDER = ledger.wallet(ANNA), ledger.pending(ANNA), ledger.valley(PROVIDER)


def entry(*moves):
    entry_id = uuid4()
    made = (Transfer(uuid4(), entry_id, debit, credit, amount, "EUR", kind) for kind, debit, credit, amount in moves)
    return Entry(entry_id, "settlement", tuple(made))


@pytest.fixture
async def posted(context):
    async with context.db.begin() as tx:
        for amount in range(10, 15):
            cashback = (Kind.CASHBACK, FUNDER, PURSE, amount)
            released = (Kind.PENDING_RELEASED, SAVED, PURSE, amount + 100)
            await wallets.post(tx, entry(cashback, released), PROVIDER, ANNA, NOW)


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
async def test_every_line_is_on_one_page(api, anna, posted, limit):
    seen, url = [], f"/api/wallet/entries?limit={limit}"
    cursor = ""
    while cursor is not None:
        page = (await api.get(url + cursor, headers=anna)).json()
        seen += [line["amount_minor"] for line in page["items"]]
        cursor = f"&cursor={page['next_cursor']}" if page.get("next_cursor") else None
        assert len(seen) <= 10
    assert seen == [14, 114, 13, 113, 12, 112, 11, 111, 10, 110]


async def test_another_driver_sees_nothing_of_it(api, bert, posted):
    assert (await api.get("/api/wallet/entries", headers=bert)).json()["items"] == []
    assert (await api.get("/api/wallet", headers=bert)).json()["balance_minor"] == 0


async def test_what_a_correction_takes_from_pending_is_a_line_and_stays_with_its_entry(api, context, anna):
    async with context.db.begin() as tx:
        await wallets.post(tx, entry((Kind.PENDING, FUNDER, SAVED, 12)), PROVIDER, ANNA, NOW)
        both = entry((Kind.CORRECTION, SAVED, FUNDER, 8), (Kind.CORRECTION, PURSE, FUNDER, 5))
        await wallets.post(tx, both, PROVIDER, ANNA, NOW)
    page = (await api.get("/api/wallet/entries?limit=1", headers=anna)).json()
    assert [(line["kind"], line["amount_minor"]) for line in page["items"]] == [
        ("correction", -5),
        ("pending_correction", -8),
    ]
    rest = (await api.get(f"/api/wallet/entries?cursor={page['next_cursor']}", headers=anna)).json()
    assert [(line["kind"], line["amount_minor"]) for line in rest["items"]] == [("pending", 12)]
    sums = (await api.get("/api/wallet", headers=anna)).json()
    assert (sums["balance_minor"], sums["pending_minor"]) == (-5, 4)
