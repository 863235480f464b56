"""In one piece: a switch for cars that do not like to be paused."""

import flet as ft

from app import theme
from app.views import intents
from app.views.desk import use_desk, use_texts
from app.widgets.cards import card, stack
from shared.sessions import SessionView


@ft.component
def OnePiece(session: SessionView) -> ft.Control:
    """The switch, and what it means."""
    desk, t = use_desk(), use_texts()
    busy, set_busy = ft.use_state(initial=False)

    async def turn(event: ft.Event[ft.Switch]) -> None:
        set_busy(True)
        await intents.say_one_block(desk, session.id, one_block=bool(event.control.value))
        set_busy(False)

    words = [theme.heading(t("block.title")), theme.small(t("block.on" if session.one_block else "block.off"))]
    switch = ft.Switch(value=session.one_block, on_change=turn, disabled=busy, key="one-block")
    row = ft.Row(
        [
            ft.Icon(ft.Icons.LINEAR_SCALE, color=theme.VALLEY, size=20),
            ft.Container(stack(words, 2), expand=True),
            ft.Semantics(label=t("block.title"), content=switch),
        ],
        spacing=10,
    )
    return card([row], key="one-piece")
