"""A refresh token works once; a second use ends its family, and so does a sign-out, here and nowhere else."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa
from small_town import ANNA, BERT, NOW, rows

from server.core.session import Refused
from server.flows import accounts as flow
from server.flows.accounts import Grant
from server.storage import accounts

WEEK = timedelta(days=7)


async def sign_in(db, account_id=ANNA, wall=NOW):
    async with db.begin() as tx:
        return await flow.sign_in(tx, await accounts.get(tx, account_id), wall, WEEK)


async def refresh(db, grant, wall=NOW):
    async with db.begin() as tx:
        return await flow.refresh(tx, grant.refresh_token, wall, WEEK, demo=True)  # Bert's story is a demo's


async def token_of(db, grant):
    async with db.read() as tx:
        return await accounts.refresh_token(tx, flow._sha256(grant.refresh_token))


async def test_each_use_gives_another_one_of_the_same_family(db):
    first = await sign_in(db)
    second = await refresh(db, first)
    third = await refresh(db, second)
    assert len({one.refresh_token for one in (first, second, third)}) == 3
    kept = [await token_of(db, one) for one in (first, second, third)]
    assert len({one.family for one in kept}) == 1
    assert [one.used_at for one in kept] == [NOW, NOW, None]
    assert kept[0].expires_at == NOW + WEEK


async def test_the_text_of_a_token_is_kept_nowhere(db):
    grant = await sign_in(db)
    async with db.read() as tx:
        found = (await tx.execute(sa.select(accounts.RefreshTokens.__table__))).all()
    assert found
    assert grant.refresh_token not in str(found)


async def test_a_second_use_ends_the_whole_family_and_no_other(db):
    stolen, other = await sign_in(db), await sign_in(db)
    mine = await refresh(db, stolen)
    assert await refresh(db, stolen) == flow.SIGN_IN_AGAIN
    assert await refresh(db, mine) == flow.SIGN_IN_AGAIN
    assert isinstance(await refresh(db, other), Grant)


async def test_of_many_uses_at_once_one_gets_through_and_then_all_must_sign_in_again(db):
    grant = await sign_in(db)
    answers = await asyncio.gather(*(refresh(db, grant) for _ in range(6)))
    granted = [one for one in answers if isinstance(one, Grant)]
    assert len(granted) == 1
    assert [one for one in answers if isinstance(one, Refused)] == [flow.SIGN_IN_AGAIN] * 5
    assert await refresh(db, granted[0]) == flow.SIGN_IN_AGAIN


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=1)])
async def test_an_old_one_is_refused_and_forgotten_at_the_next_sign_in(db, late):
    grant = await sign_in(db)
    others = await sign_in(db, BERT)
    assert await refresh(db, grant, NOW + WEEK + late) == flow.SIGN_IN_AGAIN
    await sign_in(db, wall=NOW + WEEK + timedelta(seconds=1))
    assert await token_of(db, grant) is None
    assert await token_of(db, others) is not None
    assert await rows(db, "refresh_tokens") == 2


async def test_signing_out_ends_one_sign_in_and_revoking_all_ends_every_one(db):
    phone, laptop, bert = await sign_in(db), await sign_in(db), await sign_in(db, BERT)
    async with db.begin() as tx:
        await flow.sign_out(tx, phone.refresh_token, NOW)
        await flow.sign_out(tx, "unknown", NOW)
    assert await refresh(db, phone) == flow.SIGN_IN_AGAIN
    laptop = await refresh(db, laptop)
    async with db.begin() as tx:
        await accounts.revoke_all(tx, ANNA, NOW + WEEK / 2)
    assert await refresh(db, laptop) == flow.SIGN_IN_AGAIN
    assert (await token_of(db, phone)).revoked_at == NOW
    assert isinstance(await refresh(db, bert), Grant)
