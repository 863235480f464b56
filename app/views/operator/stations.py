"""The operator's stations with state and health, and sessions in dispute."""

from collections.abc import Callable, Sequence
from datetime import datetime

import flet as ft

from app import theme
from app.strings import Texts
from app.views.background import use_background
from app.views.desk import use_clock, use_console, use_desk, use_prefs, use_texts
from app.views.driver.session import LinkNotice
from app.views.operator import intents
from app.views.operator.waiting import Noticed, Waiting
from app.views.operator.words import dispute, fault, protocol, relative, when
from app.widgets.cards import card, empty, failed, page, rule, skeleton, stack
from app.widgets.keyed import keyed
from shared.stations import Dispute, DisputeKind, StationEvse, StationView

ACCEPTED = "Accepted"
FAULTS = ("Faulted", "Unavailable")


@ft.component
def Stations() -> ft.Control:
    """All stations of the party; those with something wrong come first."""
    desk, t, console, prefs = use_desk(), use_texts(), use_console(), use_prefs()
    clock = use_clock()

    async def watch() -> None:
        await intents.watch_stations(desk)

    async def load() -> None:
        await intents.load_stations(desk)

    use_background(watch)
    stations = console.stations
    if stations.value is None and stations.problem is not None:
        return page([failed(t, stations.problem, load)], wide=prefs.wide)
    if stations.value is None:
        return page([skeleton(t, 60, 96, 96, 96)], wide=prefs.wide)
    waiting = (
        keyed(Waiting, "waiting") if console.pending.value else None,
        keyed(Noticed, "noticed") if console.attention() else None,
    )
    if not stations.value:
        none = empty(ft.Icons.EV_STATION_OUTLINED, t("op.empty"), t("op.empty.do"))
        return page([*waiting, none], wide=prefs.wide)
    shown = sorted(stations.value, key=lambda one: (ill(one) == 0, one.location_name, one.identity))

    def go(station: StationView) -> Callable[[], None]:
        return lambda: desk.page.navigate(f"/station/{station.id}")

    rows = [_row(t, one, clock.now, go(one), wide=prefs.wide) for one in shown]
    disputes = _disputes(t, console.disputes.value or [], clock.now)
    return page(
        [keyed(LinkNotice, "link"), _head(t, shown, wide=prefs.wide), *waiting, disputes, *rows], wide=prefs.wide
    )


def ill(station: StationView) -> int:
    """How much is wrong with a station: 2 out of reach, 1 a fault or a plan that is not followed, 0 nothing."""
    if not station.online:
        return 2
    wrong = [one for one in station.evses if one.status in FAULTS or one.followed == "not_followed"]
    return 1 if wrong else 0


def _head(t: Texts, stations: Sequence[StationView], *, wide: bool) -> ft.Control:
    online = sum(one.online for one in stations)
    charging = sum(one.open_sessions for one in stations)
    power = sum(evse.power_w for one in stations for evse in one.evses)
    facts = [
        (t("op.online"), f"{online} / {len(stations)}", 4),
        (t("op.sessions"), str(charging), 4),
        (t("op.power"), t.form.power(power), 4 if wide else 5),  # on a phone "103.4 kW" needs more than a quarter
        (t("op.trouble"), str(sum(ill(one) > 0 for one in stations)), 4),
    ]
    cells: list[ft.Control] = [
        ft.Container(stack([theme.small(label), theme.strong(value, size=20 if wide else 18)], 2), expand=part)
        for label, value, part in facts
    ]
    return card([ft.Row(cells, spacing=16 if wide else 8)], key="op-head")


def _row(t: Texts, station: StationView, now: datetime, go: Callable[[], None], *, wide: bool) -> ft.Control:
    trouble = ill(station)
    color = (theme.VALLEY, theme.AT_ONCE, ft.Colors.ERROR)[trouble]
    dot = ft.Container(width=12, height=12, border_radius=6, bgcolor=color)
    name = stack([theme.heading(station.identity), theme.small(station.location_name)], 2)
    parts: list[ft.Control] = [ft.Container(dot, padding=ft.Padding.only(top=5)), ft.Container(name, expand=3)]
    evses = stack([evse_line(t, one) for one in station.evses], 4)
    if wide:
        make = " ".join(one for one in (station.vendor, station.model) if one) or t("op.unknown_model")
        box = stack([theme.body(make), theme.small(f"{protocol(t, station.version)} · {station.firmware or '?'}")], 2)
        parts += [ft.Container(box, expand=3), ft.Container(evses, expand=5)]
    held = None
    if station.admission != ACCEPTED:
        held = theme.small(t(f"op.admission.{station.admission.lower()}"), theme.AT_ONCE)
    seen = stack([theme.strong(t("op.up" if station.online else "op.down"), color), _seen(t, station, now), held], 2)
    parts.append(ft.Container(seen, width=150 if wide else 110))
    top = ft.Row(parts, spacing=14, vertical_alignment=ft.CrossAxisAlignment.START)
    return ft.Container(
        top if wide else stack([top, evses], 8),
        bgcolor=theme.CARD,
        border=ft.Border.all(1, theme.LINE),
        border_radius=theme.CARD_RADIUS,
        padding=16,
        ink=True,
        on_click=go,
        key=f"station-{station.identity}",
    )


def _seen(t: Texts, station: StationView, now: datetime) -> ft.Control:
    if station.last_seen_at is None:
        return theme.small(t("op.never"))
    return theme.small(t("op.seen", moment=relative(t, station.last_seen_at, now)))


def evse_line(t: Texts, evse: StationEvse) -> ft.Control:
    """A connector: its status, its fault, and what runs there."""
    status = t.code("op.evse", evse.status)
    said = status if evse.error_code in ("", "NoError") else f"{status} ({fault(t, evse.error_code)})"
    color = ft.Colors.ERROR if evse.status in FAULTS else ft.Colors.ON_SURFACE
    words = [theme.small(t("op.socket", n=evse.connector_no)), theme.strong(said, color, 14)]
    if evse.session_id is not None:
        words.append(theme.small(f"{t.form.energy(evse.energy_wh)} · {t.form.power(evse.power_w)}"))
    if evse.followed == "not_followed":
        words.append(theme.small(t("op.not_followed"), theme.AT_ONCE))
    return ft.Row([*words], spacing=10, wrap=True, key=f"evse-{evse.connector_no}")


def _disputes(t: Texts, found: Sequence[Dispute], now: datetime) -> ft.Control | None:
    if not found:
        return None
    rows: list[ft.Control] = [theme.heading(t("op.disputes"))]
    for number, one in enumerate(found[:8]):
        what = t("op.dispute.not_followed" if one.kind is DisputeKind.NOT_FOLLOWED else "op.dispute.orphan")
        told = f"{dispute(t, one, now)} · {when(t, one.at, now)}"
        words = stack([theme.strong(f"{one.station}: {what}", size=14), theme.small(told)], 2)
        rows += [rule(), ft.Container(words, key=f"dispute-{number}")]
    if len(found) > 8:
        rows.append(theme.small(t("op.dispute.more", n=len(found) - 8)))
    return card(rows, key="disputes")
