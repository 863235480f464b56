"""Closing an account pays what is pending, however little, and ends its cards and sign-ins."""

from datetime import timedelta

import pytest
from small_town import ANNA, NOW, PROVIDER, email, found, plug_in, unplug

from server.core import ledger
from server.core.cashback import split
from server.core.contract import ContractKind, ContractTerms
from server.core.ledger import SessionPosting
from server.core.session import Refused
from server.flows import accounts, closing
from server.storage import contracts, wallets
from server.storage.db import Database
from shared.ids import derive


@pytest.fixture
async def db(tmp_path):
    path = tmp_path / "town.db"
    await found(path)
    opened = Database(f"sqlite:///{path}")
    yield opened
    await opened.close()


async def earn(tx, pool_nano):
    """A share of `pool_nano` for Anna, posted as a settled session would post it."""
    shared = split(pool_nano, ContractTerms(kind=ContractKind.PUBLIC_FIXED), 0)
    posting = SessionPosting(
        session_id=derive("closing", pool_nano),
        account_id=ANNA,
        operator_id=PROVIDER,
        provider_id=PROVIDER,
        funder_id=derive("closing", "funder"),
        currency="EUR",
        split=shared,
    )
    entry = ledger.entry_for_settlement(posting)
    entry = type(entry)(entry.id, entry.kind, entry.transfers, None)  # the session itself is not of this story
    await wallets.post(tx, entry, PROVIDER, ANNA, NOW)


async def test_ten_pending_cents_are_paid_when_the_account_closes_and_only_once(db):
    async with db.begin() as tx:
        await earn(tx, 200_000_000)  # V4: 0.20 of value, a share of 0.10
        assert await wallets.balance(tx, ledger.pending(ANNA)) == 10
        assert await wallets.balance(tx, ledger.wallet(ANNA)) == 0
    async with db.begin() as tx:
        assert await closing.close_account(tx, ANNA, NOW) == 10
    async with db.begin() as tx:
        assert await closing.close_account(tx, ANNA, NOW + timedelta(hours=1)) == 0
        assert await wallets.balance(tx, ledger.pending(ANNA)) == 0
        assert await wallets.balance(tx, ledger.wallet(ANNA)) == 10
        assert await wallets.total(tx) == 0


async def test_a_closed_account_neither_signs_in_nor_charges(db):
    async with db.begin() as tx:
        account = await accounts.find(tx, email(ANNA))
        grant = await accounts.sign_in(tx, account, NOW, timedelta(days=30))
        assert await closing.close_account(tx, ANNA, NOW) == 0
    async with db.begin() as tx:
        assert await accounts.find(tx, email(ANNA)) is None
        assert isinstance(await accounts.refresh(tx, grant.refresh_token, NOW, timedelta(days=30)), Refused)
        assert not (await contracts.token(tx, "ANNA-CARD")).valid


async def test_an_account_that_still_charges_is_not_closed(db):
    session_id = await plug_in(db, NOW)
    async with db.begin() as tx:
        refused = await closing.close_account(tx, ANNA, NOW + timedelta(hours=1))
        assert isinstance(refused, Refused)
        assert refused.code == "still_charging"
    await unplug(db, session_id, NOW + timedelta(hours=2), 3_000)
    async with db.begin() as tx:
        assert await closing.close_account(tx, ANNA, NOW + timedelta(hours=3)) == 0
