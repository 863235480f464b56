"""What stations report of themselves is kept for their operators; what they say is wrong, for the watch."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.inventory import PartEvent, Parts, Problem, ReportItem, ReportPart, is_problem
from server.core.reports import StationNotice
from server.storage import inventory, station_events, stations
from server.storage.inventory import Said, Wanted
from shared.operating import InventoryKind, InventoryLine
from shared.wire import Page

EVENT = "event"
INT_MAX = 2**31
PARTS_MAX = 10_000


async def keep(tx: AsyncSession, station_id: UUID, part: ReportPart, now: datetime) -> None:
    """Keep a part of a report; parts come in any order, and twice. Beyond what a station may have nothing new is."""
    part = msgspec.structs.replace(part, request_no=part.request_no % INT_MAX)
    if await inventory.count(tx, station_id) >= inventory.LINES_MAX:
        return
    await inventory.put(tx, Said(station_id, part.kind, part.items, part.request_no), now)
    known = await inventory.parts_of(tx, station_id, inventory.report_name(part))
    if known.complete and part.seq_no in {None, 0}:
        known = Parts()  # a request number that is used again
    if part.seq_no is None or 0 <= part.seq_no < PARTS_MAX:
        await inventory.put_parts(tx, station_id, part, known.with_part(part), now)


async def weigh(tx: AsyncSession, station_id: UUID, events: Sequence[PartEvent], now: datetime) -> None:
    """What is wrong by a station's own word stays until it says that it is over, or starts anew."""
    for event in events:
        wrong = is_problem(event, await _severity(tx, station_id, event))
        if wrong is None:
            continue
        changed = await _open(tx, station_id, event, now) if wrong else await inventory.over(tx, station_id, event.name)
        if changed:
            await _note(tx, station_id, event, now)


async def _open(tx: AsyncSession, station_id: UUID, event: PartEvent, now: datetime) -> bool:
    if await inventory.has_problem(tx, station_id, event.name):
        return False
    said = msgspec.json.encode(Problem(event.text, await _severity(tx, station_id, event))).decode()
    await inventory.put(tx, Said(station_id, inventory.PROBLEM, [ReportItem(event.name, said)]), now)
    return True


async def _severity(tx: AsyncSession, station_id: UUID, event: PartEvent) -> int | None:
    if event.severity is not None or event.monitor_id is None:
        return event.severity
    return await inventory.monitor_severity(tx, station_id, event.monitor_id)


async def _note(tx: AsyncSession, station_id: UUID, event: PartEvent, now: datetime) -> None:
    party_id = (await stations.get(tx, station_id)).party_id
    status = "Cleared" if event.cleared else event.trigger
    notice = StationNotice(EVENT, status, event.text, said_at=event.at, raw=event.raw)
    await station_events.add(tx, party_id, station_id, notice, now)


async def page(tx: AsyncSession, wanted: Wanted, after: int | None, limit: int) -> Page[InventoryLine]:
    """A station's lines, in the order in which they were first said."""
    found = await inventory.of_station(tx, wanted, after, limit + 1)
    views = [_view(one) for one in found[:limit]]
    return Page(views, str(views[-1].id) if len(found) > limit else None)


def _view(line: inventory.Line) -> InventoryLine:
    kind = InventoryKind(line.kind)
    complete = None
    if kind is InventoryKind.REPORT:
        complete = msgspec.json.decode(line.said, type=Parts).complete
    said = msgspec.json.decode(line.said)
    return InventoryLine(line.id, kind, line.name, said, line.request_no, line.at, complete)
