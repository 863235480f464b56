"""Whether a station may go to work, and the limits that others set it."""

from datetime import datetime

import flet as ft

from app import theme
from app.strings import Texts
from app.views.desk import use_desk, use_texts
from app.views.operator import care
from app.views.operator.words import when, where
from app.widgets.cards import card, rule, stack
from shared.stations import Admission, StationLimit, StationView

STATUSES = {one: Admission(one) for one in ("Accepted", "Pending", "Rejected")}


@ft.component
def AdmissionCard(station: StationView) -> ft.Control:
    """What a station's boot is answered, and the choice."""
    desk, t = use_desk(), use_texts()
    busy, set_busy = ft.use_state(initial=False)

    async def choose(event: ft.Event[ft.SegmentedButton]) -> None:
        set_busy(True)
        await care.admit(desk, station.id, STATUSES[event.control.selected[0]])
        set_busy(False)

    segments = [ft.Segment(one, label=ft.Text(t.code("op.admission", one), size=13, no_wrap=True)) for one in STATUSES]
    choice = ft.SegmentedButton(
        segments,
        selected=[station.admission],
        show_selected_icon=False,
        on_change=choose,
        disabled=busy,
        key="admission",
    )
    what = theme.small(t(f"op.admission.{station.admission.lower()}.what"))
    return card([theme.heading(t("op.admission")), ft.Row([choice], scroll=ft.ScrollMode.AUTO), what])


def limits_card(t: Texts, station: StationView, now: datetime) -> ft.Control | None:
    """The limits that a station has from elsewhere; None where it has none."""
    if not station.limits:
        return None
    rows: list[ft.Control] = [theme.heading(t("op.limits")), theme.small(t("op.limits.what"))]
    for one in station.limits:
        rows += [rule(), _limit(t, one, now)]
    return card(rows, key="limits")


def _limit(t: Texts, one: StationLimit, now: datetime) -> ft.Control:
    power = t("op.limit.amount_unknown") if one.limit_w is None else t.form.power(one.limit_w)
    until = t("op.limit.open") if one.ends_at is None else t("op.limit.until", moment=when(t, one.ends_at, now))
    need = theme.small(t("op.limit.critical"), theme.AT_ONCE) if one.critical else None
    words = stack(
        [theme.body(t.code("op.limit", one.source)), theme.small(f"{where(t, one.connector_no)} · {until}"), need], 2
    )
    return ft.Row([ft.Container(words, expand=True), theme.strong(power)], spacing=12)
