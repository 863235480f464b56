"""A station's last days in figures: how long it was there, and how often what a driver began went well."""

from collections.abc import Sequence

import flet as ft

from app import theme
from app.strings import Texts
from app.widgets.cards import card, rule, stack
from shared.health import StationDay

GOOD, FAIR = 990, 950
"""Thousandths: above the first all is well, below the second something is wrong."""


HEADS = ("op.day.uptime", "op.day.plug_in", "op.day.reliability", "op.day.disconnects")


def days_card(t: Texts, days: Sequence[StationDay], *, wide: bool) -> ft.Control | None:
    """A row a day that is known, the newest first, on a phone a line a figure; None where none is."""
    days = [day for day in days if day.uptime_permille is not None or day.sessions]
    if not days:
        return None
    rows: list[ft.Control] = [theme.heading(t("op.days"))]
    if wide:
        rows += [_line([theme.small(t(head)) for head in ("op.day", *HEADS)]), rule()]
    for day in days:
        shares = (day.uptime_permille, day.plug_in_permille, day.reliability_permille)
        cells = [*[_share(t, one) for one in shares], theme.body(str(day.disconnects))]
        name = t.form.day(day.day)
        rows += [_line([theme.body(name), *cells])] if wide else [rule(), _block(t, name, cells)]
    return card([stack(rows, 8)], key="days")


def _block(t: Texts, day: str, cells: Sequence[ft.Control]) -> ft.Control:
    figures = [_pair(t(head), cell) for head, cell in zip(HEADS, cells, strict=True)]
    return stack([theme.strong(day, size=14), *figures], 2)


def _pair(label: str, value: ft.Control) -> ft.Control:
    return ft.Row([ft.Container(theme.small(label), expand=True), value], spacing=8)


def _line(cells: Sequence[ft.Control]) -> ft.Control:
    return ft.Row([ft.Container(cell, expand=5 if number else 7) for number, cell in enumerate(cells)], spacing=8)


def _share(t: Texts, permille: int | None) -> ft.Control:
    if permille is None:
        return theme.body("–", theme.MUTED)
    color = theme.VALLEY if permille >= GOOD else theme.AT_ONCE if permille >= FAIR else ft.Colors.ERROR
    return theme.strong(t.form.share(permille), color, 14)
