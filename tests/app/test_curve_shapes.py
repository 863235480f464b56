from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import flet.canvas as cv

from app.strings import Texts
from app.widgets import curve_shapes as shapes
from app.widgets.curve_shapes import Bar, Marks
from app.widgets.price_curve import Picture, spans, spoken
from app.widgets.valley import cheapest, tonight
from shared.plans import CurveSlot

START = datetime(2026, 11, 23, 17, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")


def bars(
    *prices: int,
    planned: tuple[int, ...] = (),
    baseline: tuple[int, ...] = (),
    charged: tuple[int, ...] = (),
) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            START + number * timedelta(minutes=15),
            900,
            price,
            charged_wh=2_500 if number in charged else 0,
            planned_wh=2_500 if number in planned else 0,
            baseline_wh=2_500 if number in baseline else 0,
        )
        for number, price in enumerate(prices)
    )


def curve(*prices: int) -> list[CurveSlot]:
    return [
        CurveSlot(START + number * timedelta(minutes=15), 900, price, "FINAL", "x")
        for number, price in enumerate(prices)
    ]


def test_the_frame_runs_from_the_first_slot_to_the_end_of_the_last() -> None:
    box = shapes.frame(bars(80_000, 40_000), 344, 200)
    assert box.x(START) == shapes.LEFT
    assert box.x(START + timedelta(minutes=15)) == shapes.LEFT + 150
    assert box.x(START + timedelta(hours=9)) == 344


def test_dearer_is_higher_and_everything_stands_on_the_zero_line() -> None:
    box = shapes.frame(bars(80_000, 40_000), 344, 200)
    assert box.y(80_000) < box.y(40_000) < box.zero == 200 - shapes.BOTTOM


def test_a_negative_price_hangs_below_the_zero_line_and_stays_inside() -> None:
    box = shapes.frame(bars(80_000, -30_000), 344, 200)
    assert box.zero < box.y(-30_000) <= 200 - shapes.BOTTOM


def test_a_finger_finds_the_slot_under_it_also_beyond_the_edges() -> None:
    row = bars(1, 2, 3, 4)
    box = shapes.frame(row, 444, 200)
    assert [box.bar_at(x, row) for x in (-50, shapes.LEFT + 150, 443, 900)] == [0, 1, 3, 3]


def test_plan_and_baseline_are_drawn_once_for_every_run() -> None:
    row = bars(9, 9, 9, 9, 9, 9, planned=(1, 2, 4), baseline=(0, 1))
    box = shapes.frame(row, 444, 200)
    drawn = shapes.drawn(row, box, ZONE, str)
    paths = [one for one in drawn if isinstance(one, cv.Path)]
    # areas: other, planned + its edge, other, planned + its edge, other; baseline: fill and outline
    assert len(paths) == 7 + 2
    assert len([one for one in drawn if isinstance(one, cv.Rect)]) == 2


def test_hours_under_the_picture_are_local() -> None:
    row = bars(*[9] * 48)
    box = shapes.frame(row, 900, 200)
    words = [one.value for one in shapes.drawn(row, box, ZONE, str) if isinstance(one, cv.Text)]
    assert "19:00" in words
    assert "17:00" not in words


def test_hours_are_right_in_the_night_that_has_25() -> None:
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    row = tuple(Bar(start + number * timedelta(minutes=15), 900, 9) for number in range(100))
    box = shapes.frame(row, 4_000, 200)
    words = [one.value for one in shapes.drawn(row, box, ZONE, str) if isinstance(one, cv.Text)]
    assert words.count("02:00") == 2


def test_flags_stand_only_for_moments_in_the_picture() -> None:
    row = bars(9, 9, 9, 9)
    box = shapes.frame(row, 444, 200)
    marks = Marks(now=START + timedelta(minutes=20), now_word="now", ready=START + timedelta(hours=5), ready_word="x")
    words = [one.value for one in shapes.flags(box, marks) if isinstance(one, cv.Text)]
    assert "now" in words
    assert "x" not in words


def test_a_screen_reader_hears_when_charging_is_planned_and_when_it_would_be() -> None:
    row = bars(90_000, 90_000, 40_000, 40_000, 90_000, planned=(2, 3), baseline=(0, 1))
    t = Texts("en")
    assert spans(t, row, "plan") == "18:30 to 19:00"
    assert spoken(t, Picture(row, Marks())).startswith("Prices from €0.04 to €0.09 per kWh. Charging is planned 18:30")


def test_a_screen_reader_hears_when_the_car_charged_instead_of_a_plan_that_is_over() -> None:
    row = bars(9, 9, 9, 9, 9, baseline=(0, 1), charged=(3,))
    said = spoken(Texts("en"), Picture(row, Marks()))
    assert said == "Prices from €0.00 to €0.00 per kWh. Charged 18:45 to 19:00. At once: 18:00 to 18:30."
    half = spoken(Texts("en"), Picture(bars(9, 9, 9, 9, 9, planned=(4,), charged=(3,)), Marks()))
    assert half.endswith("Charged 18:45 to 19:00. Charging is planned 19:00 to 19:15.")
    none = spoken(Texts("en"), Picture(bars(9, 9, 9, baseline=(0,)), Marks()))
    assert none.endswith("Charging is planned at no time. At once: 18:00 to 18:15.")


def test_the_valley_is_the_cheapest_four_hours_and_the_earliest_of_equals() -> None:
    valley = cheapest(curve(*[100] * 8, *[40] * 40, *[100] * 8))
    assert valley is not None
    assert (valley.start, valley.end) == (START + timedelta(hours=2), START + timedelta(hours=6))
    assert valley.mean_micro == 40
    assert cheapest(curve(*[1] * 15)) is None


def test_tonight_ends_at_nine_in_the_morning() -> None:
    slots = curve(*range(96))
    last = tonight(slots, START, ZONE)[-1]
    assert (last.start + timedelta(minutes=15)).astimezone(ZONE).strftime("%a %H:%M") == "Tue 09:00"
    early = START.replace(hour=4)
    assert tonight(slots, early, ZONE) == tonight(slots, START.replace(day=23, hour=5), ZONE)
