"""Across places: the rest waits for home where home is cheaper, and nothing is said where it is not or is unknown."""

from datetime import UTC, datetime, timedelta

import pytest

from server.core.advice import Here, Home, advise, back_micro, cheapest_micro, enough_wh, night_at_home
from server.core.departure import Stay

ZONE = "Europe/Amsterdam"
HOME = Home(120_000, 20_000)


def evenings(hour, hours, days=range(1, 11), minute=0):
    begin = [datetime(2026, 3, day, hour, minute, tzinfo=UTC) for day in days]
    return [Stay(at, at + timedelta(hours=hours)) for at in begin]


def test_five_kilowatt_hours_are_enough_and_the_rest_is_a_third_of_the_price_at_home():
    said = advise(Here(450_000, 5_000, wanted_wh=20_000), HOME)
    assert (said.enough_wh, said.rest_wh, said.rest_here_minor, said.rest_home_minor) == (5_000, 15_000, 675, 180)


def test_before_plug_in_the_rest_is_what_a_night_at_home_usually_takes():
    assert advise(Here(450_000, 5_000), HOME).rest_wh == 15_000


@pytest.mark.parametrize(
    "here",
    [
        Here(120_000, 5_000, wanted_wh=20_000),  # as dear as home
        Here(100_000, 5_000, wanted_wh=20_000),
        Here(450_000, 5_000, wanted_wh=6_000),  # hardly a rest
        Here(140_000, 5_000, wanted_wh=20_000),  # 30 cents
        Here(450_000, 5_000, 330_000, 20_000),  # so much comes back that home is no cheaper
    ],
)
def test_where_home_is_not_clearly_cheaper_nothing_is_said(here):
    assert advise(here, HOME) is None


def test_money_that_comes_back_here_counts():
    said = advise(Here(450_000, 5_000, back_micro(200, 20_000), 20_000), HOME)
    assert said.rest_here_minor == 675 - 150


def test_enough_is_the_floor_or_thirty_percent_where_the_car_tells():
    assert enough_wh(0, 5_000, 60_000, None) == 5_000
    assert enough_wh(3_000, 5_000, 60_000, None) == 2_000
    assert enough_wh(9_000, 5_000, None, 10) == 0
    assert enough_wh(0, 5_000, 60_000, 12) == 12_000
    assert enough_wh(0, 5_000, 60_000, 46) == 0


def test_the_coming_night_is_as_the_drivers_own_nights_were():
    stays = [*evenings(17, 14), *evenings(12, 2, days=(12,))]
    assert night_at_home(stays, datetime(2026, 3, 13, 11, tzinfo=UTC), ZONE) == (
        datetime(2026, 3, 13, 17, tzinfo=UTC),
        datetime(2026, 3, 14, 7, tzinfo=UTC),
    )
    late = datetime(2026, 3, 13, 21, tzinfo=UTC)
    assert night_at_home(stays, late, ZONE) == (late, datetime(2026, 3, 14, 7, tzinfo=UTC))
    morning = datetime(2026, 3, 14, 5, tzinfo=UTC)
    assert night_at_home(stays, morning, ZONE)[0] == datetime(2026, 3, 14, 17, tzinfo=UTC)


def test_arrivals_around_midnight_have_their_middle_at_midnight():
    stays = [*evenings(22, 8, days=(1, 2), minute=50), *evenings(23, 8, days=(3,), minute=5)]
    begins, _ = night_at_home(stays, datetime(2026, 3, 5, 12, tzinfo=UTC), ZONE)
    assert begins == datetime(2026, 3, 5, 22, 50, tzinfo=UTC)


def test_from_two_nights_nothing_is_learnt():
    assert night_at_home(evenings(17, 14, days=(1, 2)), datetime(2026, 3, 5, tzinfo=UTC), ZONE) is None


def test_a_night_costs_what_its_cheapest_slots_cost():
    assert cheapest_micro([300_000, 100_000, 200_000, 120_000], 5_000, 2_750) == 110_000
    assert cheapest_micro([300_000, 100_000], 50_000, 2_750) == 200_000
