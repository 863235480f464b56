"""Out and in again within five minutes means charge now; a station that lost its power means nothing by it."""

from datetime import timedelta

import pytest
from flow_story import HOUR, asks, leave, plan_of, publish_days, replan, session_of
from small_town import HOME, HOME_STATION, NOW, STREET_STATION_1, STREET_STATION_2, plug_in

from server.core.reports import TransactionInfo
from server.main import transaction_flow
from server.storage import sessions
from shared.sessions import Delay

OUT = NOW + HOUR


async def unplugged(db, reason="EVDisconnected", station=STREET_STATION_1, token="ANNA-CARD"):
    session_id = await plug_in(db, NOW, station, token)
    await leave(db, session_id, OUT, reason)
    return session_id


async def replugged(db, seconds, station=STREET_STATION_1, token="ANNA-CARD"):
    """The session of whoever plugs in some seconds after OUT."""
    return await session_of(db, await plug_in(db, OUT + timedelta(seconds=seconds), station, token))


async def test_out_and_in_again_charges_now(town):
    await publish_days(town)
    session_id = await plug_in(town, NOW)
    await replan(town, HOME, NOW)
    await leave(town, session_id, OUT)
    again = await replugged(town, 90, station=HOME_STATION)
    assert again.override_since == OUT + timedelta(seconds=90)
    async with town.read() as tx:
        events = [(one.at, one.kind, one.detail) for one in await sessions.events(tx, again.id)]
    assert events == [(again.started_at, "plugged_in", ""), (again.started_at, "override", "replugged")]
    await asks(town, again.started_at)
    await replan(town, HOME, again.started_at)
    assert (await session_of(town, again.id)).delay is Delay.OVERRIDDEN
    plan = await plan_of(town, again.id)
    used = [slot for slot, energy in enumerate(plan.energy_wh) if energy]
    assert used == list(range(len(used)))


@pytest.mark.parametrize(("seconds", "meant"), [(0, True), (299, True), (300, True), (301, False), (3_600, False)])
async def test_five_minutes_and_not_a_second_more(sqlite_town, seconds, meant):
    await unplugged(sqlite_town)
    assert ((await replugged(sqlite_town, seconds)).override_since is not None) is meant


@pytest.mark.parametrize("reason", ["PowerLoss", "Reboot", "HardReset", "SoftReset"])
async def test_a_station_that_ended_it_by_itself_says_nothing_about_its_driver(town, reason):
    await unplugged(town, reason)
    assert (await replugged(town, 60)).override_since is None


@pytest.mark.parametrize("reason", ["Local", "EVDisconnected", "Remote", "Other"])
async def test_every_other_end_is_a_drivers(sqlite_town, reason):
    await unplugged(sqlite_town, reason)
    assert (await replugged(sqlite_town, 60)).override_since is not None


async def test_somebody_else_or_another_station_means_nothing(town):
    await unplugged(town)
    assert (await replugged(town, 60, token="BERT-CARD")).override_since is None
    assert (await replugged(town, 60, STREET_STATION_2)).override_since is None


async def test_only_the_last_stay_counts(town):
    await unplugged(town)
    first = await replugged(town, 400)
    await leave(town, first.id, first.started_at + HOUR, "PowerLoss")
    assert (await replugged(town, 400 + 3_660)).override_since is None


@pytest.mark.parametrize(("seconds", "meant"), [(60, True), (301, False)])
async def test_the_cable_first_and_the_card_later_mean_the_same_in_2x(town, seconds, meant):
    await unplugged(town, station=HOME_STATION)
    began = OUT + timedelta(seconds=seconds)
    shown = began + timedelta(minutes=1)
    told = (
        TransactionInfo("T-9", "Started", 0, began, "CablePluggedIn", connector_no=1),
        TransactionInfo("T-9", "Updated", 1, shown, "Authorized", token_uid="ANNA-CARD"),
    )
    for info in (*told, told[1]):
        async with town.begin() as tx:
            await transaction_flow.take(tx, HOME_STATION, info, info.at)
    async with town.read() as tx:
        found = await sessions.by_reference(tx, HOME_STATION, "T-9")
        overrides = [(one.at, one.detail) for one in await sessions.events(tx, found.id) if one.kind == "override"]
    assert found.override_since == (began if meant else None)
    assert overrides == ([(began, "replugged")] if meant else [])
