"""What an operator has on the screen, as one observable per session of the app."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import flet as ft

from app.state import Remote
from shared.forwarding import ForwardingView
from shared.health import Remedy, Rule, Severity, StationHealth
from shared.operating import CommandForms, MessageView
from shared.stations import Dispute, PendingStation, StationCertificate, StationNotice, StationView
from shared.traits import StationTraits

GRAVEST = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)
CERTIFICATE_ENDS = "certificate_ends"
MESSAGES_MAX = 300
"""Frames on the screen; older ones are a search away."""


@dataclass(frozen=True)
class Search:
    """What is looked for in the message log; empty fields ask for nothing. `odd`: "true", what breaks the standard."""

    station: str = ""
    action: str = ""
    direction: str = ""
    text: str = ""
    odd: str = ""

    def query(self) -> dict[str, str]:
        """As the API takes it."""
        return {name: value for name, value in vars(self).items() if value}

    def changed(self, **fields: str) -> "Search":
        """Another search."""
        return replace(self, **fields)


@dataclass(frozen=True)
class Attention:
    """Something about a station that its operator should look at; `notice_id`: it can be said to be seen to.

    `told`: no remedy helped.
    """

    key: str
    station: str
    kind: str
    severity: Severity
    detail: str
    since: datetime
    tried: Sequence[Remedy] = ()
    told: bool = True
    notice_id: UUID | None = None


@dataclass(eq=False)
class Console(ft.Observable):
    """Stations, disputes, the message log as far as it was read, and what a station can be asked."""

    stations: Remote[list[StationView]] = field(default_factory=Remote)
    disputes: Remote[list[Dispute]] = field(default_factory=Remote)
    pending: Remote[list[PendingStation]] = field(default_factory=Remote)
    notices: Remote[list[StationNotice]] = field(default_factory=Remote)
    health: Remote[list[StationHealth]] = field(default_factory=Remote)
    messages: Remote[list[MessageView]] = field(default_factory=Remote)
    cursor: str | None = None
    live: bool = False
    forms: Remote[CommandForms] = field(default_factory=Remote)
    traits: Remote[StationTraits] = field(default_factory=Remote)
    certificates: Remote[list[StationCertificate]] = field(default_factory=Remote)
    forwardings: Remote[list[ForwardingView]] = field(default_factory=Remote)

    def station(self, station_id: str) -> StationView | None:
        """A station that is known."""
        return next((one for one in self.stations.value or [] if str(one.id) == station_id), None)

    def health_of(self, station_id: str) -> StationHealth | None:
        """How a station has been."""
        return next((one for one in self.health.value or [] if str(one.station_id) == station_id), None)

    def traits_of(self, station_id: UUID) -> StationTraits | None:
        """How a station is treated, where that was the last one asked for."""
        known = self.traits.value
        return known if known is not None and known.station_id == station_id else None

    def certificates_of(self, station_id: UUID) -> list[StationCertificate]:
        """A station's certificates, the newest first."""
        return [one for one in self.certificates.value or [] if one.station_id == station_id]

    def attention(self) -> list[Attention]:
        """What is to be looked at, the gravest and then the newest first."""
        known = {(one.station_id, CERTIFICATE_ENDS) for one in self.health.value or [] if _ends(one)}
        found = [
            Attention(
                str(one.id), one.identity, one.kind, Severity(one.severity), one.detail, one.last_at, notice_id=one.id
            )
            for one in self.notices.value or []
            if (one.station_id, one.kind) not in known
        ]
        for station in self.health.value or []:
            found += [one for one in attention_of(station) if one.told]
        newest = sorted(found, key=lambda one: one.since, reverse=True)
        return sorted(newest, key=lambda one: GRAVEST.index(one.severity))

    def hear(self, news: list[MessageView]) -> None:
        """Frames that were just kept go on top; each once, in the order of the log."""
        known = {one.id: one for one in [*(self.messages.value or []), *news]}
        newest = sorted(known.values(), key=lambda one: one.id, reverse=True)
        self.messages = self.messages.ready(newest[:MESSAGES_MAX])

    def clear(self) -> None:
        """Forget everything: somebody else may sign in."""
        for name, value in vars(Console()).items():
            if not name.startswith("_"):
                setattr(self, name, value)


def _ends(station: StationHealth) -> bool:
    """Whether the watch says that a certificate ends, and was told: the notice of the same says no more."""
    return any(one.kind == Rule.CERTIFICATE_EXPIRING.value and one.told for one in attention_of(station))


def attention_of(station: StationHealth) -> list[Attention]:
    """What is wrong with a station now."""
    return [
        Attention(
            f"{station.station_id}-{one.rule.value}",
            station.identity,
            one.rule.value,
            one.severity,
            one.detail,
            one.since,
            one.tried,
            one.told_at is not None,
        )
        for one in station.findings
        if one.resolved_at is None
    ]
