"""The demo's clock: what time it is in the town, and how fast it runs."""

from collections.abc import Awaitable, Callable

import flet as ft

from app import theme
from app.state import Clock
from app.strings import Texts

SPEEDS = (0, 1, 60, 600)


@ft.component
def ClockBar(t: Texts, clock: Clock, on_speed: Callable[[int], Awaitable[None]]) -> ft.Control:
    """Shows `clock` and sets its speed; only a demo has it."""
    face = ft.Row(
        [
            ft.Icon(ft.Icons.NIGHTS_STAY_OUTLINED, size=16, color=theme.ON_NIGHT),
            ft.Text(
                t.form.date_time(clock.now),
                size=13,
                font_family=theme.BOLD,
                color=theme.ON_NIGHT,
                key="clock-face",
            ),
        ],
        spacing=8,
        tight=True,
    )
    buttons = ft.Row([_speed(t, clock.speed, speed, on_speed) for speed in SPEEDS], spacing=4, tight=True)
    return ft.Semantics(
        label=t("clock.title"),
        container=True,
        content=ft.Container(
            ft.Row([face, buttons], alignment=ft.MainAxisAlignment.SPACE_BETWEEN),
            bgcolor=theme.NIGHT,
            padding=ft.Padding.symmetric(horizontal=16, vertical=6),
        ),
    )


def _speed(t: Texts, current: int, speed: int, on_speed: Callable[[int], Awaitable[None]]) -> ft.Control:
    async def chosen() -> None:
        await on_speed(speed)

    on = speed == current
    color = theme.NIGHT if on else theme.ON_NIGHT
    face: ft.Control = (
        ft.Icon(ft.Icons.PAUSE, size=15, color=color, semantics_label=t("clock.pause"))
        if speed == 0
        else ft.Text(f"x{speed}", size=12, font_family=theme.BOLD, color=color)
    )
    names = {0: t("clock.pause"), 1: t("clock.real")}
    paint = theme.NIGHT_LIGHT if on else ft.Colors.with_opacity(0.14, theme.ON_NIGHT)
    style = ft.ButtonStyle(bgcolor=paint, padding=0, shape=ft.RoundedRectangleBorder(radius=10))
    return ft.Semantics(
        selected=on,
        content=ft.TextButton(
            face,
            height=32,
            width=44,
            style=style,
            on_click=chosen,
            tooltip=names.get(speed) or t("clock.speed", n=speed),
            key=f"speed-{speed}",
        ),
    )
