"""The message log: live, searched, read."""

from collections.abc import Callable

import flet as ft

from app import theme
from app.console import Search
from app.strings import Texts
from app.views.background import use_background
from app.views.desk import use_console, use_desk, use_prefs, use_texts
from app.views.operator import intents
from app.views.operator.frames import rows
from app.widgets.cards import card, empty, failed, page, skeleton, stack


@ft.component
def LogPage() -> ft.Control:
    """Everything that stations and we say."""
    t, prefs = use_texts(), use_prefs()
    wanted, set_wanted = ft.use_state(Search())
    return page([_form(t, wanted, set_wanted, wide=prefs.wide), Frames(wanted)], wide=prefs.wide)


@ft.component
def Frames(wanted: Search) -> ft.Control:
    """The frames that fit a search, the newest as they come."""
    desk, t, console, prefs = use_desk(), use_texts(), use_console(), use_prefs()
    nothing: int | None = None
    opened, set_opened = ft.use_state(nothing)

    async def watch() -> None:
        await intents.watch_messages(desk, wanted)

    async def again() -> None:
        await intents.search(desk, wanted)

    async def more() -> None:
        await intents.more_messages(desk, wanted)

    use_background(watch, [wanted])
    messages = console.messages
    if messages.value is None and messages.problem is not None:
        return failed(t, messages.problem, again)
    if messages.value is None:
        return skeleton(t, 44, 44, 44, 44)
    tail = ft.TextButton(t("op.older"), on_click=more, key="older") if console.cursor else None
    if not messages.value:
        return stack([empty(ft.Icons.RECEIPT_LONG_OUTLINED, t("op.log.empty"), t("op.log.empty.do")), tail])
    state = theme.small(t("op.log.live" if console.live else "op.log.waiting"))
    found = rows(t, messages.value, opened, set_opened, wide=prefs.wide)
    return card([state, stack(found, 0), tail], spacing=8, padding=12, key="frames")


def _form(t: Texts, wanted: Search, choose: Callable[[Search], None], *, wide: bool) -> ft.Control:
    def field(name: str, label: str, hint: str = "") -> ft.Control:
        def said(event: ft.Event[ft.TextField]) -> None:
            choose(wanted.changed(**{name: (event.control.value or "").strip()}))

        return ft.TextField(
            value=getattr(wanted, name),
            label=label,
            hint_text=hint,
            border=theme.FIELD,
            dense=True,
            on_submit=said,
            on_blur=said,
            expand=wide,
            key=f"search-{name}",
        )

    def direct(event: ft.Event[ft.SegmentedButton]) -> None:
        said = event.control.selected[0]
        choose(wanted.changed(direction="" if said == "all" else said))

    ways = [ft.Segment(name, label=t(f"op.way.{name}")) for name in ("all", "in", "out")]
    way = ft.SegmentedButton(
        ways, selected=[wanted.direction or "all"], show_selected_icon=False, on_change=direct, key="search-way"
    )

    def only_odd(event: ft.Event[ft.Switch]) -> None:
        choose(wanted.changed(odd="true" if event.control.value else ""))

    odd = ft.Switch(label=t("op.log.odd_only"), value=bool(wanted.odd), on_change=only_odd, key="search-odd")
    fields = [
        field("station", t("op.search.station")),
        field("action", t("op.search.action"), "StatusNotification"),
        field("text", t("op.search.text")),
    ]
    return card(
        [
            theme.title(t("op.log")),
            ft.Row(fields, spacing=12) if wide else stack(fields, 10),
            stack([way, odd], 8) if not wide else ft.Row([way, odd], spacing=16),
        ],
        key="search",
    )
