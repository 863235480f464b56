"""What waits for the operator: stations that nobody has added, and what was noticed and mends nothing by itself."""

from collections.abc import Sequence
from datetime import datetime

import flet as ft

from app import theme
from app.console import Attention
from app.views.desk import use_clock, use_console, use_desk, use_texts
from app.views.operator import intents
from app.views.operator.words import detail, when
from app.widgets.cards import card, rule, stack
from app.widgets.keyed import keyed
from shared.health import Severity
from shared.stations import PendingStation, StationView

SHOWN = 8
COLORS = {Severity.CRITICAL: ft.Colors.ERROR, Severity.WARNING: theme.AT_ONCE, Severity.INFO: theme.MUTED}


@ft.component
def Waiting() -> ft.Control:
    """Stations that connected and that nobody has added, each with what takes it in or turns it away."""
    t, console = use_texts(), use_console()
    found = console.pending.value or []
    rows: list[ft.Control] = [theme.heading(t("op.waiting")), theme.small(t("op.waiting.what"))]
    for one in found[:SHOWN]:
        rows += [rule(), keyed(_Pending, f"pending-{one.id}", one)]
    if len(found) > SHOWN:
        rows.append(theme.small(t("op.dispute.more", n=len(found) - SHOWN)))
    return card(rows, key="waiting")


@ft.component
def _Pending(one: PendingStation) -> ft.Control:
    desk, t, console, clock = use_desk(), use_texts(), use_console(), use_clock()
    place, set_place = ft.use_state(_first_place(console.stations.value or []))
    busy, set_busy = ft.use_state(initial=False)

    async def take() -> None:
        set_busy(True)
        await intents.approve(desk, one, place.strip())
        set_busy(False)

    async def refuse() -> None:
        set_busy(True)
        await intents.turn_away(desk, one)
        set_busy(False)

    make = " ".join(part for part in (one.vendor, one.model) if part) or t("op.unknown_model")
    seen = t("op.waiting.since", moment=when(t, one.first_seen_at, clock.now), address=one.address)
    code = ft.Row([theme.small(t("op.waiting.code")), theme.strong(one.pairing_code)], spacing=8, wrap=True)
    words = stack([theme.strong(one.identity), theme.small(f"{make} · {seen}"), code], 4)
    where = ft.TextField(
        value=place,
        label=t("op.place"),
        border=theme.FIELD,
        on_change=lambda event: set_place(event.control.value or ""),
        key=f"place-{one.identity}",
        expand=True,
    )
    able = bool(place.strip()) and not busy
    yes = ft.FilledButton(t("op.waiting.take"), on_click=take, disabled=not able, key=f"take-{one.identity}")
    no = ft.TextButton(t("op.waiting.refuse"), on_click=refuse, disabled=busy, key=f"refuse-{one.identity}")
    return stack([words, ft.Row([where]), ft.Row([yes, no], spacing=12, wrap=True)], 10)


def _first_place(stations: Sequence[StationView]) -> str:
    """The place that most stations stand at."""
    names = [one.location_name for one in stations]
    return max(names, key=names.count, default="")


@ft.component
def Noticed() -> ft.Control:
    """What is wrong with stations where no remedy helped, and what concerns their security."""
    t, console, clock = use_texts(), use_console(), use_clock()
    found = console.attention()
    rows: list[ft.Control] = [theme.heading(t("op.noticed"))]
    for one in found[:SHOWN]:
        rows += [rule(), keyed(_Notice, f"notice-{one.key}", one, clock.now)]
    if len(found) > SHOWN:
        rows.append(theme.small(t("op.dispute.more", n=len(found) - SHOWN)))
    return card(rows, key="noticed")


@ft.component
def _Notice(one: Attention, now: datetime) -> ft.Control:
    desk, t = use_desk(), use_texts()

    async def seen() -> None:
        if one.notice_id is not None:
            await intents.clear_notice(desk, one.notice_id)

    what = t.code("op.notice", one.kind)
    dot = ft.Container(width=12, height=12, border_radius=6, bgcolor=COLORS[one.severity])
    tried = t("op.tried", what=", ".join(t(f"op.remedy.{name.value}") for name in one.tried)) if one.tried else None
    told = detail(t, one.kind, one.detail, now)[:160]
    small = " · ".join(part for part in (told, tried, t("op.since", moment=when(t, one.since, now))) if part)
    words = stack([theme.strong(f"{one.station}: {what}", size=14), theme.small(small)], 2)
    parts: list[ft.Control] = [ft.Container(dot, padding=ft.Padding.only(top=4)), ft.Container(words, expand=True)]
    if one.notice_id is not None:
        parts.append(ft.TextButton(t("op.notice.seen"), on_click=seen, key=f"seen-{one.key}"))
    return ft.Row(parts, spacing=12, vertical_alignment=ft.CrossAxisAlignment.START)


def findings_of(found: Sequence[Attention], now: datetime) -> list[ft.Control]:
    """The lines of one station's findings."""
    return [keyed(_Notice, f"finding-{one.key}", one, now) for one in found]
