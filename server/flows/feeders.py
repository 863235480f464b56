"""Shared limits of a place, entered and changed: the place is planned anew, and who may take another share is told."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.feeders import Tree, current_of, goes_round
from server.core.station import Feeder, Station
from server.flows import facts, local_lists
from server.flows.announcements import LocationMoved
from server.flows.facts import Hardware
from server.storage import feeders as stored
from server.storage import outbox, stations
from server.storage.db import announce
from server.storage.locations import Location
from shared.feeders import MOST_MA, FeederAdd, FeederChange, FeederView, LoadWindow
from shared.problems import FieldError

PHASES = 3
MOST = 200
"""So many limits under one place."""


class Limits(msgspec.Struct, frozen=True):
    """The limits of a place with what stands there."""

    here: Hardware
    tree: Tree

    def view(self, feeder: Feeder) -> FeederView:
        """One of them, as who runs the place sees it."""
        return FeederView(
            id=feeder.id,
            location_id=feeder.location_id,
            name=feeder.name,
            parent_id=feeder.parent_id,
            limit_w=feeder.limit_w,
            limit_ma=None if feeder.limit_ma is None else list(feeder.limit_ma),
            base_load=[LoadWindow(*window) for window in feeder.base_load],
            stations=[one.identity for one in self.here.stations if one.feeder_id == feeder.id],
            sockets=self.tree.sockets[feeder.id],
            safe_share_ma=current_of(self.tree.share_w(feeder.id, 1) or 0),
        )

    def views(self) -> list[FeederView]:
        """All of them, outer before inner."""
        found = sorted(self.tree.feeders.values(), key=lambda one: [two.name for two in self.tree.path(one.id)][::-1])
        return [self.view(one) for one in found]


async def limits(tx: AsyncSession, location_id: UUID) -> Limits:
    """The limits of a place."""
    here = await facts.hardware(tx, location_id)
    return Limits(here, here.tree(await stations.feeders_of(tx, location_id)))


async def add(tx: AsyncSession, place: Location, said: FeederAdd, now: datetime) -> FeederView | list[FieldError]:
    """A new limit, or what is wrong with it."""
    await stored.lock(tx, place.id)
    before = await limits(tx, place.id)
    new = Feeder(
        id=uuid4(),
        location_id=place.id,
        limit_ma=_by_phase(said.limit_ma),
        limit_w=said.limit_w,
        base_load=_windows(said.base_load),
        parent_id=said.parent_id,
        name=said.name.strip(),
    )
    first = said.stations is None and not before.tree.feeders
    hung = [one.identity for one in before.here.stations] if first else said.stations or []
    wrong = [*_faults(before, new, said.limit_ma), *_strangers(before, hung, "stations")]
    if wrong:
        return wrong
    await stored.put(tx, place.party_id, new, new=True)
    await stored.hang(tx, _ids(before, hung), new.id)
    return (await _settle(tx, before, now)).view(new)


async def change(
    tx: AsyncSession, place: Location, feeder_id: UUID, said: FeederChange, now: datetime
) -> FeederView | list[FieldError] | None:
    """Another limit, other stations: how it is now, or what is wrong with that; None where there is no such limit."""
    await stored.lock(tx, place.id)
    before = await limits(tx, place.id)
    old = before.tree.feeders.get(feeder_id)
    if old is None:
        return None
    changes = {name: value for name, value in msgspec.structs.asdict(said).items() if value is not msgspec.UNSET}
    hung, loose = changes.pop("stations", []), changes.pop("without", [])
    if "name" in changes:
        changes["name"] = changes["name"].strip()
    if "limit_ma" in changes:
        changes["limit_ma"] = _by_phase(changes["limit_ma"])
    if not isinstance(said.base_load, msgspec.UnsetType):
        changes["base_load"] = _windows(said.base_load)
    new = msgspec.structs.replace(old, **changes)
    values = None if isinstance(said.limit_ma, msgspec.UnsetType) else said.limit_ma
    wrong = [*_faults(before, new, values), *_strangers(before, hung, "stations")]
    wrong += _strangers(before, loose, "without")
    if wrong:
        return wrong
    await stored.put(tx, place.party_id, new, new=False)
    await stored.hang(tx, _ids(before, hung), new.id)
    await stored.hang(tx, _ids(before, loose), None)
    return (await _settle(tx, before, now)).view(new)


async def remove(tx: AsyncSession, place: Location, feeder_id: UUID, now: datetime) -> bool:
    """Take a limit away; what hung on it hangs where it did. False where there is no such limit."""
    await stored.lock(tx, place.id)
    before = await limits(tx, place.id)
    old = before.tree.feeders.get(feeder_id)
    if old is None:
        return False
    await stored.remove(tx, old)
    await _settle(tx, before, now)
    return True


def _by_phase(limit_ma: Sequence[int] | None) -> tuple[int, ...] | None:
    if limit_ma is None:
        return None
    return tuple(limit_ma) * PHASES if len(limit_ma) == 1 else tuple(limit_ma)


def _windows(said: Sequence[LoadWindow]) -> tuple[tuple[str, str, int], ...]:
    return tuple((one.from_local, one.to_local, one.load_w) for one in said)


def _faults(before: Limits, new: Feeder, limit_ma: Sequence[int] | None) -> Iterator[FieldError]:
    others = {key: one for key, one in before.tree.feeders.items() if key != new.id}
    if new.limit_w is None and new.limit_ma is None:
        yield FieldError("limit_ma", "say what it may carry: limit_w, limit_ma or both")
    if limit_ma is not None and len(limit_ma) not in (1, PHASES):
        yield FieldError("limit_ma", "give one value for all phases, or three")
    if any(not 0 < one <= MOST_MA for one in limit_ma or ()):
        yield FieldError("limit_ma", f"give each phase 1 to {MOST_MA} mA")
    if any(one.name.casefold() == new.name.casefold() for one in others.values()):
        yield FieldError("name", "another limit of this place has this name; choose another one")
    if len(others) >= MOST:
        yield FieldError("name", f"a place has at most {MOST} limits; remove one first")
    parents = {key: one.parent_id for key, one in others.items()} | {new.id: new.parent_id}
    if new.parent_id is not None and new.parent_id not in parents:
        yield FieldError("parent_id", "name a limit of this place, or none; GET .../feeders lists them")
    elif goes_round(parents, new.id):
        yield FieldError("parent_id", "it would hang under itself; choose a limit that is not below it")


def _strangers(before: Limits, identities: Sequence[str], field: str) -> list[FieldError]:
    known = {one.identity for one in before.here.stations}
    strange = [identity for identity in identities if identity not in known]
    return [FieldError(field, f"this place has no station {', '.join(strange)}; GET /api/stations lists yours")] * bool(
        strange
    )


def _ids(before: Limits, identities: Sequence[str]) -> list[UUID]:
    return [one.id for one in before.here.stations if one.identity in identities]


async def _settle(tx: AsyncSession, before: Limits, now: datetime) -> Limits:
    """The place is planned anew; who may take another share alone is told, who has to take less first (`shares`)."""
    after = await limits(tx, before.here.location.id)
    was = {one.id: one for one in before.here.stations}
    for one in after.here.stations:
        if _share(before, was[one.id]) != _share(after, one):
            await outbox.put_once(tx, "configure", str(one.id), {"station_id": one.id}, now)
        if (was[one.id].feeder_id is None) != (one.feeder_id is None):
            await outbox.put_once(tx, local_lists.SYNC, str(one.id), {}, now)
    location_id = before.here.location.id
    await outbox.put_once(tx, "replan", str(location_id), {"why": "limit"}, now)
    announce(tx, LocationMoved(location_id))
    return after


def _share(limits_: Limits, station: Station) -> int | None:
    return limits_.tree.share_w(station.feeder_id, 1)
