"""Accounts below the API: what one use of a refresh token means when two use it at once."""

import asyncio
import shutil
from datetime import timedelta

import pytest
import small_town
from small_town import ANNA, BERT, NOW, Database, an_id, rows

from server.core.session import Refused
from server.flows import accounts
from server.storage import accounts as stored
from shared.accounts import MeUpdate

MONTH = timedelta(days=30)


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    path = tmp_path_factory.mktemp("accounts") / "town.db"
    asyncio.run(small_town.found(path))
    return path


@pytest.fixture
async def db(founded, tmp_path):
    shutil.copy(founded, tmp_path / "town.db")
    database = Database(f"sqlite:///{tmp_path / 'town.db'}")
    yield database
    await database.close()


async def test_of_two_who_use_a_refresh_token_at_once_one_is_a_thief_and_neither_goes_on(db):
    async with db.begin() as tx:
        grant = await accounts.sign_in(tx, await stored.get(tx, ANNA), NOW, MONTH)

    async def use(text):
        async with db.begin() as tx:
            return await accounts.refresh(tx, text, NOW, MONTH)

    outcomes = await asyncio.gather(use(grant.refresh_token), use(grant.refresh_token))
    granted = [one for one in outcomes if not isinstance(one, Refused)]
    assert len(granted) == 1
    assert await use(granted[0].refresh_token) == accounts.SIGN_IN_AGAIN


async def test_a_refresh_token_that_is_over_is_refused_and_swept_at_the_next_sign_in(db):
    later = NOW + MONTH
    async with db.begin() as tx:
        grant = await accounts.sign_in(tx, await stored.get(tx, ANNA), NOW, MONTH)
        await accounts.sign_in(tx, await stored.get(tx, BERT), NOW, MONTH)
        assert await accounts.refresh(tx, grant.refresh_token, later, MONTH) == accounts.SIGN_IN_AGAIN
        await accounts.sign_in(tx, await stored.get(tx, ANNA), later + timedelta(seconds=1), MONTH)
    assert await rows(db, "refresh_tokens") == 2


async def test_an_update_of_nothing_writes_and_announces_nothing(db):
    told = []
    db.on_commit = lambda announced, queued: told.append((announced, queued))
    async with db.begin() as tx:
        assert await accounts.update_me(tx, ANNA, MeUpdate(), NOW) is None
    assert told == []


async def test_nobody_is_updated_who_is_not_there(db):
    async with db.begin() as tx:
        assert await accounts.update_me(tx, an_id("nobody"), MeUpdate(), NOW) == accounts.SIGN_IN_AGAIN
        assert await accounts.me(tx, an_id("nobody"), NOW, demo=False) is None
