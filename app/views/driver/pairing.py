"""A driver's own station at home is taken in with the code that its installer or operator tells."""

import flet as ft

from app import theme
from app.views import intents
from app.views.desk import use_desk, use_texts
from app.widgets.cards import Tone, card, notice, problem_words
from shared.problems import Problem
from shared.stations import TakenIn


@ft.component
def PairCard() -> ft.Control:
    """The station's identity and the code; what became of it stands below."""
    desk, t = use_desk(), use_texts()
    identity, set_identity = ft.use_state("")
    code, set_code = ft.use_state("")
    busy, set_busy = ft.use_state(initial=False)
    nothing: TakenIn | Problem | None = None
    result, set_result = ft.use_state(nothing)

    async def pair() -> None:
        set_busy(True)
        said = await intents.pair(desk, identity.strip(), code.strip())
        set_result(said)
        if isinstance(said, TakenIn):
            set_code("")
        set_busy(False)

    name = ft.TextField(
        value=identity,
        label=t("pair.identity"),
        helper=t("pair.identity.where"),
        helper_max_lines=3,
        border=theme.FIELD,
        on_change=lambda event: set_identity(event.control.value or ""),
        key="pair-identity",
    )
    word = ft.TextField(
        value=code,
        label=t("pair.code"),
        border=theme.FIELD,
        on_change=lambda event: set_code(event.control.value or ""),
        on_submit=pair,
        key="pair-code",
    )
    able = bool(identity.strip() and code.strip()) and not busy
    button = ft.FilledButton(t("pair.do"), on_click=pair, disabled=not able, key="pair")
    working = ft.ProgressRing(width=20, height=20) if busy else None
    foot = ft.Row([one for one in (button, working) if one is not None], spacing=12)
    said: ft.Control | None = None
    if isinstance(result, TakenIn):
        said = notice(Tone.GOOD, t("pair.done", identity=result.identity), t("pair.done.then"))
    elif result is not None:
        text, do = problem_words(t, result)
        said = notice(Tone.BAD, text, do)
    return card([theme.heading(t("pair.title")), theme.small(t("pair.what")), name, word, foot, said], key="pairing")
