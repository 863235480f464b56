"""The receipt's table: every slot in which something was, or would have been, charged."""

import flet as ft

from app import theme
from app.strings import Texts
from app.widgets.cards import card, rule
from shared.cdrs import Receipt, ReceiptSlot

FIRST_ROWS = 12


@ft.component
def SlotTable(t: Texts, receipt: Receipt) -> ft.Control:
    """Rows of the receipt; slots without energy are left out, the sums hold all of it."""
    whole, set_whole = ft.use_state(initial=False)
    rows = [one for one in receipt.slots if one.actual_wh or one.baseline_wh]
    shown = rows if whole else rows[:FIRST_ROWS]
    more = None
    if len(rows) > len(shown):
        more = ft.TextButton(t("act.more"), on_click=lambda: set_whole(True), key="more-slots")
    names = ("time", "baseline", "actual", "price", "value")
    head = _row([t(f"receipt.table.{name}") for name in names], quiet=True)
    total = (
        t("receipt.table.sum"),
        _kwh(t, sum(one.baseline_wh for one in rows)),
        _kwh(t, sum(one.actual_wh for one in rows)),
        "",
        t.form.nano(sum(one.value_nano for one in rows)),
    )
    table = [head, rule(), *[_slot(t, one) for one in shown], rule(), _row(list(total), bold=True)]
    return card([theme.heading(t("receipt.table")), *table, more], spacing=8, key="slots")


def _kwh(t: Texts, wh: int) -> str:
    return t.form.number(wh / 1000, 2)


def _slot(t: Texts, one: ReceiptSlot) -> ft.Control:
    cells = [
        t.form.time(one.start),
        _kwh(t, one.baseline_wh) if one.baseline_wh else "",
        _kwh(t, one.actual_wh) if one.actual_wh else "",
        t.form.price(one.price_micro_per_kwh, 4),
        t.form.nano(one.value_nano),
    ]
    return _row(cells)


def _row(cells: list[str], *, quiet: bool = False, bold: bool = False) -> ft.Control:
    out: list[ft.Control] = []
    for number, cell in enumerate(cells):
        text = theme.small(cell) if quiet else theme.strong(cell, size=13) if bold else theme.small(cell, "onSurface")
        text.text_align = ft.TextAlign.LEFT if number == 0 else ft.TextAlign.RIGHT
        text.no_wrap = True
        wide = 3 if number == 0 else 4
        align = ft.Alignment.CENTER_LEFT if number == 0 else ft.Alignment.CENTER_RIGHT
        out.append(ft.Container(text, expand=wide, alignment=align))
    return ft.Semantics(container=True, content=ft.Row(out, spacing=4))
