"""When do you leave: the time in force, quick choices, any other time on any of the next days."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

import flet as ft

from app import theme
from app.strings import Texts
from app.widgets.cards import card

QUICK = (time(6, 30), time(7, 0), time(7, 30), time(8, 0), time(9, 0))
DAYS = 5
SOONEST = timedelta(minutes=15)
"""A departure sooner than a slot from now cannot be planned for."""

OnReady = Callable[[datetime | None], Awaitable[None]]


@dataclass(frozen=True)
class InForce:
    """The time in force, on whose word (`source`), in a sentence (`why`). `question`: why it is worth saying one.

    `earlier`: what being ready earlier costs.
    """

    at: datetime | None
    source: str
    why: str
    question: str | None = None
    earlier: str | None = None


def next_at(clock_time: time, now: datetime, zone: ZoneInfo, days_ahead: int | None = None) -> datetime:
    """The next local `clock_time` at least a quarter of an hour from now, or that of a day from today on."""
    local = now.astimezone(zone)
    days = range(8) if days_ahead is None else range(days_ahead, 8)
    for day in days:
        moment = datetime.combine(local.date() + timedelta(days=day), clock_time, zone)
        if moment.astimezone(now.tzinfo) >= now + SOONEST:
            return moment
    raise AssertionError("a week without that time of day")


@ft.component
def ReadyBy(
    t: Texts, known: InForce, now: datetime, on_ready: OnReady, on_dismiss: Callable[[], Awaitable[None]]
) -> ft.Control:
    """`on_ready(None)` forgets what was stated; `on_dismiss` closes the question."""
    ready, source = known.at, known.source
    day, set_day = ft.use_state(cast("int | None", None))
    picking, set_picking = ft.use_state(initial=False)
    zone = t.form.zone

    async def pick(clock_time: time) -> None:
        await on_ready(next_at(clock_time, now, zone, day))

    async def picked(event: ft.Event[ft.TimePicker]) -> None:
        set_picking(False)  # a picker does not say that it was dismissed after OK, and would open again
        if event.control.value is not None:
            await pick(event.control.value)

    ft.use_dialog(
        ft.TimePicker(
            value=t.form.local(ready).time().replace(tzinfo=None) if ready else time(7, 30),
            hour_format=ft.TimePickerHourFormat.H24,
            help_text=t("ready.pick_help"),
            confirm_text=t("act.save"),
            cancel_text=t("act.cancel"),
            on_change=picked,
            on_dismiss=lambda: set_picking(False),
        )
        if picking
        else None
    )
    head = t("ready.now_at", time=t.form.moment(ready, now)) if ready else t("ready.title")
    ask = known.question
    return card(
        [
            _question(t, ask, on_dismiss) if ask is not None else None,
            ft.Row(
                [
                    ft.Icon(ft.Icons.SCHEDULE, color=theme.VALLEY, size=20),
                    ft.Container(theme.heading(head), expand=True),
                    _days(t, now, day, set_day),
                ],
                spacing=10,
            ),
            theme.small(known.why),
            _earlier(known.earlier) if known.earlier is not None else None,
            _chips(t, ready, pick, lambda: set_picking(True), on_ready if source == "stated" else None),
        ],
        key="ready-by",
    )


def _earlier(words: str) -> ft.Text:
    text = theme.small(words)
    text.key = "ready-earlier"
    return text


def _question(t: Texts, words: str, on_dismiss: Callable[[], Awaitable[None]]) -> ft.Control:
    """Asked only where the answer is worth it, with what it is worth."""
    not_now = ft.TextButton(t("question.not_now"), on_click=on_dismiss, key="question-not-now")
    box = ft.Container(
        ft.Row(
            [
                ft.Icon(ft.Icons.SAVINGS_OUTLINED, color=ft.Colors.ON_PRIMARY_CONTAINER, size=20),
                ft.Container(theme.strong(words, ft.Colors.ON_PRIMARY_CONTAINER), expand=True),
                not_now,
            ],
            spacing=10,
        ),
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        border_radius=theme.SMALL_RADIUS,
        padding=ft.Padding.only(left=14, right=6, top=8, bottom=8),
        key="question",
    )
    return ft.Semantics(container=True, content=box)


def _chips(
    t: Texts,
    ready: datetime | None,
    pick: Callable[[time], Awaitable[None]],
    other: Callable[[], None],
    forget: OnReady | None,
) -> ft.Control:
    in_force = t.form.time(ready) if ready else None

    def chip(clock_time: time) -> ft.Control:
        word = f"{clock_time:%H:%M}"

        async def chosen() -> None:
            await pick(clock_time)

        return _chip(word, chosen, selected=word == in_force)

    chips = [chip(one) for one in QUICK]
    chips.append(_chip(t("ready.pick"), other, key="ready-other", icon=ft.Icons.MORE_TIME))
    if forget is not None:

        async def forgotten() -> None:
            await forget(None)

        chips.append(_chip(t("ready.forget"), forgotten, key="ready-forget", icon=ft.Icons.CLOSE))
    return ft.Row(chips, wrap=True, spacing=8, run_spacing=8)


def _chip(
    word: str,
    on_click: Callable[[], Awaitable[None]] | Callable[[], None],
    *,
    selected: bool = False,
    key: str | None = None,
    icon: ft.IconData | None = None,
) -> ft.Control:
    return ft.Chip(
        label=ft.Text(word, font_family=theme.BOLD, size=14),
        leading=ft.Icon(icon, size=16) if icon else None,
        selected=selected,
        show_checkmark=False,
        selected_color=ft.Colors.PRIMARY_CONTAINER,
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOW,
        border_side=ft.BorderSide(1.5, theme.VALLEY) if selected else ft.BorderSide(1, theme.LINE),
        shape=ft.RoundedRectangleBorder(radius=theme.SMALL_RADIUS),
        on_click=on_click,
        key=key or f"ready-{word}",
    )


def day_name(t: Texts, now: datetime, ahead: int) -> str:
    """Today, tomorrow, else the weekday."""
    if ahead < 2:
        return t("word.tomorrow" if ahead else "word.today")
    return t(f"weekday.{(t.form.local(now) + timedelta(days=ahead)).weekday()}")


def _days(t: Texts, now: datetime, day: int | None, set_day: Callable[[int | None], None]) -> ft.Control:
    """Which day the next tap on a time means; without a choice the next time that comes."""

    def item(ahead: int) -> ft.PopupMenuItem:
        return ft.PopupMenuItem(
            day_name(t, now, ahead), checked=day == ahead, on_click=lambda: set_day(ahead), key=f"day-{ahead}"
        )

    word = theme.small(day_name(t, now, day)) if day is not None else None
    icon = ft.Icon(
        ft.Icons.EXPAND_MORE if word else ft.Icons.CALENDAR_MONTH_OUTLINED,
        size=20,
        color=theme.MUTED,
    )
    return ft.PopupMenuButton(
        content=ft.Row([one for one in (word, icon) if one is not None], spacing=2, tight=True),
        tooltip=t("ready.day"),
        items=[item(ahead) for ahead in range(DAYS)],
        key="ready-day",
    )
