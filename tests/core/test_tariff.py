from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.pricecurve import PriceSlot, Quality, typical
from server.core.tariff import (
    EnergyWindow,
    HomeTariffTerms,
    PublicTariffTerms,
    billed_market,
    home_prices,
    home_terms,
    minute_of_day,
    notices,
    preview,
    public_cost,
    public_prices,
    retail_micro,
    sanity,
    wanted_until,
)
from server.core.timegrid import Grid, covering, local_day
from shared.tariffs import HomeKind, HomeTariffInput

ZONE = "Europe/Amsterdam"
AMSTERDAM = ZoneInfo(ZONE)
DYNAMIC = HomeTariffTerms(HomeKind.DYNAMIC, markup_micro_per_kwh=21_175)  # EUR 0.0175 before VAT
NIGHT = HomeTariffTerms(HomeKind.NIGHT, price_micro_per_kwh=290_000, night_price_micro_per_kwh=240_000)


def day(year, month, number):
    return local_day(date(year, month, number), AMSTERDAM)


def night_slots(terms, grid):
    return home_prices(terms, grid, [0] * grid.slots, ZONE).count(terms.night_price_micro_per_kwh)


# --- home ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("market", "retail"),
    [(85_400, 235_345), (0, 132_011), (-50_000, 71_511), (-109_100, 0), (-120_000, -13_189)],
)
def test_a_dutch_dynamic_price_is_spot_and_tax_with_vat_and_the_markup(market, retail):
    # Golden: domain 2.6, energy tax of 2026, VAT 21 %, markup EUR 0.0175 before VAT; negative prices pass through.
    assert retail_micro(DYNAMIC, market) == retail


def test_a_dynamic_tariff_has_a_price_for_every_slot_of_its_own():
    grid = Grid(datetime(2026, 7, 1, tzinfo=UTC), 3)
    assert home_prices(DYNAMIC, grid, [85_400, 0, -120_000], ZONE) == [235_345, 132_011, -13_189]


def test_a_supplier_that_bills_by_the_hour_averages_the_market_first():
    grid = Grid(datetime(2026, 7, 1, tzinfo=UTC), 6)
    assert billed_market([10, 11, 11, 10, 7, 8], grid, 3600) == [11, 11, 11, 11, 8, 8]
    hourly = HomeTariffTerms(HomeKind.DYNAMIC, markup_micro_per_kwh=21_175, billing_seconds=3600)
    assert home_prices(hourly, grid, [85_399, 85_401, 85_400, 85_400, 0, 0], ZONE) == [235_345] * 4 + [132_011] * 2


def test_billing_hours_are_the_clock_s_hours_not_the_grid_s():
    grid = Grid(datetime(2026, 7, 1, 0, 30, tzinfo=UTC), 4)
    assert billed_market([1, 3, 10, 20], grid, 3600) == [2, 2, 15, 15]


def test_a_fixed_price_is_the_same_always():
    assert (
        home_prices(HomeTariffTerms(HomeKind.FIXED, price_micro_per_kwh=280_000), day(2026, 3, 29), [], ZONE)
        == [280_000] * 92
    )


def test_a_night_from_23_to_07_has_32_quarters_on_a_working_day():
    assert night_slots(NIGHT, day(2026, 3, 3)) == 32


def test_the_weekend_is_night_where_the_tariff_says_so():
    assert night_slots(NIGHT, day(2026, 3, 28)) == 96
    weekdays_only = HomeTariffTerms(
        HomeKind.NIGHT, price_micro_per_kwh=290_000, night_price_micro_per_kwh=240_000, weekend_is_night=False
    )
    assert night_slots(weekdays_only, day(2026, 3, 28)) == 32


def test_the_night_of_the_clock_change_is_an_hour_shorter_in_march_and_longer_in_october():
    terms = HomeTariffTerms(
        HomeKind.NIGHT, price_micro_per_kwh=290_000, night_price_micro_per_kwh=240_000, weekend_is_night=False
    )
    assert night_slots(terms, day(2026, 3, 29)) == 28
    assert night_slots(terms, day(2026, 10, 25)) == 36


@pytest.mark.parametrize(("grid", "slots"), [(day(2026, 3, 29), 0), (day(2026, 10, 25), 8), (day(2026, 11, 20), 4)])
def test_a_window_from_02_to_03_has_no_slot_in_march_and_eight_in_october(grid, slots):
    terms = HomeTariffTerms(
        HomeKind.NIGHT,
        price_micro_per_kwh=290_000,
        night_price_micro_per_kwh=240_000,
        night_from="02:00",
        night_to="03:00",
        weekend_is_night=False,
    )
    assert night_slots(terms, grid) == slots


@given(st.lists(st.integers(-500_000, 4_000_000), min_size=1, max_size=8), st.integers(0, 1_000_000))
def test_a_dearer_market_never_makes_a_dynamic_price_cheaper(market, more):
    grid = Grid(datetime(2026, 7, 1, tzinfo=UTC), len(market))
    before = home_prices(DYNAMIC, grid, market, ZONE)
    after = home_prices(DYNAMIC, grid, [price + more for price in market], ZONE)
    assert all(low <= high for low, high in zip(before, after, strict=True))


@pytest.mark.parametrize(("text", "minutes"), [("00:00", 0), ("07:30", 450), ("24:00", 1440)])
def test_a_time_of_day_is_minutes_since_midnight(text, minutes):
    assert minute_of_day(text) == minutes


@pytest.mark.parametrize("text", ["7:30", "0730", "24:01", "12:60", "ab:cd", "-1:00", ""])
def test_what_is_not_a_time_of_day_is_refused(text):
    with pytest.raises(ValueError, match="expected"):
        minute_of_day(text)


# --- public -------------------------------------------------------------------

FLAT = (EnergyWindow("00:00", "24:00", 450_000),)
TIMED = (EnergyWindow("17:00", "21:00", 590_000), EnergyWindow("21:00", "17:00", 390_000))
TARIFF = UUID(int=1)
AT_NINE = Grid(datetime(2026, 11, 16, 9, tzinfo=UTC), 16)


def test_a_public_price_follows_the_wall_clock_over_midnight():
    grid = day(2026, 11, 16)
    found = public_prices(PublicTariffTerms(TARIFF, "EUR", TIMED), grid)
    assert found.count(590_000) == 16
    assert found[17 * 4] == 590_000
    assert found[21 * 4] == found[0] == 390_000


def test_the_first_window_that_holds_a_time_prices_it():
    lunch_first = (EnergyWindow("12:00", "13:00", 100_000), *FLAT)
    found = public_prices(PublicTariffTerms(TARIFF, "EUR", lunch_first), day(2026, 11, 16))
    assert found.count(100_000) == 4
    assert found[12 * 4] == 100_000


def test_a_tariff_with_a_part_of_the_day_without_a_price_is_refused():
    with pytest.raises(AssertionError, match="without a price"):
        PublicTariffTerms(TARIFF, "EUR", (EnergyWindow("07:00", "23:00", 1),))


def test_a_session_costs_energy_time_start_and_idling_after_the_grace():
    # 8 kWh x 0.45 = 3.60; wanted 09:10 to 11:00 = 110 min x 1.20/h = 2.20; start 0.61;
    # idle 11:00 + 30 min grace to 12:20 = 50 min x 3.00/h = 2.50. Sum 8.91.
    terms = PublicTariffTerms(TARIFF, "EUR", FLAT, 1_200_000, 61, 3_000_000, 30)
    energy = [1000] * 8 + [0] * 8
    start, end = AT_NINE.start + timedelta(minutes=10), AT_NINE.start + timedelta(hours=3, minutes=20)
    cost = public_cost(terms, AT_NINE, energy, start, end)
    assert (cost.energy_nano, cost.time_nano, cost.session_nano, cost.idle_nano) == (
        3_600_000_000,
        2_200_000_000,
        610_000_000,
        2_500_000_000,
    )
    assert cost.total_minor == 891


def test_a_pause_by_the_operator_is_time_and_not_idling():
    terms = PublicTariffTerms(TARIFF, "EUR", FLAT, 600_000, 0, 6_000_000)
    start, end = AT_NINE.start, AT_NINE.start + timedelta(hours=3)
    at_once = public_cost(terms, AT_NINE, [2000] * 4 + [0] * 12, start, end)
    paused = public_cost(terms, AT_NINE, [0] * 8 + [2000] * 4 + [0] * 4, start, end)
    assert (at_once.time_nano, at_once.idle_nano) == (600_000_000, 12_000_000_000)
    assert (paused.time_nano, paused.idle_nano) == (1_800_000_000, 0)


def test_a_car_that_took_nothing_idles_from_the_plug_in():
    terms = PublicTariffTerms(TARIFF, "EUR", FLAT, 600_000, 0, 6_000_000, 15)
    cost = public_cost(terms, AT_NINE, [0] * 16, AT_NINE.start, AT_NINE.start + timedelta(hours=1))
    assert (cost.energy_nano, cost.time_nano, cost.idle_nano) == (0, 0, 4_500_000_000)


def test_leaving_within_the_grace_costs_no_idling():
    terms = PublicTariffTerms(TARIFF, "EUR", FLAT, idle_micro_per_hour=6_000_000, idle_after_minutes=60)
    cost = public_cost(terms, AT_NINE, [500] + [0] * 15, AT_NINE.start, AT_NINE.start + timedelta(minutes=75))
    assert cost.idle_nano == 0


def test_the_last_slot_with_energy_ends_at_the_unplugging_at_the_latest():
    leave = AT_NINE.start + timedelta(minutes=20)
    assert wanted_until(AT_NINE, [500, 100] + [0] * 14, AT_NINE.start, leave) == leave


def test_energy_is_priced_slot_by_slot_and_rounded_once():
    terms = PublicTariffTerms(TARIFF, "EUR", TIMED)
    grid = covering(datetime(2026, 11, 16, 15, 45, tzinfo=UTC), datetime(2026, 11, 16, 16, 15, tzinfo=UTC))
    cost = public_cost(terms, grid, [5, 5], grid.start, grid.end)
    assert cost.energy_nano == 5 * 390_000 + 5 * 590_000
    assert cost.total_minor == 0
    assert public_cost(terms, grid, [0, 9], grid.start, grid.end).total_minor == 1


@given(
    st.lists(st.integers(0, 5_000), min_size=16, max_size=16),
    st.integers(0, 3 * 3600),
    st.integers(0, 3_600),
    st.integers(0, 9_999_999),
)
def test_the_total_is_the_one_rounding_of_the_sum_of_its_parts(energy, stay_s, late_s, fee):
    terms = PublicTariffTerms(TARIFF, "EUR", TIMED, fee, 35, fee // 2, 10)
    start = AT_NINE.start + timedelta(seconds=late_s)
    cost = public_cost(terms, AT_NINE, energy, start, start + timedelta(seconds=stay_s))
    parts = (cost.energy_nano, cost.time_nano, cost.session_nano, cost.idle_nano)
    assert min(parts) >= 0
    assert sum(parts) == cost.total_nano
    assert abs(cost.total_minor * 10_000_000 - cost.total_nano) <= 5_000_000


# --- the form -----------------------------------------------------------------


def fixed(price):
    return HomeTariffInput(HomeKind.FIXED, price_micro_per_kwh=price)


def test_a_sane_tariff_of_each_kind_passes():
    assert sanity(fixed(280_000)) == []
    assert sanity(HomeTariffInput(HomeKind.DYNAMIC, markup_micro_per_kwh=0)) == []
    assert sanity(HomeTariffInput(HomeKind.NIGHT, 290_000, 240_000)) == []


@pytest.mark.parametrize(
    ("price", "says"),
    [
        (None, "Missing"),
        (28_000_000, "did you mean EUR 0.28"),
        (2_800, "did you mean EUR 0.28"),
        (19_999, "did you mean EUR 1.9999|Expected EUR 0.02 to EUR 1"),
        (1_000_001, "Expected EUR 0.02 to EUR 1"),
        (-1, "Expected EUR 0.02 to EUR 1"),
        (0, "Expected EUR 0.02 to EUR 1"),
        (5_000_000_000, "Expected EUR 0.02 to EUR 1"),
    ],
)
def test_an_insane_price_is_named_with_what_was_meant(price, says):
    (error,) = sanity(fixed(price))
    assert error.field == "price_micro_per_kwh"
    assert any(part in error.message for part in says.split("|"))


@pytest.mark.parametrize("price", [20_000, 1_000_000])
def test_the_limits_themselves_are_allowed(price):
    assert sanity(fixed(price)) == []


def test_a_markup_in_cents_is_named():
    (error,) = sanity(HomeTariffInput(HomeKind.DYNAMIC, markup_micro_per_kwh=2_120_000))
    assert error.field == "markup_micro_per_kwh"
    assert "did you mean EUR 0.0212" in error.message


def test_a_night_tariff_needs_both_prices_and_two_times():
    empty = HomeTariffInput(HomeKind.NIGHT, night_from="7:00", night_to="25:00")
    assert [error.field for error in sanity(empty)] == [
        "price_micro_per_kwh",
        "night_price_micro_per_kwh",
        "night_from",
        "night_to",
    ]
    (error,) = sanity(HomeTariffInput(HomeKind.NIGHT, 290_000, 240_000, night_from="00:00", night_to="24:00"))
    assert error.field == "night_to"


def test_a_night_dearer_than_the_day_is_odd_but_not_wrong():
    odd = HomeTariffInput(HomeKind.NIGHT, 240_000, 290_000)
    assert sanity(odd) == []
    assert notices(odd) == ["night_dearer_than_day"]
    assert preview(odd, [], datetime(2026, 7, 1, tzinfo=UTC), ZONE).notices == ["night_dearer_than_day"]


def test_a_fixed_preview_says_one_price_and_is_final_whatever_the_market():
    found = preview(fixed(280_000), [], datetime(2026, 7, 1, 10, 3, tzinfo=UTC), ZONE)
    assert {point.price_micro_per_kwh for point in found.points} == {280_000}
    assert (found.now_micro_per_kwh, found.tonight_low_micro_per_kwh, found.tomorrow_high_micro_per_kwh) == (
        280_000,
        280_000,
        280_000,
    )
    assert (found.quality, found.notices) == ("FINAL", [])


def test_a_dynamic_preview_uses_the_market_and_owns_up_to_estimates():
    now = datetime(2026, 7, 1, 10, 3, tzinfo=UTC)  # 12:03 local
    entered = HomeTariffInput(HomeKind.DYNAMIC, markup_micro_per_kwh=21_175)
    hours = [
        PriceSlot(now.replace(minute=0) + timedelta(hours=n), 3600, 1_000 * n, "recorded", Quality.FINAL)
        for n in range(36)
    ]
    found = preview(entered, hours, now, ZONE)
    assert found.points[0].start == now.replace(minute=0)
    assert len(found.points) == 36 * 4
    assert (found.quality, found.notices) == ("FINAL", [])
    assert found.now_micro_per_kwh == retail_micro(home_terms(entered), 0)
    assert found.tonight_low_micro_per_kwh == retail_micro(home_terms(entered), 6_000)
    assert found.tonight_high_micro_per_kwh == retail_micro(home_terms(entered), 18_000)
    assert found.tomorrow_low_micro_per_kwh == retail_micro(home_terms(entered), 12_000)
    assert found.tomorrow_high_micro_per_kwh == retail_micro(home_terms(entered), 35_000)
    estimated = preview(entered, hours[:-1], now, ZONE)
    assert (estimated.quality, estimated.notices) == ("ESTIMATED", ["estimated_prices"])


@pytest.mark.parametrize("clock", ["00:05", "06:59", "07:00", "12:00", "17:59", "18:00", "23:59"])
@pytest.mark.parametrize("when", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)])
def test_a_preview_holds_at_every_hour_and_over_clock_changes(clock, when):
    now = datetime.fromisoformat(f"{when}T{clock}").replace(tzinfo=AMSTERDAM).astimezone(UTC)
    tomorrow = local_day(when + timedelta(days=1), AMSTERDAM)
    found = preview(HomeTariffInput(HomeKind.DYNAMIC, markup_micro_per_kwh=0), [], now, ZONE)
    expected = [retail_micro(HomeTariffTerms(HomeKind.DYNAMIC), slot.price_micro_per_kwh) for slot in typical(tomorrow)]
    assert found.points[-1].start + timedelta(minutes=15) == tomorrow.end
    assert (found.tomorrow_low_micro_per_kwh, found.tomorrow_high_micro_per_kwh) == (min(expected), max(expected))
