"""The picture in the engine's README: one solved depot as SVG. `python bench/depot_picture.py [FILE]`.

Twenty vans from noon to noon behind 90 kW: what the building takes, what the sun gives, what each van gets in each
quarter hour, and the prices that say so. The same every time.
"""

import math
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from server.core.valley.problem import Answer, Demand, Problem, Site
from server.workers.solve import solve

OUT = Path(__file__).parents[1] / "docs" / "depot.svg"
START = datetime(2026, 4, 14, 12, tzinfo=UTC)
SLOTS, VANS, LIMIT_W = 96, 20, 90_000
WIDTH, LEFT, STEP = 960, 56, 9
PRICE_TOP, PRICE_HIGH, LOAD_TOP, LOAD_HIGH = 34, 90, 164, 260
TOP_KW, TOP_CT = 125, 40
INK, FAINT, BUILDING, SUN, LIMIT = "#26323a", "#d9dee2", "#9aa5ad", "#f2b705", "#c0392b"


def depot() -> Problem:
    """Vans of 11 kW that come home between 15 and 19 h and leave between 5 and 8 h."""
    dice = random.Random(20)
    hours = [12 + slot / 4 for slot in range(SLOTS)]
    price = [round((0.19 + 0.09 * math.cos((hour - 19.5) / 12 * math.pi * 2)) * 1e5) * 10 for hour in hours]
    building = [20_000 if hour < 19 or hour >= 30 else 8_000 for hour in hours]
    sun = [max(0, round(48_000 * math.sin((hour % 24 - 6.5) / 13 * math.pi))) for hour in hours]
    vans = [
        Demand(
            id=f"van {number}",
            site="depot",
            arrive_slot=dice.randint(12, 28),
            depart_slot=dice.randint(68, 80),
            energy_wh=dice.randint(15, 55) * 1000,
            floor_wh=2000 if number % 5 == 0 else 0,
            max_w=11_040,
        )
        for number in range(VANS)
    ]
    site = Site(
        id="depot",
        limit_w=LIMIT_W,
        base_load_w=building,
        solar_w=sun,
        feed_in_micro_per_kwh=70_000,
        peak_price_micro_per_kw=600_000,
    )
    return Problem(id="depot", start=START, slots=SLOTS, price_micro_per_kwh=price, sites=[site], demands=vans)


def picture(asked: Problem, answer: Answer) -> str:
    """The SVG."""
    height = LOAD_TOP + LOAD_HIGH + 64
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"',
            f'font-size="12" fill="{INK}"><rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *_prices(asked),
            *_loads(asked, answer),
            *_hours(),
            *_legend(answer, height - 14),
            "</svg>\n",
        ]
    )


def _x(slot: float) -> float:
    return round(LEFT + slot * STEP, 1)


def _y(kilowatts: float) -> float:
    return round(LOAD_TOP + LOAD_HIGH * (1 - kilowatts / TOP_KW), 1)


def _prices(asked: Problem) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="20">Price, ct/kWh</text>'
    for cents in (0, 20, 40):
        y = PRICE_TOP + PRICE_HIGH * (1 - cents / TOP_CT)
        yield f'<path d="M{LEFT} {y}H{_x(SLOTS)}" stroke="{FAINT}"/><text x="{LEFT - 24}" y="{y + 4}">{cents}</text>'
    points = []
    for slot, price in enumerate(asked.price_micro_per_kwh):
        y = round(PRICE_TOP + PRICE_HIGH * (1 - price / 10_000 / TOP_CT), 1)
        points += [f"{_x(slot)},{y}", f"{_x(slot + 1)},{y}"]
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="#0b6e5b" stroke-width="2"/>'


def _loads(asked: Problem, answer: Answer) -> Iterator[str]:
    """Bars from below: the building, then the vans; a line for the sun, one for the limit, one for the peak."""
    [site] = asked.sites
    assert isinstance(site.base_load_w, list)
    assert isinstance(site.solar_w, list)
    yield f'<text x="{LEFT}" y="{LOAD_TOP - 10}">Load, kW</text>'
    for kilowatts in range(0, TOP_KW + 1, 25):
        y = _y(kilowatts)
        yield f'<path d="M{LEFT} {y}H{_x(SLOTS)}" stroke="{FAINT}"/>'
        yield f'<text x="{LEFT - 30}" y="{y + 4}">{kilowatts}</text>'
    for slot in range(SLOTS):
        base = site.base_load_w[slot] / 1000
        yield _bar(slot, 0, base, BUILDING)
        for number, plan in enumerate(answer.plans):
            power = plan.energy_wh[slot] * 4 / 1000
            if power:
                yield _bar(slot, base, base + power, f"hsl({185 + number * 4} 55% {42 + number % 5 * 7}%)")
                base += power
    sun = " ".join(
        f"{_x(slot)},{_y(watts / 1000)} {_x(slot + 1)},{_y(watts / 1000)}" for slot, watts in enumerate(site.solar_w)
    )
    yield f'<polyline points="{sun}" fill="none" stroke="{SUN}" stroke-width="2.5"/>'
    yield f'<path d="M{LEFT} {_y(LIMIT_W / 1000)}H{_x(SLOTS)}" stroke="{LIMIT}" stroke-width="1.5"/>'
    peak = _y(answer.sites[0].peak_w / 1000)
    yield f'<path d="M{LEFT} {peak}H{_x(SLOTS)}" stroke="{LIMIT}" stroke-dasharray="5 4"/>'


def _bar(slot: int, low: float, high: float, colour: str) -> str:
    return (
        f'<rect x="{_x(slot)}" y="{_y(high)}" width="{STEP}" height="{round(_y(low) - _y(high), 1)}" fill="{colour}"/>'
    )


def _hours() -> Iterator[str]:
    for slot in range(0, SLOTS + 1, 12):
        y = LOAD_TOP + LOAD_HIGH
        yield f'<text x="{_x(slot)}" y="{y + 18}" text-anchor="middle">{(12 + slot // 4) % 24:02}:00</text>'


def _legend(answer: Answer, y: int) -> Iterator[str]:
    peak = answer.sites[0].peak_w / 1000
    said = [
        (BUILDING, "building"),
        ("hsl(215 55% 50%)", f"{VANS} vans, a shade each"),
        (SUN, "sun"),
        (LIMIT, f"limit of the connection; dashed: the peak that pays, {peak:.0f} kW from the grid"),
    ]
    x = LEFT
    for colour, text in said:
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{x + 18}" y="{y}">{text}</text>'
        x += 40 + 7 * len(text)


def main() -> None:
    """Write the picture."""
    asked = depot()
    answer = solve(asked)
    assert answer.status == "optimal"
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else OUT
    out.write_text(picture(asked, answer))
    print(f"{out}: {answer.cost_nano / 1e9:.2f} EUR, peak {answer.sites[0].peak_w} W, unserved {answer.unserved_wh} Wh")


if __name__ == "__main__":
    main()
