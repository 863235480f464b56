"""Charge now: its price before the tap, the tap, and the way back."""

from datetime import datetime
from typing import cast

import flet as ft

from app import theme
from app.strings import Texts
from app.views import intents
from app.views.desk import use_clock, use_desk, use_texts
from app.widgets.cards import Tone, bone, card, notice, rule, stack
from shared.sessions import OverrideQuote, SessionView


@ft.component
def Override(session: SessionView) -> ft.Control:
    """The card with the button, its price, and the dialog that asks once more."""
    desk, t, clock = use_desk(), use_texts(), use_clock()
    quote, set_quote = ft.use_state(cast("OverrideQuote | None", None))
    asking, set_asking = ft.use_state(initial=False)
    busy, set_busy = ft.use_state(initial=False)

    async def price() -> None:
        if not session.override:
            set_quote(await intents.quote(desk, session.id))

    async def confirm() -> None:
        set_asking(False)
        set_busy(True)
        await intents.override(desk, session.id)
        set_busy(False)

    async def undo() -> None:
        set_busy(True)
        await intents.undo_override(desk, session.id)
        set_busy(False)

    async def ask() -> None:
        set_asking(True)
        await price()

    def keep() -> None:
        set_asking(False)

    # A price belongs to a plan: a new plan asks for it again.
    ft.use_effect(price, [session.plan.id, session.override])
    actions: list[ft.Control] = [
        ft.TextButton(t("override.keep"), on_click=keep, key="override-keep"),
        _now_button(t("override.confirm"), confirm, "override-confirm", disabled=quote is None),
    ]
    dialog = ft.AlertDialog(
        title=theme.title(t("override.dialog")),
        content=ft.Container(_terms(t, quote, clock.now), width=380),
        actions=actions,
        on_dismiss=keep,
    )
    ft.use_dialog(dialog if asking else None)
    if session.override:
        back = ft.OutlinedButton(
            t("override.undo"), icon=ft.Icons.UNDO, on_click=undo, disabled=busy, key="override-undo"
        )
        return notice(Tone.WARN, t("override.on"), None, ft.Row([back]))
    words = stack([theme.heading(t("override.title")), theme.small(price_words(t, quote))], 2)
    now = _now_button(t("override.now"), ask, "override", disabled=busy)
    return card([ft.Row([ft.Container(words, expand=True), now], spacing=16)], key="override-card")


def _now_button(word: str, on_click: ft.ControlEventHandler[ft.Button], key: str, *, disabled: bool) -> ft.FilledButton:
    style = None if disabled else ft.ButtonStyle(bgcolor=theme.AT_ONCE, color=ft.Colors.ON_TERTIARY)
    return ft.FilledButton(word, icon=ft.Icons.BOLT, on_click=on_click, disabled=disabled, key=key, style=style)


def price_words(t: Texts, quote: OverrideQuote | None) -> str:
    """What it costs, in a sentence."""
    if quote is None:
        return t("override.asking")
    if quote.cost_minor == 0:
        return t("override.free")
    key = "override.costs" if quote.cost_minor > 0 else "override.gains"
    return t(key, cost=t.form.money(abs(quote.cost_minor)))


def _terms(t: Texts, quote: OverrideQuote | None, now: datetime) -> ft.Control:
    """By plan and now, side by side."""
    if quote is None:
        return stack([theme.body(t("override.asking")), bone(20), bone(20), bone(20)], 10)

    def ready(moment: datetime | None) -> str:
        return t.form.soon(moment, now) if moment is not None else t("word.unknown")

    rows = [(t("override.row.ready"), ready(quote.ready_before), ready(quote.ready_after))]
    money = t.form.money
    if quote.cashback_before_minor or quote.cashback_after_minor:
        rows.append((t("override.row.cashback"), money(quote.cashback_before_minor), money(quote.cashback_after_minor)))
    if quote.savings_before_minor or quote.savings_after_minor:
        rows.append((t("override.row.savings"), money(quote.savings_before_minor), money(quote.savings_after_minor)))
    limit = t("override.limited", limit=t.code("limit", quote.limited_by)) if quote.limited_by else None
    return stack(
        [
            theme.strong(price_words(t, quote), size=18),
            _row("", t("override.row.before"), t("override.row.after"), quiet=True),
            rule(),
            *[_row(*row) for row in rows],
            theme.small(limit) if limit else None,
            theme.small(t("override.kept")),
        ],
        10,
    )


def _row(label: str, before: str, after: str, *, quiet: bool = False) -> ft.Control:
    text = theme.small if quiet else theme.strong
    cells: list[ft.Control] = [ft.Container(theme.body(label), expand=4)]
    for value in (before, after):
        word = text(value)
        word.text_align = ft.TextAlign.RIGHT
        cells.append(ft.Container(word, expand=3, alignment=ft.Alignment.CENTER_RIGHT))
    return ft.Row(cells, spacing=8)
