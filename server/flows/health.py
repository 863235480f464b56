"""How an operator's stations are: findings and days in figures."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from server.core.health import Before, Happening, Record, Stay, figures, local_days
from server.core.remedy import Finding
from server.storage import locations, past_sessions, stations, watch
from server.storage.watch import StationEvent
from shared.health import FindingView, Rule, StationHealth

MARGIN = timedelta(days=2)
"""A local day begins up to a day before its UTC one, and a session that ends in it may have begun before."""


async def of_party(tx: AsyncSession, party_id: UUID, days: int, now: datetime) -> list[StationHealth]:
    """A party's stations by identity: in seven statements, however many there are, and one a place."""
    since = now - timedelta(days=days) - MARGIN
    found = await stations.of_party(tx, party_id)
    findings = await watch.of_party(tx, party_id, since)
    happened = await watch.events_of(tx, party_id, since)
    was_online = await watch.last_before(tx, party_id, since, [watch.ONLINE, watch.OFFLINE])
    was_faulted = await watch.last_before(tx, party_id, since, [watch.FAULTED, watch.RECOVERED])
    stays = await past_sessions.stays_at_stations(tx, party_id, since)
    places = {place_id: await locations.get(tx, place_id) for place_id in sorted({one.location_id for one in found})}
    out = []
    for station in found:
        place = places[station.location_id]
        zone = ZoneInfo(place.time_zone if place else "UTC")
        known = findings.get(station.id, [])
        online = {watch.ONLINE: True, watch.OFFLINE: False}.get(was_online.get(station.id, ""))
        record = Record(
            before=Before(online, was_faulted.get(station.id) == watch.FAULTED),
            happened=[_happening(one) for one in happened.get(station.id, ())],
            stays=[Stay(*stay) for stay in stays.get(station.id, ())],
            unstarted=[one.since for one in known if one.rule is Rule.NO_START],
        )
        view = StationHealth(
            station_id=station.id,
            identity=station.identity,
            online=station.online,
            findings=_views(known),
            days=figures(record, local_days(now, zone, days), zone, now),
        )
        out.append(view)
    return out


def _views(findings: Sequence[Finding]) -> list[FindingView]:
    """The open ones first."""
    ordered = sorted(findings, key=lambda one: one.resolved_at is not None)
    return [
        FindingView(
            rule=one.rule,
            severity=one.severity,
            detail=one.detail,
            since=one.since,
            tried=list(one.tried),
            told_at=one.told_at,
            resolved_at=one.resolved_at,
        )
        for one in ordered
    ]


def _happening(event: StationEvent) -> Happening:
    connector_no = event.detail.partition(":")[0] if event.kind in (watch.FAULTED, watch.RECOVERED) else ""
    return Happening(event.at, event.kind, connector_no, ours=event.detail in watch.OURS)
