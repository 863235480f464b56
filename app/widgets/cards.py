"""Cards, notices, facts, skeletons: the calm surfaces that everything stands on."""

from collections.abc import Sequence
from enum import Enum

import flet as ft

from app import theme
from app.strings import Texts
from shared.problems import Problem


class Tone(Enum):
    """How a notice speaks: (background, text, icon)."""

    CALM = (ft.Colors.SECONDARY_CONTAINER, ft.Colors.ON_SECONDARY_CONTAINER, ft.Icons.INFO_OUTLINE)
    GOOD = (ft.Colors.PRIMARY_CONTAINER, ft.Colors.ON_PRIMARY_CONTAINER, ft.Icons.CHECK_CIRCLE_OUTLINE)
    WARN = (ft.Colors.TERTIARY_CONTAINER, ft.Colors.ON_TERTIARY_CONTAINER, ft.Icons.WARNING_AMBER)
    BAD = (ft.Colors.ERROR_CONTAINER, ft.Colors.ON_ERROR_CONTAINER, ft.Icons.ERROR_OUTLINE)


def stack(controls: Sequence[ft.Control | None], spacing: int = theme.GAP) -> ft.Column:
    """Controls below each other, as wide as the place; None is left out."""
    kept = [one for one in controls if one is not None]
    return ft.Column(kept, spacing=spacing, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, tight=True)


def card(
    controls: Sequence[ft.Control | None],
    *,
    bgcolor: ft.ColorValue = theme.CARD,
    spacing: int = 12,
    padding: int = 20,
    key: str | None = None,
) -> ft.Container:
    """A surface of its own."""
    edge = ft.Border.all(1, theme.LINE) if bgcolor == theme.CARD else None
    return ft.Container(
        stack(controls, spacing),
        bgcolor=bgcolor,
        border=edge,
        border_radius=theme.CARD_RADIUS,
        padding=padding,
        key=key,
    )


def notice(tone: Tone, text: str, do: str | None = None, action: ft.Control | None = None) -> ft.Control:
    """Something to know, and what to do about it; spoken at once by a screen reader.

    Its key is its text: notices come and go among siblings, and Flet's diff needs to know which is which.
    """
    background, color, icon = tone.value
    words = [theme.strong(text, color, 14), theme.small(do, color) if do else None, action]
    row = ft.Row(
        [
            ft.Icon(icon, color=color, size=20),
            ft.Container(stack(words, 4), expand=True),
        ],
        spacing=12,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )
    box = ft.Container(
        row, bgcolor=background, border_radius=16, padding=ft.Padding.symmetric(horizontal=16, vertical=14)
    )
    return ft.Semantics(container=True, live_region=True, content=box, key=f"notice-{text}")


def fact(label: str, value: str, icon: ft.IconData | None = None) -> ft.Control:
    """A small labelled value."""
    head = ft.Row([ft.Icon(icon, size=16, color=theme.MUTED), theme.small(label)], spacing=6) if icon else None
    return ft.Semantics(
        container=True,
        content=ft.Column([head or theme.small(label), theme.strong(value, size=17)], spacing=2, tight=True),
    )


def pair(label: str, value: ft.Control | str, note: str | None = None) -> ft.Control:
    """A row of a statement: what, and how much."""
    right = theme.strong(value) if isinstance(value, str) else value
    left = stack([theme.body(label), theme.small(note) if note else None], 0)
    return ft.Semantics(
        container=True,
        content=ft.Row(
            [ft.Container(left, expand=True), right], spacing=16, vertical_alignment=ft.CrossAxisAlignment.START
        ),
    )


def rule() -> ft.Control:
    """A line between rows."""
    return ft.Divider(height=1, thickness=1, color=theme.LINE)


def bone(height: float, width: float | None = None) -> ft.Control:
    """A grey shape where something will be."""
    return ft.Container(
        height=height, width=width, bgcolor=ft.Colors.SURFACE_CONTAINER_HIGH, border_radius=theme.SMALL_RADIUS
    )


def skeleton(t: Texts, *heights: float) -> ft.Control:
    """The shape of a page that is on its way; as high as the page will be, so that nothing jumps."""
    shapes = ft.Shimmer(
        stack([bone(height) for height in heights]),
        base_color=ft.Colors.SURFACE_CONTAINER_HIGH,
        highlight_color=ft.Colors.SURFACE_CONTAINER_LOW,
    )
    return ft.Semantics(label=t("loading"), content=shapes, key="skeleton")


def empty(icon: ft.IconData, text: str, do: str | None = None, action: ft.Control | None = None) -> ft.Control:
    """Nothing here yet, and what to do."""
    mark = ft.Container(
        ft.Icon(icon, size=28, color=ft.Colors.ON_PRIMARY_CONTAINER),
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        width=56,
        height=56,
        border_radius=28,
        alignment=ft.Alignment.CENTER,
    )
    words = [mark, _centred(theme.heading(text)), _centred(theme.body(do, theme.MUTED)) if do else None, action]
    kept = [one for one in words if one is not None]
    column = ft.Column(kept, spacing=12, horizontal_alignment=ft.CrossAxisAlignment.CENTER, tight=True)
    return ft.Container(column, padding=ft.Padding.symmetric(horizontal=16, vertical=32), alignment=ft.Alignment.CENTER)


def _centred(text: ft.Text) -> ft.Text:
    text.text_align = ft.TextAlign.CENTER
    return text


def problem_words(t: Texts, problem: Problem) -> tuple[str, str | None]:
    """What happened and what to do next, in the app's language where it knows the problem's code."""
    if t.knows("problem", problem.code):
        hint = f"problem.{problem.code}.hint"
        return t.code("problem", problem.code), t(hint) if t.knows("problem", f"{problem.code}.hint") else None
    return problem.title or t("problem.other"), problem.hint or problem.detail or None


def failed(t: Texts, problem: Problem, again: ft.ControlEventHandler[ft.OutlinedButton]) -> ft.Control:
    """A request that came to nothing, with a way to repeat it."""
    text, do = problem_words(t, problem)
    button = ft.OutlinedButton(t("act.retry"), icon=ft.Icons.REFRESH, on_click=again, key="retry")
    return empty(ft.Icons.CLOUD_OFF_OUTLINED, text, do, button)


def columns(left: Sequence[ft.Control | None], right: Sequence[ft.Control | None], *, wide: bool) -> ft.Control:
    """Two columns on a desktop, one below the other on a phone."""
    if not wide:
        return stack([*left, *right])
    return ft.Row(
        [ft.Container(stack(left), expand=7), ft.Container(stack(right), expand=5)],
        spacing=24,
        vertical_alignment=ft.CrossAxisAlignment.START,
    )


def page(controls: Sequence[ft.Control | None], *, wide: bool) -> ft.Control:
    """A page that scrolls, no wider than text is readable."""
    inner = ft.Container(stack(controls, 20 if wide else 16), width=theme.COLUMN_WIDTH if wide else None)
    edge = 32 if wide else theme.PAGE_PADDING
    padding = ft.Padding.only(left=edge, right=edge, top=12, bottom=32)
    return ft.Column(
        [ft.Container(inner, padding=padding, alignment=ft.Alignment.TOP_CENTER)],
        scroll=ft.ScrollMode.AUTO,
        expand=True,
        spacing=0,
        horizontal_alignment=ft.CrossAxisAlignment.STRETCH,
    )
