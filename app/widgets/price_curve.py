"""The price curve with plan and baseline as a picture that can be read with a finger, a mouse or a screen reader."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, groupby

import flet as ft
import flet.canvas as cv

from app import theme
from app.strings import Texts
from app.widgets import curve_shapes as shapes
from app.widgets.curve_shapes import Bar, Marks

__all__ = ["Bar", "Marks", "Picture", "PriceCurve", "legend"]
Pointing = ft.HoverEvent[ft.GestureDetector] | ft.TapEvent[ft.GestureDetector] | ft.DragUpdateEvent[ft.GestureDetector]
ENERGIES: dict[str, Callable[[Bar], int]] = {
    "charged": lambda bar: bar.charged_wh,
    "plan": lambda bar: bar.planned_wh,
    "baseline": lambda bar: bar.baseline_wh,
}
"""What a bar may hold beside its price, in the order in which it is told."""
FIRST_WIDTH = 320.0
"""Until the canvas has said how wide it is."""
_numbers = count()


@dataclass(frozen=True)
class Picture:
    """What to draw, and how high; an unchanged picture is not drawn again."""

    bars: tuple[Bar, ...]
    marks: Marks
    height: float = 200
    words: str = ""  # what a screen reader says instead of the picture's own words


@ft.component
def PriceCurve(t: Texts, picture: Picture) -> ft.Control:
    """The picture of `picture`; a line under it reads the slot that is pointed at."""
    width, set_width = ft.use_state(FIRST_WIDTH)
    # A canvas of another picture's key would be taken for that one, and not say again how wide it is.
    number, _ = ft.use_state(next(_numbers))
    index, set_index = ft.use_state(-1)
    box = shapes.frame(picture.bars, width, picture.height)

    def point(event: Pointing) -> None:
        if event.local_position is not None:
            set_index(box.bar_at(event.local_position.x, picture.bars))

    def resize(event: cv.CanvasResizeEvent) -> None:
        if event.width > 0:
            set_width(float(event.width))

    chosen = picture.bars[index] if 0 <= index < len(picture.bars) else None
    # Pieces of two pictures may be equal, and then Flet's diff takes one for a move of the other and fails; a picture
    # that changes is a new one, known by its key.
    drawing = _Drawing(t, picture.bars, (width, picture.height))
    layers = {
        f"drawing-{hash((picture.bars, width, t.language)):x}": drawing,
        "flags": cv.Canvas(shapes.flags(box, picture.marks), key="curve-flags"),
        "cursor": cv.Canvas(
            shapes.cursor(chosen, box) if chosen else [],
            on_resize=resize,
            resize_interval=100,
            key=f"curve-cursor-{number}",
        ),
    }
    reader = ft.GestureDetector(
        ft.Stack(
            [ft.Container(one, left=0, right=0, top=0, bottom=0, key=name) for name, one in layers.items()],
            height=picture.height,
        ),
        on_hover=point,
        hover_interval=40,
        on_tap_down=point,
        on_horizontal_drag_update=point,
        drag_interval=40,
        on_exit=lambda: set_index(-1),
        exclude_from_semantics=True,
        mouse_cursor=ft.MouseCursor.PRECISE,
    )
    words = _words(t, chosen) if chosen else t("curve.hint")
    image = ft.Semantics(label=spoken(t, picture), image=True, container=True, content=reader)
    line = ft.Container(theme.small(words, ft.Colors.ON_SURFACE if chosen else theme.MUTED), height=38)
    return ft.Column(
        [image, line], spacing=6, tight=True, horizontal_alignment=ft.CrossAxisAlignment.STRETCH, key="price-curve"
    )


@ft.component
def _CanvasOf(t: Texts, bars: tuple[Bar, ...], size: tuple[float, float]) -> ft.Control:
    box = shapes.frame(bars, *size)
    return cv.Canvas(shapes.drawn(bars, box, t.form.zone, lambda micro: t.form.price(micro, 2)), key="curve")


_Drawing: Callable[[Texts, tuple[Bar, ...], tuple[float, float]], ft.Control] = ft.memo(_CanvasOf)  # type: ignore[no-untyped-call]


def _words(t: Texts, bar: Bar) -> str:
    when = t("word.from_to", low=t.form.time(bar.start), high=t.form.time(bar.end))
    parts = [t("curve.cursor", time=when, price=t.form.price(bar.price_micro_per_kwh))]
    parts += [
        t(f"curve.cursor_{kind}", energy=t.form.energy(energy(bar))) for kind, energy in ENERGIES.items() if energy(bar)
    ]
    return ", ".join(parts)


def spans(t: Texts, bars: tuple[Bar, ...], kind: str) -> str:
    """From when to when something happens: "01:15 to 03:00, 04:00 to 04:45"; `kind`: charged, plan or baseline."""
    out = []
    for wanted, run in groupby(bars, key=lambda bar: ENERGIES[kind](bar) > 0):
        block = list(run)
        if wanted:
            out.append(t("word.from_to", low=t.form.time(block[0].start), high=t.form.time(block[-1].end)))
    return ", ".join(out) or t("curve.none")


def spoken(t: Texts, picture: Picture) -> str:
    """The picture in words."""
    if picture.words:
        return picture.words
    prices = [bar.price_micro_per_kwh for bar in picture.bars]
    low, high = t.form.price(min(prices), 2), t.form.price(max(prices), 2)
    shown = [kind for kind, energy in ENERGIES.items() if any(energy(bar) for bar in picture.bars)]
    if not shown:
        start, end = t.form.time(picture.bars[0].start), t.form.time(picture.bars[-1].end)
        return t("curve.spoken_prices", low=low, high=high, start=start, end=end)
    if shown == ["baseline"]:
        shown = ["plan", *shown]  # to hear that nothing is planned tells something
    parts = [t(f"curve.spoken_{kind}", when=spans(t, picture.bars, kind)) for kind in shown]
    return " ".join([t("curve.spoken", low=low, high=high), *parts])


def legend(t: Texts, *, charged: bool, planned: bool, baseline: bool) -> ft.Control:
    """What the colours mean; only those that are in the picture."""
    grey = ft.Colors.with_opacity(0.13, ft.Colors.ON_SURFACE)
    soft = ft.Colors.with_opacity(0.10, theme.AT_ONCE)
    items = [
        (charged, "curve.charged", theme.VALLEY, None),
        (planned, "curve.plan", ft.Colors.with_opacity(0.55, theme.VALLEY), theme.VALLEY),
        (baseline, "curve.baseline", soft, theme.AT_ONCE),
        (True, "curve.other", grey, None),
    ]
    return ft.Row(
        [_key(t(key), fill, edge) for shown, key, fill, edge in items if shown], wrap=True, spacing=16, run_spacing=6
    )


def _key(word: str, fill: ft.ColorValue, edge: ft.ColorValue | None) -> ft.Control:
    border = ft.Border.all(1.5, edge) if edge else None
    swatch = ft.Container(width=14, height=14, border_radius=4, bgcolor=fill, border=border)
    return ft.Row([swatch, theme.small(word)], spacing=6, tight=True)
