from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.pricecurve import (
    DIFFERENCE_MICRO,
    PriceSlot,
    Quality,
    arrivals,
    confirmed,
    curve,
    curve_id,
    differences,
    disagreements,
    latest,
    micro_from_eur_per_mwh,
    next_poll,
    sources,
    typical,
)
from server.core.timegrid import Grid, local_day

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR = Grid(NOON, 4)


def quarters(prices, source="entsoe", start=NOON, quality=Quality.PRELIMINARY, revision=1):
    return [
        PriceSlot(start + timedelta(minutes=15 * index), 900, price, source, quality, revision)
        for index, price in enumerate(prices)
    ]


def hour(price, source="entsoe", start=NOON, **kwargs):
    return PriceSlot(start, 3600, price, source, **kwargs)


def prices(slots):
    return [slot.price_micro_per_kwh for slot in slots]


# --- units --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("eur_per_mwh", "micro"),
    [
        ("85.40", 85_400),
        ("0.01", 10),
        ("-109.10", -109_100),
        ("0.0005", 1),
        ("-0.0005", 0),
        ("83.07000000000001", 83_070),
    ],
)
def test_a_price_in_eur_per_mwh_becomes_micro_units_half_up(eur_per_mwh, micro):
    assert micro_from_eur_per_mwh(Decimal(eur_per_mwh)) == micro


# --- the typical curve --------------------------------------------------------


@pytest.mark.parametrize(("day", "slots"), [((2026, 3, 29), 92), ((2026, 11, 20), 96), ((2026, 10, 25), 100)])
def test_the_typical_curve_has_92_96_or_100_quarters_a_local_day(day, slots):
    found = typical(local_day(date(*day), AMSTERDAM))
    assert len(found) == slots
    assert {slot.quality for slot in found} == {Quality.ESTIMATED}
    assert {slot.source for slot in found} == {"typical"}


def test_the_typical_curve_is_the_same_every_time_and_every_year():
    assert typical(local_day(date(2026, 3, 3), AMSTERDAM)) == typical(local_day(date(2026, 3, 3), AMSTERDAM))
    assert prices(typical(local_day(date(2026, 3, 3), AMSTERDAM))) == prices(
        typical(local_day(date(2020, 3, 3), AMSTERDAM))
    ), "both are Tuesdays in March"


def test_the_hour_that_comes_twice_in_october_costs_the_same_twice():
    found = prices(typical(local_day(date(2026, 10, 25), AMSTERDAM)))
    assert found[8:12] == found[12:16]


def test_the_quarters_of_a_typical_hour_keep_its_mean():
    day = local_day(date(2026, 7, 1), AMSTERDAM)
    hours = prices(typical(Grid(day.start, 24, 3600)))
    by_quarter = prices(typical(day))
    for index, mean in enumerate(hours):
        assert abs(sum(by_quarter[4 * index : 4 * index + 4]) / 4 - mean) <= 1


@pytest.mark.parametrize("month", range(1, 13))
def test_a_typical_tuesday_is_dear_in_the_evening_and_has_a_valley(month):
    tuesday = next(date(2026, month, day) for day in range(1, 8) if date(2026, month, day).weekday() == 1)
    found = prices(typical(local_day(tuesday, AMSTERDAM)))
    evening, night, noon = found[-22:-12], found[8:20], found[48:60]
    assert min(evening) > max(min(night), min(noon))
    assert max(found) > 1.5 * min(found)


def test_typical_hours_follow_the_clock_of_the_place():
    noon_in_july = datetime(2026, 7, 1, 10, tzinfo=UTC)
    amsterdam = typical(Grid(noon_in_july, 1), "Europe/Amsterdam")
    helsinki = typical(Grid(noon_in_july - timedelta(hours=1), 1), "Europe/Helsinki")
    assert prices(amsterdam) == prices(helsinki)


# --- merging ------------------------------------------------------------------


def test_an_hourly_price_is_expanded_to_its_quarters():
    assert prices(curve([hour(-50_000)], HOUR)) == [-50_000] * 4


def test_quarters_are_averaged_for_an_hourly_grid_half_up():
    assert prices(curve(quarters([10, 11, 11, 10]), Grid(NOON, 1, 3600))) == [11]


def test_a_gap_is_filled_with_the_typical_price_and_says_so():
    merged = curve(quarters([1, 2, 3]), HOUR)
    assert prices(merged)[:3] == [1, 2, 3]
    assert merged[3] == typical(HOUR)[3]
    assert merged[3].quality is Quality.ESTIMATED


def test_a_slot_that_a_price_covers_in_part_only_is_a_gap():
    late = [PriceSlot(NOON + timedelta(minutes=5), 900, 7, "entsoe")]
    assert curve(late, Grid(NOON, 1)) == typical(Grid(NOON, 1))


def test_the_preferred_source_wins_and_the_other_fills_its_gaps():
    both = [*quarters([1, 2], "entsoe"), *quarters([10, 20, 30, 40], "energy_charts")]
    assert prices(curve(both, HOUR, ["entsoe", "energy_charts"])) == [1, 2, 30, 40]
    assert prices(curve(both, HOUR, ["energy_charts", "entsoe"])) == [10, 20, 30, 40]


def test_a_published_price_comes_before_a_preferred_forecast():
    both = [*quarters([5] * 4, "oracle", quality=Quality.FORECAST), *quarters([9] * 4, "entsoe")]
    assert prices(curve(both, HOUR, ["oracle"])) == [9] * 4


def test_quarters_of_a_source_come_before_its_hours():
    assert prices(curve([hour(100), *quarters([1, 2, 3, 4])], HOUR)) == [1, 2, 3, 4]


def test_the_newest_revision_counts():
    slots = [*quarters([1] * 4), *quarters([2] * 4, revision=3), *quarters([9] * 4, revision=2)]
    merged = curve(slots, HOUR)
    assert prices(merged) == [2] * 4
    assert {slot.revision for slot in merged} == {3}


def test_a_curve_says_who_priced_it_and_is_named_by_what_it_says():
    merged = curve(quarters([1, 2, 3]), HOUR)
    assert sources(merged) == "entsoe+typical"
    assert curve_id(merged) == curve_id(curve(quarters([1, 2, 3]), HOUR))
    assert curve_id(merged) != curve_id(curve(quarters([1, 2, 4]), HOUR))
    assert curve_id(merged) != curve_id(curve(quarters([1, 2, 3], revision=2), HOUR))


@given(
    st.lists(st.integers(-500_000, 4_000_000), min_size=0, max_size=12),
    st.integers(0, 12),
    st.sampled_from([900, 1800, 3600]),
)
def test_every_grid_slot_gets_exactly_one_price(known, offset, seconds):
    grid = Grid(NOON, 8, seconds)
    merged = curve(quarters(known, start=NOON + timedelta(minutes=15 * offset)), grid)
    assert [slot.start for slot in merged] == list(grid.starts())
    assert {slot.seconds for slot in merged} == {seconds}


# --- two sources --------------------------------------------------------------


def test_sources_that_differ_by_more_than_a_hundredth_are_named():
    found = differences(quarters([1000, 1000, 1000]), quarters([1010, 1011, 989], "energy_charts"))
    assert [(each.start - NOON, each.price_micro_per_kwh, each.other_micro_per_kwh) for each in found] == [
        (timedelta(minutes=15), 1000, 1011),
        (timedelta(minutes=30), 1000, 989),
    ]
    assert {(each.source, each.other) for each in found} == {("entsoe", "energy_charts")}


def test_an_hourly_price_is_held_against_the_mean_of_the_quarters():
    exact, off = hour(25_005, "energy_charts"), hour(26_000, "energy_charts")
    four = quarters([10_000, 20_000, 30_000, 40_000])
    assert differences(four, [exact]) == []
    (found,) = differences(four, [off])
    assert (found.seconds, found.price_micro_per_kwh) == (3600, 25_000)
    assert differences(four[:3], [off]) == [], "an hour that is not whole cannot be compared"


def test_sources_without_a_common_interval_do_not_differ():
    assert differences(quarters([1]), quarters([999_999], "other", NOON + timedelta(hours=2))) == []
    assert differences([], quarters([1])) == []


@given(st.lists(st.tuples(st.integers(-100, 100), st.integers(-100, 100)), min_size=1, max_size=8))
def test_differing_is_mutual(pairs):
    ours = quarters([pair[0] for pair in pairs])
    theirs = quarters([pair[1] for pair in pairs], "other")
    assert [each.start for each in differences(ours, theirs)] == [each.start for each in differences(theirs, ours)]
    assert len(differences(ours, theirs)) == sum(abs(a - b) > DIFFERENCE_MICRO for a, b in pairs)


def test_any_two_publishers_are_compared_by_their_newest_word():
    slots = [
        *quarters([100], "a"),
        *quarters([900], "b"),
        *quarters([100], "b", revision=2),
        *quarters([500], "c"),
        *quarters([9_999], "typical", quality=Quality.ESTIMATED),
    ]
    assert [(each.source, each.other) for each in disagreements(slots)] == [("a", "c"), ("b", "c")]


def test_a_price_is_final_once_two_sources_agree():
    slots = confirmed([*quarters([100, 200]), *quarters([105, 900], "energy_charts")])
    assert [(slot.source, slot.quality) for slot in slots] == [
        ("energy_charts", Quality.FINAL),
        ("entsoe", Quality.FINAL),
        ("energy_charts", Quality.PRELIMINARY),
        ("entsoe", Quality.PRELIMINARY),
    ]


def test_neither_a_source_by_itself_nor_an_estimate_confirms_a_price():
    alone = [*quarters([100]), *quarters([100], revision=2)]
    guessed = [*quarters([100]), *quarters([100], "typical", quality=Quality.ESTIMATED)]
    assert [slot.quality for slot in confirmed(alone)] == [Quality.PRELIMINARY]
    assert Quality.FINAL not in {slot.quality for slot in confirmed(guessed)}


# --- what is stored -----------------------------------------------------------


def test_the_first_fetch_is_stored_and_the_same_again_is_not():
    fetched = quarters([1, 2])
    assert arrivals([], fetched) == fetched
    assert arrivals(fetched, fetched) == []


def test_a_changed_price_is_stored_as_the_next_revision():
    (changed,) = arrivals(quarters([1, 2]), quarters([1, 3]))
    assert (changed.price_micro_per_kwh, changed.revision, changed.quality) == (3, 2, Quality.PRELIMINARY)


def test_the_second_source_makes_the_first_one_final_as_a_new_revision():
    stored = quarters([100])
    found = arrivals(stored, quarters([100], "energy_charts"))
    assert [(slot.source, slot.revision, slot.quality) for slot in found] == [
        ("energy_charts", 1, Quality.FINAL),
        ("entsoe", 2, Quality.FINAL),
    ]
    everything = [*stored, *found]
    assert arrivals(everything, stored) == [], "an old answer takes nothing back"


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 3), st.integers(0, 30)), max_size=20))
def test_storing_what_arrived_leaves_nothing_to_store(fetches):
    stored: list[PriceSlot] = []
    for source, index, price in fetches:
        fetched = quarters([price], source, NOON + timedelta(minutes=15 * index))
        stored += arrivals(stored, fetched)
        assert arrivals(stored, fetched) == []
    keys = [(slot.source, slot.start, slot.revision) for slot in stored]
    assert len(set(keys)) == len(keys), "a revision is never written twice"
    assert len(latest(stored)) == len({(source, index) for source, index, _ in fetches})


# --- when to ask --------------------------------------------------------------


def local(day, clock):
    return datetime.fromisoformat(f"2026-{day}T{clock}").replace(tzinfo=AMSTERDAM)


@pytest.mark.parametrize(
    ("now", "known_until", "then"),
    [
        (local("07-01", "09:10"), local("07-02", "00:00"), local("07-01", "12:55")),
        (local("07-01", "12:40"), None, local("07-01", "12:55")),
        (local("07-01", "09:10"), None, local("07-01", "09:30")),
        (local("07-01", "12:55"), local("07-02", "00:00"), local("07-01", "13:00")),
        (local("07-01", "14:57"), local("07-02", "00:00"), local("07-01", "15:00")),
        (local("07-01", "15:00"), local("07-02", "00:00"), local("07-01", "15:30")),
        (local("07-01", "23:40"), local("07-02", "00:00"), local("07-02", "00:00")),
        (local("07-01", "13:02"), local("07-03", "00:00"), local("07-02", "12:55")),
        (local("03-28", "13:02"), local("03-30", "00:00"), local("03-29", "12:55")),
    ],
    ids=lambda value: f"{value:%d-%H:%M}" if value else "nothing known",
)
def test_prices_are_asked_for_when_they_may_be_out(now, known_until, then):
    assert next_poll(now, "Europe/Amsterdam", known_until, 0) == then
    assert next_poll(now, "Europe/Amsterdam", known_until, 42) == then + timedelta(seconds=42)


@given(st.integers(0, 366 * 86_400), st.integers(0, 299), st.booleans())
def test_the_next_poll_is_later_and_within_a_day_and_a_bit(second, jitter, known):
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    then = next_poll(now, "Europe/Amsterdam", now + timedelta(days=3) if known else None, jitter)
    assert now < then <= now + (timedelta(hours=25, minutes=5) if known else timedelta(minutes=35))
