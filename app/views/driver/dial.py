"""The dial: sure, balanced or cheap, where nobody said when the car leaves."""

import flet as ft

from app import theme
from app.strings import Texts
from app.views import intents
from app.views.desk import use_desk, use_texts
from app.widgets.cards import card, stack
from shared.accounts import PROMISED_SHORT, Dial, Me, MeUpdate

ICONS = {
    Dial.SURE: ft.Icons.VERIFIED_USER_OUTLINED,
    Dial.BALANCED: ft.Icons.BALANCE,
    Dial.CHEAP: ft.Icons.SAVINGS_OUTLINED,
}


@ft.component
def DialCard(me: Me) -> ft.Control:
    """Three big choices, each with its promise."""
    desk, t = use_desk(), use_texts()
    busy, set_busy = ft.use_state(initial=False)

    async def choose(dial: Dial) -> None:
        if busy or dial is me.dial:
            return
        set_busy(True)
        if await intents.change_me(desk, MeUpdate(dial=dial)):
            desk.toast(t("dial.saved"))
        set_busy(False)

    def choice(dial: Dial) -> ft.Control:
        async def tapped() -> None:
            await choose(dial)

        return _choice(t, dial, tapped, on=dial is me.dial)

    head = [theme.heading(t("dial.title")), theme.small(t("dial.lead"))]
    return card([stack(head, 4), *[choice(dial) for dial in Dial]], key="dial")


def _choice(t: Texts, dial: Dial, tapped: ft.ControlEventHandler[ft.Container], *, on: bool) -> ft.Control:
    color = ft.Colors.PRIMARY if on else theme.MUTED
    words = [
        theme.heading(t(f"dial.{dial.value}")),
        theme.small(t.count("dial.promise", PROMISED_SHORT[dial])),
    ]
    dot = ft.Icons.RADIO_BUTTON_CHECKED if on else ft.Icons.RADIO_BUTTON_UNCHECKED
    row: list[ft.Control] = [
        ft.Icon(ICONS[dial], color=color, size=26),
        ft.Container(stack(words, 2), expand=True),
        ft.Icon(dot, color=color, size=20),
    ]
    box = ft.Container(
        ft.Row(row, spacing=14),
        padding=16,
        border_radius=theme.SMALL_RADIUS,
        bgcolor=ft.Colors.PRIMARY_CONTAINER if on else None,
        border=ft.Border.all(2, ft.Colors.PRIMARY) if on else ft.Border.all(1, theme.LINE),
        ink=True,
        on_click=tapped,
        key=f"dial-{dial.value}",
    )
    return ft.Semantics(selected=on, button=True, content=box)
