"""When the driver usually leaves, by day of the week."""

from datetime import time
from typing import cast

import flet as ft

from app import theme
from app.strings import Texts
from app.views import intents
from app.views.desk import use_desk, use_texts
from app.widgets.cards import card
from shared.accounts import Me


@ft.component
def Habits(me: Me) -> ft.Control:
    """Seven days, each with a time or none."""
    desk, t = use_desk(), use_texts()
    day, set_day = ft.use_state(cast("int | None", None))
    habits = {one.weekday: one.leaves_at for one in me.habits}

    async def picked(event: ft.Event[ft.TimePicker]) -> None:
        weekday = day
        set_day(None)  # a picker does not say that it was dismissed after OK, and would open again
        if weekday is not None and event.control.value is not None:
            await intents.change_habit(desk, weekday, f"{event.control.value:%H:%M}")

    async def clear(weekday: int) -> None:
        await intents.change_habit(desk, weekday, None)

    known = habits.get(day) if day is not None else None
    picker = ft.TimePicker(
        value=time.fromisoformat(known) if known else time(7, 30),
        hour_format=ft.TimePickerHourFormat.H24,
        help_text=t(f"weekday.{day or 0}"),
        confirm_text=t("act.save"),
        cancel_text=t("act.cancel"),
        on_change=picked,
        on_dismiss=lambda: set_day(None),
    )
    ft.use_dialog(picker if day is not None else None)

    def row(weekday: int) -> ft.Control:
        async def forget() -> None:
            await clear(weekday)

        return _row(t, weekday, habits.get(weekday), lambda: set_day(weekday), forget)

    rows = [row(weekday) for weekday in range(7)]
    return card([theme.heading(t("settings.habits")), theme.small(t("settings.habits.note")), *rows], spacing=4)


def _row(
    t: Texts,
    weekday: int,
    leaves_at: str | None,
    pick: ft.ControlEventHandler[ft.TextButton],
    forget: ft.ControlEventHandler[ft.IconButton],
) -> ft.Control:
    name = t(f"weekday.{weekday}")
    face = theme.strong(leaves_at, theme.VALLEY) if leaves_at else theme.small(t("settings.habits.none"))
    button = ft.TextButton(face, on_click=pick, tooltip=f"{name}: {t('settings.habits.set')}", key=f"habit-{weekday}")
    gone = ft.IconButton(
        ft.Icon(ft.Icons.CLOSE, size=18, semantics_label=t("settings.habits.clear", day=name)),
        on_click=forget,
        tooltip=t("settings.habits.clear", day=name),
        opacity=1 if leaves_at else 0,
        disabled=leaves_at is None,
        key=f"habit-clear-{weekday}",
    )
    return ft.Row([ft.Container(theme.body(name), expand=True), button, gone], spacing=4)
