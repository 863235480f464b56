"""Keeps the lists of tokens that stations hold in step with who may charge there."""

from datetime import timedelta
from uuid import UUID

import msgspec

from server.core.local_list import Update
from server.flows import local_lists
from server.flows.local_lists import SYNC, WITHOUT, Due
from server.storage import outbox, stations
from server.storage.local_lists import FAILED, HELD
from server.storage.outbox import Task
from server.workers.context import WorkContext
from server.workers.ports import Heard

ENABLED, ROOM, PER_MESSAGE = "LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"
SOON, SELDOM = timedelta(minutes=10), timedelta(days=1)
"""When one that did not answer, and one that said Failed twice, is asked again."""
ROUNDS = 3
MISMATCH, FAILURE = "VersionMismatch", "Failed"


async def sync(context: WorkContext, task: Task) -> str:
    """Ask a station for the version of its list, and send what it lacks: changes, or all of it."""
    station_id, without = UUID(task.key), msgspec.json.decode(task.payload, type=dict[str, str]).get(WITHOUT, "")
    async with context.db.read() as tx:
        work = await local_lists.due(tx, station_id, context.clock.now(), without)
    if work is None:
        return "no_list"
    said = await context.lists.version(station_id)
    if said.status == "not_supported":
        return await _give_up(context, work)
    if said.version is None:
        return await _later(context, work, None, Heard(said.status))
    if work.known.capacity is None:
        work = await _measure(context, work)
    as_known = work.known.state == HELD and said.version == work.known.version
    return await _bring(context, work, whole=not as_known)


async def _bring(context: WorkContext, work: Due, *, whole: bool) -> str:
    """Send what is lacking, message by message; after a mismatch or a first failure all of it, once more."""
    sent = 0
    for _ in range(ROUNDS):
        waiting = work.updates(whole=whole)
        for update in waiting:
            if not work.may_write():
                async with context.db.begin() as tx:
                    await local_lists.tomorrow(tx, work, context.clock.now())
                return f"tomorrow:{sent}"
            heard = await context.lists.send(work.known.station_id, update)
            if not heard.accepted:
                break
            sent += 1
            async with context.db.begin() as tx:
                work = await local_lists.taken(tx, work, update, context.clock.now())
        else:
            return f"sent:{sent}" if sent else "in_step"
        if heard.status == "not_supported":
            return await _give_up(context, work)
        if heard.detail not in {MISMATCH, FAILURE}:
            return await _later(context, work, update, heard)
        async with context.db.begin() as tx:
            work = await local_lists.missed(tx, work, update, failed=heard.detail == FAILURE)
        whole = True
        if work.known.state == FAILED:
            break
    return await _later(context, work, None, Heard("rejected", FAILURE))


async def _measure(context: WorkContext, work: Due) -> Due:
    """How long its list may be, how much a message may carry; one that has its lists off is told to have them on."""
    station_id = work.known.station_id
    said = await context.stations.get_options(station_id, (ENABLED, ROOM, PER_MESSAGE))
    if said.get(ENABLED, "").strip().lower() == "false":
        heard = await context.stations.set_option(station_id, ENABLED, "true")
        async with context.db.begin() as tx:
            await stations.wrote(tx, {station_id: int(heard.accepted)}, context.clock.now().date())
    async with context.db.begin() as tx:
        return await local_lists.measured(tx, work, _number(said.get(ROOM)), _number(said.get(PER_MESSAGE)))


async def _give_up(context: WorkContext, work: Due) -> str:
    async with context.db.begin() as tx:
        await local_lists.not_supported(tx, work)
    return "not_supported"


async def _later(context: WorkContext, work: Due, update: Update | None, heard: Heard) -> str:
    """Nobody knows what it holds now; one that is away is asked when it comes back."""
    async with context.db.begin() as tx:
        if update is not None:
            work = await local_lists.missed(tx, work, update, failed=False)
        if heard.status != "offline":
            wait = SELDOM if work.known.state == FAILED else SOON
            await outbox.put_once(tx, SYNC, str(work.known.station_id), {}, context.clock.now() + wait)
    return heard.detail or heard.status


def _number(text: str | None) -> int | None:
    value = (text or "").strip()
    return int(value) if value.isdecimal() and 0 < len(value) < 7 else None


HANDLERS = {SYNC: sync}
