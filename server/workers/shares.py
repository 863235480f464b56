"""A station is told what it may draw when nobody steers: its safe share of each shared limit above it.

Where shares change, who has to take less confirms it before anybody below the same limit gets more.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import feeders
from server.core.feeders import Tree
from server.core.following import UNANSWERED
from server.core.station import Station
from server.flows.facts import Hardware
from server.storage import outbox, stations
from server.workers import acquaintance
from server.workers.acquaintance import OTHER, SHARE
from server.workers.context import WorkContext
from server.workers.ports import AT_ONCE, Heard

SELDOM = timedelta(minutes=10)
"""A station that does not answer, or that waits for others, is looked at again this often."""
AGAIN = "again"
LOCAL_START = "LocalAuthorizeOffline"


class _Told(msgspec.Struct, frozen=True):
    """What a station was told, and what it said to it. `waits`: it is to get more once others have given way."""

    station: Station
    share_w: int
    heard: Heard
    waits: bool


async def configure(context: WorkContext, station: Station, here: Hardware, tree: Tree, *, again: bool) -> None:
    """Tell a station its safe share, and that nobody may start while it is out of reach.

    Where it did not answer it is asked `again`, and not planned for anew as long as it holds nothing. One that hangs on
    no limit any more is told that it may draw what it can.
    """
    share = tree.share_w(station.feeder_id, 1)
    if share is None:
        await _release(context, station)
        return
    held = feeders.held_ma(station)
    more = held is not None and held < feeders.current_of(share)
    waits = more and bool(feeders.in_the_way(tree, station, here.stations))
    if waits and again:  # it has what it holds: nothing is written to its flash while it waits
        async with context.db.begin() as tx:
            await _look_again(tx, station, context.clock.now())
        return
    told = await _say(context, station, tree, waits=waits)
    if acquaintance.is_open(station, SHARE, told.heard):
        unit = OTHER[station.unit or "A"]
        other = await _say(context, msgspec.structs.replace(station, unit=unit), tree, waits=False)
        told = other if other.heard.accepted else told
    option = await context.stations.set_option(station.id, LOCAL_START, "false")
    seen: dict[str, object] = {"starts_alone": not option.accepted or told.heard.detail == AT_ONCE}
    if told.heard.status not in UNANSWERED:  # else it holds what it confirmed before, if it did since it booted
        seen["safe_held_w"] = told.share_w if told.heard.accepted else None
    after = msgspec.structs.replace(told.station, **seen)
    async with context.db.begin() as tx:
        await stations.update(tx, station.id, **seen)
        await stations.wrote(tx, {station.id: told.heard.accepted + option.accepted}, context.clock.now().date())
        await acquaintance.keep(tx, told.station, SHARE, told.heard)
        known = await stations.get(tx, station.id)
        now, changed = context.clock.now(), after != told.station
        if changed or (known.safe_held_w is None and not again):
            await outbox.put_once(tx, "replan", str(station.location_id), {"why": "share"}, now)
        if told.heard.status in UNANSWERED or option.status in UNANSWERED or told.waits:
            await _look_again(tx, station, now)
        gives_way = held is not None and held > (feeders.held_ma(after) or 0)
        for one in feeders.waiting(tree, after, here.stations) if gives_way and told.heard.accepted else ():
            await outbox.put_once(tx, "configure", str(one.id), {"station_id": one.id, AGAIN: True}, now)


async def _say(context: WorkContext, station: Station, tree: Tree, *, waits: bool) -> _Told:
    """A station's safe share, or what it holds while it waits for more, and what it says to it.

    In W a share says nothing about phases, so it is that of one: six one-phase cars may stand on one of them.
    """
    phases = 1 if station.unit == "W" else station.phases
    share = station.safe_held_w if waits else tree.share_w(station.feeder_id, phases)
    assert share is not None
    heard = await context.stations.set_safe_share(station.id, share, station.unit or "A", phases)
    return _Told(station, share, heard, waits)


async def _release(context: WorkContext, station: Station) -> None:
    """Take the share back from a station that was behind a limit, and let it start sessions alone again."""
    if station.safe_held_w is None:
        return
    heard = await context.stations.clear_share(station.id)
    option = await context.stations.set_option(station.id, LOCAL_START, "true")
    async with context.db.begin() as tx:
        if heard.accepted:
            await stations.update(tx, station.id, safe_held_w=None, starts_alone=False)
        await stations.wrote(tx, {station.id: heard.accepted + option.accepted}, context.clock.now().date())
        if heard.status in UNANSWERED:
            await _look_again(tx, station, context.clock.now())


async def _look_again(tx: AsyncSession, station: Station, now: datetime) -> None:
    payload = {"station_id": station.id, AGAIN: True}
    await outbox.put_once(tx, "configure", str(station.id), payload, now + SELDOM)
