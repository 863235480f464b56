"""How full: a slider in percent where the car tells its battery, in kWh where it does not."""

from collections.abc import Awaitable, Callable
from typing import cast

import flet as ft

from app import theme
from app.strings import Texts
from app.widgets.cards import card

LEAST_PCT = 20
STEP_WH = 1_000
MOST_WH = 80_000

OnTarget = Callable[[int], Awaitable[None]]


@ft.component
def TargetPercent(t: Texts, target: int, soc: int | None, on_target: OnTarget) -> ft.Control:
    """A target in percent; `soc` None: the car does not tell."""
    value, set_value = ft.use_state(cast("int | None", None))
    shown = value if value is not None else target

    async def settled(event: ft.Event[ft.Slider]) -> None:
        await on_target(round(event.control.value or target))
        set_value(None)

    note = t("target.pct_now", pct=soc) if soc is not None else t("target.soc_unknown")
    slider = ft.Slider(
        value=max(LEAST_PCT, shown),
        min=LEAST_PCT,
        max=100,
        divisions=(100 - LEAST_PCT) // 5,
        secondary_track_value=min(100, max(LEAST_PCT, soc)) if soc is not None else None,
        label="{value} %",
        on_change=lambda event: set_value(round(event.control.value)),
        on_change_end=settled,
        key="target",
    )
    return _card(t, t("target.pct", pct=shown), note, slider)


@ft.component
def TargetEnergy(t: Texts, need_wh: int, on_target: OnTarget) -> ft.Control:
    """What is still to come, in kWh."""
    value, set_value = ft.use_state(cast("int | None", None))
    shown = min(MOST_WH, value if value is not None else need_wh)

    async def settled(event: ft.Event[ft.Slider]) -> None:
        await on_target(round((event.control.value or 0) * STEP_WH))
        set_value(None)

    slider = ft.Slider(
        value=shown / STEP_WH,
        min=0,
        max=MOST_WH // STEP_WH,
        divisions=MOST_WH // STEP_WH,
        label="{value} kWh",
        on_change=lambda event: set_value(round(event.control.value * STEP_WH)),
        on_change_end=settled,
        key="target",
    )
    return _card(t, t("target.energy", energy=t.form.energy(shown)), t("target.soc_unknown"), slider)


def _card(t: Texts, head: str, note: str, slider: ft.Slider) -> ft.Control:
    return card(
        [
            ft.Row(
                [
                    ft.Icon(ft.Icons.BATTERY_CHARGING_FULL, color=theme.VALLEY, size=20),
                    ft.Container(theme.heading(t("target.title")), expand=True),
                    theme.strong(head, theme.VALLEY),
                ],
                spacing=10,
            ),
            ft.Semantics(label=f"{t('target.title')} {head}", content=slider),
            theme.small(note),
        ],
        spacing=8,
        key="target-card",
    )
