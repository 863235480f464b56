"""Frames of the message log on the screen."""

import json
from collections.abc import Callable, Sequence

import flet as ft

from app import theme
from app.strings import Texts
from app.widgets.cards import stack
from shared.operating import Direction, FrameKind, MessageView

MONO = "monospace"
LINE_CHARS = 220


def mono(text: str, *, selectable: bool = False, color: ft.ColorValue = ft.Colors.ON_SURFACE) -> ft.Text:
    """Text in which every sign is as wide as the others."""
    return ft.Text(
        text,
        size=12.5,
        font_family=MONO,
        color=color,
        selectable=selectable,
        max_lines=None if selectable else 1,
        overflow=ft.TextOverflow.CLIP if selectable else ft.TextOverflow.ELLIPSIS,
    )


def pretty(text: str) -> str:
    """JSON set out in lines; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def rows(
    t: Texts, found: Sequence[MessageView], opened: int | None, choose: Callable[[int | None], None], *, wide: bool
) -> list[ft.Control]:
    """A row a frame, newest first; the opened one is set out in full."""
    return [_row(t, one, choose, is_open=one.id == opened, wide=wide) for one in found]


def _row(t: Texts, one: MessageView, choose: Callable[[int | None], None], *, is_open: bool, wide: bool) -> ft.Control:
    bad = one.kind in {FrameKind.ERROR, FrameKind.MALFORMED}
    color = ft.Colors.ERROR if bad else theme.VALLEY if one.direction is Direction.OUT else ft.Colors.ON_SURFACE
    icon = ft.Icons.CALL_MADE if one.direction is Direction.OUT else ft.Icons.CALL_RECEIVED
    way = t("op.to" if one.direction is Direction.OUT else "op.from")
    mark = ft.Icon(icon, size=16, color=color, semantics_label=way)
    what = theme.strong(one.action or one.kind.value, color, 13)
    head: list[ft.Control] = [
        ft.Container(theme.small(t.form.clock(one.at)), width=64),
        mark,
        ft.Container(theme.small(one.station), width=130 if wide else None),
        ft.Container(what, width=200 if wide else None),
    ]
    if wide:
        head.append(ft.Container(mono(one.frame[:LINE_CHARS], color=theme.MUTED), expand=True))
    if one.odd:
        head.insert(2, ft.Icon(ft.Icons.RULE, size=16, color=ft.Colors.ERROR, semantics_label=t("op.log.is_odd")))
    lines: list[ft.Control] = [ft.Row(head, spacing=10, wrap=not wide)]
    if is_open:
        asked = theme.small(t("op.asked_by_person")) if one.asked_by is not None else None
        odd = theme.small(t("op.log.odd", what=one.odd), ft.Colors.ERROR) if one.odd else None
        lines.append(stack([asked, odd, mono(pretty(one.frame), selectable=True)], 4))
    elif not wide:
        lines.append(mono(one.frame[:LINE_CHARS], color=theme.MUTED))
    return ft.Container(
        stack(lines, 6),
        padding=ft.Padding.symmetric(horizontal=12, vertical=8),
        border=ft.Border.only(bottom=ft.BorderSide(1, theme.LINE)),
        bgcolor=ft.Colors.SURFACE_CONTAINER_LOW if is_open else None,
        ink=True,
        on_click=lambda: choose(None if is_open else one.id),
        key=f"frame-{one.id}",
    )
