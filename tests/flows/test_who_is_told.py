"""What happens to a session or a wallet is announced to whose it is, and to nobody else."""

import pytest
from flow_story import HOUR, MINUTE, charge, come_online, leave, override, publish_days, receipt_of, replan, say
from small_town import ANNA, BERT, NOW, STREET, STREET_STATION_1, STREET_STATION_2, plug_in

from server.flows import steering
from server.flows.announcements import LocationMoved, PricesMoved, SessionMoved, WalletMoved
from server.storage import sessions
from shared.sessions import SessionUpdate

READY = NOW + 12 * HOUR


async def test_two_neighbours_hear_of_their_own_sessions_and_wallets_only(town):
    told = []
    town.on_commit = lambda announced, _queued: told.extend(announced)
    await publish_days(town)
    await come_online(town)
    anna = await plug_in(town, NOW, STREET_STATION_1)
    bert = await plug_in(town, NOW, STREET_STATION_2, "BERT-CARD")
    for session_id in (anna, bert):
        await say(town, session_id, SessionUpdate(ready_by=READY), NOW)
    await replan(town, STREET, NOW)
    await override(town, bert, NOW)
    await replan(town, STREET, NOW)
    await override(town, bert, NOW, undo=True)
    await replan(town, STREET, NOW)
    for session_id in (anna, bert):
        await charge(town, session_id, NOW, READY)
        await leave(town, session_id, READY)
        await receipt_of(town, session_id, READY + MINUTE)
    whose = {anna: ANNA, bert: BERT}
    moved = [one for one in told if isinstance(one, SessionMoved)]
    assert {(one.session_id, one.account_id) for one in moved} == set(whose.items())
    paid = [one for one in told if isinstance(one, WalletMoved)]
    assert sorted(one.account_id for one in paid) == sorted(whose.values())
    assert len({one.entry_id for one in paid}) == 2
    rest = {one for one in told if not isinstance(one, SessionMoved | WalletMoved)}
    assert rest == {LocationMoved(STREET), PricesMoved("NL")}, "which is everybody's to see"


async def test_what_is_rolled_back_is_told_to_nobody(town):
    told = []
    session_id = await plug_in(town, NOW, STREET_STATION_1)
    town.on_commit = lambda announced, _queued: told.extend(announced)
    with pytest.raises(ZeroDivisionError):
        await _override_and_fail(town, session_id)
    assert told == []
    assert (await override(town, session_id, NOW + MINUTE)).override_since == NOW + MINUTE
    assert SessionMoved(ANNA, session_id) in told


async def _override_and_fail(db, session_id):
    async with db.begin() as tx:
        await steering.set_override(tx, await sessions.get(tx, session_id), NOW)
        raise ZeroDivisionError


async def test_a_session_of_nobody_is_nobodys_news(town):
    told = []
    town.on_commit = lambda announced, _queued: told.extend(announced)
    await plug_in(town, NOW, STREET_STATION_1, "NOBODY")
    assert {one.account_id for one in told if isinstance(one, SessionMoved)} == {None}
