"""What a station reported of itself, searched: variables, monitors, messages, and what it says is wrong."""

import json
from typing import Any

import flet as ft

from app import theme
from app.strings import Texts
from app.views.desk import use_clock, use_desk, use_prefs, use_texts
from app.views.operator.fetched import use_fetched
from app.views.operator.frames import mono, pretty
from app.views.operator.words import when
from app.widgets.cards import card, failed, rule, skeleton, stack
from app.widgets.keyed import keyed
from shared.operating import InventoryKind, InventoryLine
from shared.stations import StationView
from shared.wire import Page

ALL = "all"
FEW = "12"
"""Lines that are shown unasked: the message log is below them."""
OLD = "1.6"
"""It has no word for an inventory."""


@ft.component
def Inventory(station: StationView) -> ft.Control:
    """The lines of a station that fit a search."""
    t, prefs = use_texts(), use_prefs()
    kind, set_kind = ft.use_state(ALL)
    text, set_text = ft.use_state("")

    def choose(event: ft.Event[ft.Dropdown]) -> None:
        set_kind(event.control.value or ALL)

    def search(event: ft.Event[ft.TextField]) -> None:
        set_text((event.control.value or "").strip())

    head: list[ft.Control] = [theme.heading(t("op.inventory")), theme.small(t("op.inventory.what"))]
    if station.version == OLD:
        return card([*head, theme.small(t("op.inventory.old"))], key="inventory")
    field = ft.TextField(
        value=text,
        label=t("op.inventory.search"),
        hint_text="Connector 1 Available",
        border=theme.FIELD,
        dense=True,
        expand=True,
        on_submit=search,
        on_blur=search,
        key="inventory-text",
    )
    options = [ft.DropdownOption(key=one, text=t(f"op.inventory.{one}")) for one in (ALL, *InventoryKind)]
    pick = ft.Dropdown(
        value=kind, options=options, on_select=choose, label=t("op.inventory.kind"), key="inventory-kind"
    )
    fields = ft.Row([field, pick], spacing=12) if prefs.wide else stack([ft.Row([field]), ft.Row([pick])], 10)
    wanted = {name: said for name, said in (("kind", "" if kind == ALL else kind), ("text", text)) if said}
    return card([*head, fields, keyed(_Lines, f"lines-{kind}-{text}", station.identity, wanted)], key="inventory")


@ft.component
def _Lines(identity: str, wanted: dict[str, str]) -> ft.Control:
    """A search's lines, page by page."""
    desk, t = use_desk(), use_texts()
    begin = {**wanted, "limit": FEW}
    first, load = use_fetched(lambda: desk.api.operating.inventory(identity, begin), [identity])
    nothing: Page[InventoryLine] | None = None
    more, set_more = ft.use_state(nothing)
    none_open: int | None = None
    opened, set_opened = ft.use_state(none_open)
    if first.value is None:
        return failed(t, first.problem, load) if first.problem is not None else skeleton(t, 44, 44)
    shown = more or first.value
    cursor = shown.next_cursor

    async def older() -> None:
        page = await desk.attempt(desk.api.operating.inventory(identity, {**wanted, "cursor": cursor or ""}))
        if page is not None:
            set_more(Page([*shown.items, *page.items], page.next_cursor))

    if not shown.items:
        words = ("op.inventory.none", "op.inventory.none.do") if not wanted else ("op.inventory.unfound",)
        return stack([theme.small(t(word)) for word in words], 4)
    rows: list[ft.Control] = []
    for one in shown.items:
        is_open = one.id == opened
        rows += [rule(), keyed(_Line, f"line-{one.id}", one, is_open, lambda key: set_opened(key))]  # noqa: PLW0108
    tail = ft.TextButton(t("op.inventory.more"), on_click=older, key="inventory-more") if cursor else None
    return stack([stack(rows, 8), tail])


@ft.component
def _Line(one: InventoryLine, is_open: bool, choose: Any) -> ft.Control:  # noqa: ANN401, FBT001
    t, clock, prefs = use_texts(), use_clock(), use_prefs()
    kind = theme.small(f"{t(f'op.inventory.{one.kind.value}')} · {when(t, one.at, clock.now)}")
    name, said = stack([theme.strong(one.name, size=14), kind], 2), mono(told(t, one))
    parts: list[ft.Control] = [ft.Container(name, expand=5), ft.Container(said, expand=6)]
    top: ft.Control = ft.Row(parts, spacing=16) if prefs.wide else stack([name, said], 4)
    whole = mono(pretty(json.dumps(one.said)), selectable=True) if is_open else None
    return ft.Container(
        stack([top, whole], 8), ink=True, on_click=lambda: choose(None if is_open else one.id), key=f"line-{one.name}"
    )


def told(t: Texts, one: InventoryLine) -> str:
    """What was said, in a line: values for a variable, limits for a monitor, else as it came."""
    said = one.said if isinstance(one.said, dict) else {}
    match one.kind:
        case InventoryKind.VARIABLE if isinstance(said.get("variableAttribute"), list):
            unit = (said.get("variableCharacteristics") or {}).get("unit") or ""
            return " · ".join(_value(row, unit) for row in said["variableAttribute"] if isinstance(row, dict))
        case InventoryKind.MONITOR if isinstance(said.get("variableMonitoring"), list):
            return " · ".join(_monitor(row) for row in said["variableMonitoring"] if isinstance(row, dict))
        case InventoryKind.REPORT:
            return t("op.inventory.whole" if one.complete else "op.inventory.parts")
        case InventoryKind.PROBLEM if isinstance(said.get("text"), str):
            return str(said["text"])
    return json.dumps(one.said, ensure_ascii=False)


def _value(row: dict[str, Any], unit: str) -> str:
    value = " ".join(part for part in (str(row.get("value", "–")), unit) if part)
    kind = row.get("type", "Actual")
    return value if kind == "Actual" else f"{kind}: {value}"


def _monitor(row: dict[str, Any]) -> str:
    return f"{row.get('type', '?')} {row.get('value', '?')} ({row.get('severity', '?')})"
