"""The tariff at home: three big choices, one to three fields, and what it means now, tonight and tomorrow."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import flet as ft

from app import theme
from app.failures import ApiProblem
from app.strings import Texts
from app.views import intents
from app.views.desk import use_board, use_desk, use_prefs, use_texts
from app.widgets.amounts import Complaint, Draft, draft_of, plain
from app.widgets.cards import Tone, card, columns, failed, notice, page, skeleton, stack
from app.widgets.curve_shapes import Bar, Marks
from app.widgets.price_curve import Picture, PriceCurve
from shared.tariffs import HomeKind, HomeTariff, HomeTariffInput, TariffPreview

TYPING_S = 0.4
"""So long a driver has to stop typing before the preview is asked for."""
ICONS = {
    HomeKind.FIXED: ft.Icons.HORIZONTAL_RULE,
    HomeKind.NIGHT: ft.Icons.BEDTIME_OUTLINED,
    HomeKind.DYNAMIC: ft.Icons.SHOW_CHART,
}
Change = Callable[[Draft], None]


@ft.component
def Tariff() -> ft.Control:
    """Loads the tariff in force, then shows the form."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()

    async def load() -> None:
        await intents.load_tariff(desk)

    ft.use_effect(load, [])
    if board.tariff.problem is not None and board.tariff.value is None:
        return page([failed(t, board.tariff.problem, load)], wide=prefs.wide)
    if board.tariff.first_load:
        return page([skeleton(t, 60, 150, 200, 160)], wide=prefs.wide)
    return page([_Form(board.tariff.value)], wide=prefs.wide)


@ft.component
def _Form(tariff: HomeTariff | None) -> ft.Control:
    desk, t, prefs = use_desk(), use_texts(), use_prefs()
    start = draft_of(tariff.input, t.language) if tariff else Draft()
    draft, set_draft = ft.use_state(start)
    preview, set_preview = ft.use_state(cast("TariffPreview | None", None))
    touched, set_touched = ft.use_state(initial=False)
    busy, set_busy = ft.use_state(initial=False)
    complaints = draft.complaints(t)
    entered = draft.entered() if not complaints else None

    def change(new: Draft) -> None:
        if new.kind is not draft.kind:
            set_touched(False)
        set_draft(new)

    async def show() -> None:
        if entered is None:
            set_preview(None)
            return
        await asyncio.sleep(TYPING_S)
        try:
            set_preview(await desk.api.preview_tariff(entered))
        except ApiProblem as refused:
            set_preview(None)
            desk.refuse(refused)

    async def save() -> None:
        set_touched(True)
        if entered is None:
            return
        set_busy(True)
        await intents.save_tariff(desk, entered)
        set_busy(False)

    ft.use_effect(show, [repr(entered)], cleanup=lambda: None)
    button = ft.FilledButton(
        t("act.save"), icon=ft.Icons.SAVE_OUTLINED, on_click=save, disabled=busy, key="save-tariff"
    )
    left = [
        stack([theme.title(t("tariff.title")), theme.body(t("tariff.lead"), theme.MUTED)], 4),
        _choices(t, draft, change, wide=prefs.wide),
        card([*_fields(t, draft, change, complaints if touched else _loud(complaints, draft)), ft.Row([button])]),
        _standing(t, tariff),
    ]
    return columns(left, [_preview(t, preview, entered)], wide=prefs.wide)


def _loud(complaints: dict[str, Complaint], draft: Draft) -> dict[str, Complaint]:
    """While typing, an empty field is not a mistake yet."""
    return {name: one for name, one in complaints.items() if getattr(draft, name)}


def _choices(t: Texts, draft: Draft, change: Change, *, wide: bool) -> ft.Control:
    cells = [ft.Container(_choice(t, kind, draft, change, wide=wide), expand=True) for kind in HomeKind]
    if wide:
        return ft.Row(list[ft.Control](cells), spacing=12)
    return stack([_choice(t, kind, draft, change, wide=wide) for kind in HomeKind], 10)


def _choice(t: Texts, kind: HomeKind, draft: Draft, change: Change, *, wide: bool) -> ft.Control:
    on = kind is draft.kind
    words = [theme.heading(t(f"tariff.{kind.value}")), theme.small(t(f"tariff.{kind.value}.note"))]
    mark = ft.Icon(ICONS[kind], color=ft.Colors.PRIMARY if on else theme.MUTED, size=26)
    dot = ft.Icon(
        ft.Icons.RADIO_BUTTON_CHECKED if on else ft.Icons.RADIO_BUTTON_UNCHECKED,
        color=ft.Colors.PRIMARY if on else theme.MUTED,
        size=20,
    )
    box = ft.Container(
        ft.Row([mark, ft.Container(stack(words, 0), expand=True), dot], spacing=14),
        padding=18,
        border_radius=theme.CARD_RADIUS,
        bgcolor=ft.Colors.PRIMARY_CONTAINER if on else theme.CARD,
        border=ft.Border.all(2, ft.Colors.PRIMARY) if on else ft.Border.all(1, theme.LINE),
        height=112 if wide else None,
        alignment=ft.Alignment.CENTER_LEFT,
        ink=True,
        on_click=lambda: change(replace(draft, kind=kind)),
        key=f"kind-{kind.value}",
    )
    return ft.Semantics(selected=on, button=True, content=box)


def _fields(t: Texts, draft: Draft, change: Change, complaints: dict[str, Complaint]) -> list[ft.Control]:
    def amount(name: str, label: str, note: str) -> ft.Control:
        return _amount(t, (name, t(label), t(note)), draft, change, complaints.get(name))

    if draft.kind is HomeKind.FIXED:
        return [amount("price", "tariff.price", "tariff.including")]
    if draft.kind is HomeKind.DYNAMIC:
        return [amount("markup", "tariff.markup", "tariff.markup_note")]
    window = [_hour(t, name, draft, change, complaints.get(name)) for name in ("night_from", "night_to")]
    weekend = ft.Switch(
        label=t("tariff.weekend"),
        value=draft.weekend,
        on_change=lambda event: change(replace(draft, weekend=bool(event.control.value))),
        key="weekend",
    )
    return [
        amount("price", "tariff.day_price", "tariff.including"),
        amount("night_price", "tariff.night_price", "tariff.including"),
        ft.Row([ft.Container(one, expand=True) for one in window], spacing=12),
        weekend,
    ]


def _amount(
    t: Texts, words: tuple[str, str, str], draft: Draft, change: Change, complaint: Complaint | None
) -> ft.Control:
    name, label, note = words
    field = ft.TextField(
        border=theme.FIELD,
        label=label,
        value=getattr(draft, name),
        helper=note,
        helper_max_lines=3,
        error=complaint.words if complaint else None,
        error_max_lines=3,
        keyboard_type=ft.KeyboardType.NUMBER,
        on_change=lambda event: change(draft.typed(name, event.control.value or "")),
        key=name,
    )
    if complaint is None or complaint.meant_micro is None:
        return stack([field])
    meant = complaint.meant_micro
    fix = ft.TextButton(
        t("tariff.use", meant=t.form.price(meant)),
        on_click=lambda: change(draft.typed(name, plain(meant, t.language))),
        key=f"use-{name}",
    )
    return stack([field, ft.Row([fix])], 4)


def _hour(t: Texts, name: str, draft: Draft, change: Change, complaint: Complaint | None) -> ft.Control:
    return ft.TextField(
        border=theme.FIELD,
        label=t(f"tariff.{name}"),
        value=getattr(draft, name),
        error=complaint.words if complaint else None,
        error_max_lines=3,
        on_change=lambda event: change(draft.typed(name, event.control.value or "")),
        key=name,
    )


def _standing(t: Texts, tariff: HomeTariff | None) -> ft.Control | None:
    if tariff is None:
        return None
    since = theme.small(t("tariff.since", date=t.form.date(tariff.valid_from)))
    if tariff.input.kind is HomeKind.DYNAMIC:
        return since
    tone, words = (Tone.GOOD, "tariff.partner") if tariff.supplier_partner else (Tone.CALM, "tariff.no_partner")
    return stack([notice(tone, t(words)), since], 8)


def _preview(t: Texts, preview: TariffPreview | None, entered: HomeTariffInput | None) -> ft.Control:
    if preview is None:
        waiting = theme.body(t("tariff.preview.wait"), theme.MUTED) if entered is None else skeleton(t, 60, 60, 160)
        return card([theme.heading(t("tariff.preview")), waiting], key="preview")

    def span(low: int, high: int) -> str:
        first, last = t.form.price(low), t.form.price(high)
        return t("tariff.same", price=first) if first == last else t("tariff.range", low=first, high=last)

    rows = [
        ("now", span(preview.now_micro_per_kwh, preview.now_micro_per_kwh)),
        ("tonight", span(preview.tonight_low_micro_per_kwh, preview.tonight_high_micro_per_kwh)),
        ("tomorrow", span(preview.tomorrow_low_micro_per_kwh, preview.tomorrow_high_micro_per_kwh)),
    ]
    lines = [
        ft.Row(
            [ft.Container(theme.body(t(f"tariff.{name}")), expand=True), theme.strong(words, size=18)],
            key=f"pay-{name}",
        )
        for name, words in rows
    ]
    seconds = 900
    if len(preview.points) > 1:
        seconds = int((preview.points[1].start - preview.points[0].start).total_seconds())
    bars = tuple(Bar(one.start, seconds, one.price_micro_per_kwh) for one in preview.points)
    drawn = PriceCurve(t, Picture(bars, Marks(), 170)) if len({one.price_micro_per_kwh for one in bars}) > 1 else None
    notes = [notice(Tone.CALM, t.code("tariff.note", one)) for one in preview.notices]
    return card([theme.heading(t("tariff.preview")), *lines, drawn, *notes], key="preview")
