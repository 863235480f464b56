"""The picture of prices, plan and baseline as shapes on a canvas: pure geometry, tested without a screen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import flet as ft
import flet.canvas as cv

from app import theme

TOP, BOTTOM, LEFT = 26.0, 24.0, 44.0
HEADROOM = 1.12
"""Above the highest price there is room for the flags."""


@dataclass(frozen=True)
class Bar:
    """One slot of the picture: its price and the energies that fall into it."""

    start: datetime
    seconds: int
    price_micro_per_kwh: int
    charged_wh: int = 0
    planned_wh: int = 0
    baseline_wh: int = 0
    lit: bool = False  # green though nothing is planned: a valley

    @property
    def end(self) -> datetime:
        """When the next one begins."""
        return self.start + timedelta(seconds=self.seconds)

    @property
    def kind(self) -> str:
        """`charged`, `planned` or `other`."""
        if self.charged_wh > 0:
            return "charged"
        return "planned" if self.planned_wh > 0 or self.lit else "other"


@dataclass(frozen=True)
class Marks:
    """Moments to mark, with the words on their flags. None: no such mark."""

    now: datetime | None = None
    now_word: str = ""
    ready: datetime | None = None
    ready_word: str = ""


@dataclass(frozen=True)
class Frame:
    """Where moments and prices lie on a canvas of `width` x `height` logical pixels."""

    width: float
    height: float
    start: datetime
    end: datetime
    low: int
    high: int

    def x(self, moment: datetime) -> float:
        """The place of a moment, from the left."""
        share = (moment - self.start).total_seconds() / max(1.0, (self.end - self.start).total_seconds())
        return LEFT + min(1.0, max(0.0, share)) * (self.width - LEFT)

    def y(self, price: float) -> float:
        """The place of a price, from the top."""
        share = (price - self.low) / max(1.0, self.high * HEADROOM - self.low)
        return self.height - BOTTOM - share * (self.height - BOTTOM - TOP)

    @property
    def zero(self) -> float:
        """The place of the price 0, on which the areas stand."""
        return self.y(0)

    def bar_at(self, x: float, bars: Sequence[Bar]) -> int:
        """The number of the bar at a place from the left."""
        share = (x - LEFT) / max(1.0, self.width - LEFT)
        moment = self.start + (self.end - self.start) * min(0.9999, max(0.0, share))
        return next((number for number, bar in enumerate(bars) if bar.start <= moment < bar.end), len(bars) - 1)


def frame(bars: Sequence[Bar], width: float, height: float) -> Frame:
    """The frame that holds all bars; negative prices hang below the zero line."""
    prices = [bar.price_micro_per_kwh for bar in bars]
    return Frame(width, height, bars[0].start, bars[-1].end, min(0, *prices), max(10_000, *prices))


def drawn(bars: Sequence[Bar], box: Frame, zone: ZoneInfo, price: Callable[[int], str]) -> list[cv.Shape]:
    """Prices, plan and baseline with their scales, from back to front. `price` writes a price for the scale."""
    return [
        *_bands(bars, box),
        *_scale(box, price),
        *_areas(bars, box),
        *_baseline(bars, box),
        *_hours(box, zone),
    ]


def flags(box: Frame, marks: Marks) -> list[cv.Shape]:
    """What moves over the picture: now, and when the car is to be ready."""
    return [*_flags(box, marks)]


def _fill(color: ft.ColorValue, box: Frame, fade: float) -> ft.Paint:
    colors = [color, ft.Colors.with_opacity(fade, color)]
    gradient = ft.PaintLinearGradient(begin=(0, TOP), end=(0, box.height - BOTTOM), colors=colors)
    return ft.Paint(style=ft.PaintingStyle.FILL, gradient=gradient)


def _stroke(color: ft.ColorValue, width: float, dash: list[ft.Number] | None = None) -> ft.Paint:
    return ft.Paint(
        color=color,
        stroke_width=width,
        style=ft.PaintingStyle.STROKE,
        stroke_join=ft.StrokeJoin.ROUND,
        stroke_cap=ft.StrokeCap.ROUND,
        stroke_dash_pattern=dash,
    )


def _steps(run: Sequence[Bar], box: Frame, inset: float) -> list[cv.Path.PathElement]:
    """The top edge of a run of bars, from its left foot to its right foot."""
    left, right = box.x(run[0].start) + inset, box.x(run[-1].end) - inset
    points: list[cv.Path.PathElement] = [cv.Path.MoveTo(left, box.zero)]
    for price, same in groupby(run, key=lambda bar: bar.price_micro_per_kwh):
        block = list(same)
        top = box.y(price)
        points.append(cv.Path.LineTo(max(left, box.x(block[0].start)), top))
        points.append(cv.Path.LineTo(min(right, box.x(block[-1].end)), top))
    points.append(cv.Path.LineTo(right, box.zero))
    return points


def _runs(bars: Sequence[Bar], key: Callable[[Bar], object]) -> Iterator[tuple[object, list[Bar]]]:
    for kind, run in groupby(bars, key=key):
        yield kind, list(run)


def _bands(bars: Sequence[Bar], box: Frame) -> Iterator[cv.Shape]:
    """A soft light behind the hours of charging: in a valley the areas themselves are low."""
    light = ft.Paint(color=ft.Colors.with_opacity(0.09, theme.VALLEY), style=ft.PaintingStyle.FILL)
    for charges, run in _runs(bars, lambda bar: bar.kind != "other"):
        if charges:
            left, right = box.x(run[0].start), box.x(run[-1].end)
            yield cv.Rect(left, TOP - 4, right - left, box.height - BOTTOM - TOP + 4, border_radius=6, paint=light)


def _areas(bars: Sequence[Bar], box: Frame) -> Iterator[cv.Shape]:
    grey = ft.Colors.with_opacity(0.13, ft.Colors.ON_SURFACE)
    for kind, run in _runs(bars, lambda bar: bar.kind):
        edge = _steps(run, box, 0.6)
        if kind == "other":
            yield cv.Path([*edge, cv.Path.Close()], paint=ft.Paint(color=grey, style=ft.PaintingStyle.FILL))
        else:
            fade = 0.75 if kind == "charged" else 0.45
            yield cv.Path([*edge, cv.Path.Close()], paint=_fill(theme.VALLEY, box, fade))
            yield cv.Path(
                edge[1:-1] and [cv.Path.MoveTo(*_point(edge[1])), *edge[2:-1]], paint=_stroke(theme.VALLEY, 2.5)
            )


def _point(element: cv.Path.PathElement) -> tuple[float, float]:
    assert isinstance(element, cv.Path.LineTo)
    return element.x, element.y


def _baseline(bars: Sequence[Bar], box: Frame) -> Iterator[cv.Shape]:
    for has, run in _runs(bars, lambda bar: bar.baseline_wh > 0):
        if has:
            soft = ft.Paint(color=ft.Colors.with_opacity(0.10, theme.AT_ONCE), style=ft.PaintingStyle.FILL)
            edge = _steps(run, box, 1.2)
            yield cv.Path([*edge, cv.Path.Close()], paint=soft)
            yield cv.Path([*edge, cv.Path.Close()], paint=_stroke(theme.AT_ONCE, 1.8, [5, 4]))


def _label(
    at: tuple[float, float], value: str, color: ft.ColorValue, align: ft.Alignment, *, bold: bool = False
) -> cv.Text:
    style = ft.TextStyle(size=11, color=color, font_family=theme.BOLD if bold else theme.BODY)
    return cv.Text(at[0], at[1], value, style=style, alignment=align)


def _scale(box: Frame, price: Callable[[int], str]) -> Iterator[cv.Shape]:
    """Two to four quiet lines with the price on them."""
    step = next(one for one in (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 10**9) if box.high / one <= 4)
    faint = _stroke(ft.Colors.with_opacity(0.5, theme.LINE), 1)
    for value in range(0, int(box.high) + 1, step):
        y = box.y(value)
        yield cv.Line(LEFT, y, box.width, y, paint=faint)
        yield _label((LEFT - 8, y), price(value), theme.MUTED, ft.Alignment.CENTER_RIGHT)


def _hours(box: Frame, zone: ZoneInfo) -> Iterator[cv.Shape]:
    """Local hours under the picture, as many as fit."""
    hours = (box.end - box.start).total_seconds() / 3600
    step = next(one for one in (1, 2, 3, 6, 12, 24) if hours / one * 46 <= box.width - LEFT or one == 24)
    local = box.start.astimezone(zone).replace(minute=0, second=0, microsecond=0)
    y = box.height - BOTTOM + 6
    while local <= box.end:
        x = box.x(local)
        if local.hour % step == 0 and local >= box.start and LEFT + 4 <= x <= box.width - 14:
            yield _label((x, y), f"{local:%H:%M}", theme.MUTED, ft.Alignment.TOP_CENTER)
        local = (local.astimezone(box.start.tzinfo) + timedelta(hours=1)).astimezone(zone)


def _flags(box: Frame, marks: Marks) -> Iterator[cv.Shape]:
    if marks.ready is not None and box.start < marks.ready <= box.end:
        yield from _flag(box, marks.ready, marks.ready_word, ft.Colors.SECONDARY)
    if marks.now is not None and box.start <= marks.now <= box.end:
        yield from _flag(box, marks.now, marks.now_word, ft.Colors.ON_SURFACE)


def _flag(box: Frame, moment: datetime, word: str, color: ft.ColorValue) -> Iterator[cv.Shape]:
    x = box.x(moment)
    right = x > (LEFT + box.width) / 2
    yield cv.Line(x, 16, x, box.height - BOTTOM, paint=_stroke(color, 1.5))
    yield cv.Circle(x, box.height - BOTTOM, 3.5, paint=ft.Paint(color=color))
    align = ft.Alignment.TOP_RIGHT if right else ft.Alignment.TOP_LEFT
    shift = 1.0 if right else -1.0
    yield _label((x + shift, 0), word, color, align, bold=True)


def cursor(bar: Bar, box: Frame) -> list[cv.Shape]:
    """The mark over the bar that is being read."""
    x = (box.x(bar.start) + box.x(bar.end)) / 2
    y = box.y(bar.price_micro_per_kwh)
    return [
        cv.Line(
            x, TOP - 6, x, box.height - BOTTOM, paint=_stroke(ft.Colors.with_opacity(0.45, theme.MUTED), 1, [3, 3])
        ),
        cv.Circle(x, y, 6, paint=ft.Paint(color=theme.CARD)),
        cv.Circle(x, y, 4, paint=ft.Paint(color=ft.Colors.ON_SURFACE)),
    ]
