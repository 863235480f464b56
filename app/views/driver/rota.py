"""A shift rota: a calendar's text, pasted or from a file, and how long the way to work is."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import cast

import flet as ft

from app import theme
from app.failures import ApiProblem
from app.strings import Texts
from app.views import intents
from app.views.desk import use_clock, use_desk, use_texts
from app.widgets.cards import Tone, card, notice, stack
from app.widgets.keyed import keyed
from shared.accounts import Me, MeUpdate, RotaView
from shared.problems import Problem

TRAVELS = (0, 15, 30, 45, 60, 90, 120)
OFFERED = 30


@ft.component
def RotaCard(me: Me) -> ft.Control:
    """What is known of the shifts, and a place to say it."""
    desk, t, clock = use_desk(), use_texts(), use_clock()
    text, set_text = ft.use_state("")
    travel, set_travel = ft.use_state(me.rota.travel_minutes if me.rota else OFFERED)
    wrong, set_wrong = ft.use_state(cast("Problem | None", None))
    busy, set_busy = ft.use_state(initial=False)

    async def save() -> None:
        set_busy(True)
        set_wrong(None)
        try:
            await intents.save_rota(desk, text, travel)
            set_text("")
        except ApiProblem as refused:
            set_wrong(refused.problem)
        set_busy(False)

    async def forget() -> None:
        await intents.forget_rota(desk)

    async def pick() -> None:
        custom = ft.FilePickerFileType.CUSTOM
        files = await ft.FilePicker().pick_files(file_type=custom, allowed_extensions=["ics"], with_data=True)
        if files and files[0].bytes:
            set_text(bytes(files[0].bytes).decode("utf-8", "replace"))

    def typed(event: ft.Event[ft.TextField]) -> None:
        set_text(event.control.value or "")

    forget_button = ft.TextButton(t("rota.forget"), on_click=forget, key="rota-forget") if me.rota else None
    buttons = [
        ft.FilledButton(t("act.save"), on_click=save, disabled=busy or not text.strip(), key="rota-save"),
        ft.OutlinedButton(t("rota.file"), icon=ft.Icons.UPLOAD_FILE_OUTLINED, on_click=pick, key="rota-file"),
        forget_button,
    ]
    return card(
        [
            stack([theme.heading(t("rota.title")), theme.small(t("rota.lead"))], 4),
            theme.strong(_standing(t, me.rota, clock.now)) if me.rota else None,
            _paste(t, text, typed),
            keyed(_Travel, "travel", me, travel, set_travel),
            _refusal(t, wrong) if wrong is not None else None,
            ft.Row([one for one in buttons if one is not None], wrap=True, spacing=10, run_spacing=10),
        ],
        key="rota",
    )


def _standing(t: Texts, rota: RotaView, now: datetime) -> str:
    if rota.leaves_at is None:
        return t("rota.none_soon")
    return t.count("rota.next", rota.shifts) + " " + t("rota.leaves", time=t.form.moment(rota.leaves_at, now))


def _paste(t: Texts, text: str, typed: ft.ControlEventHandler[ft.TextField]) -> ft.Control:
    return ft.TextField(
        border=theme.FIELD,
        value=text,
        label=t("rota.paste"),
        hint_text="BEGIN:VCALENDAR ...",
        multiline=True,
        min_lines=3,
        max_lines=6,
        text_size=13,
        on_change=typed,
        key="rota-text",
    )


@ft.component
def _Travel(me: Me, travel: int, set_travel: Callable[[int], None]) -> ft.Control:
    """How long the way is; of shifts that are known it is saved at once."""
    desk, t = use_desk(), use_texts()

    async def chosen(event: ft.Event[ft.Dropdown]) -> None:
        minutes = int(event.control.value or OFFERED)
        set_travel(minutes)
        if me.rota is not None and await intents.change_me(desk, MeUpdate(travel_minutes=minutes)):
            desk.toast(t("rota.saved"))

    options = [ft.DropdownOption(key=str(one), text=t("rota.minutes", n=one)) for one in sorted({*TRAVELS, travel})]
    choice = ft.Dropdown(
        border=theme.FIELD,
        value=str(travel),
        label=t("rota.travel"),
        options=options,
        on_select=chosen,
        key="rota-travel",
        width=220,
    )
    return ft.Row([ft.Semantics(label=t("rota.travel"), content=choice)])


def _refusal(t: Texts, wrong: Problem) -> ft.Control:
    """The lines that could not be read: in English in the server's words, which it has no others for."""
    said = "; ".join(f"{one.field}, {one.message}" for one in wrong.errors)
    if said and t.language != "en":
        events = [one for one in wrong.errors if one.field != "calendar"]  # else it is no calendar at all
        lines = [number for one in events for number in re.findall(r"^line (\d+)", one.message)]
        said = t("rota.wrong.lines", lines=", ".join(lines)) if lines else t("rota.wrong.do")
    return notice(Tone.BAD, t("rota.wrong"), said or wrong.hint or wrong.detail)
