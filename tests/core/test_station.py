"""What a station may take when it is alone, and what a site leaves for its cars."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.station import MIN_CURRENT_MA, Feeder, Station, base_load_w, cap_w, kept_share_w, safe_share_w
from server.core.timegrid import local_day
from shared.units import VOLTS

STREET = Feeder(UUID(int=1), UUID(int=2), limit_ma=(63_000, 63_000, 63_000))
DEPOT = Feeder(
    UUID(int=3), UUID(int=4), limit_w=36_000, base_load=(("07:00", "19:00", 20_000), ("19:00", "07:00", 10_000))
)
ZONE = "Europe/Amsterdam"


def test_six_stations_behind_63_a_have_10_5_a_each():
    assert safe_share_w(STREET, 6, 3) == 10_500 * VOLTS * 3 // 1000 == 7_245
    assert safe_share_w(STREET, 6, 1) == 2_415


def test_a_share_below_6_a_is_none_at_all():
    assert safe_share_w(STREET, 11, 3) == 0
    assert safe_share_w(DEPOT, 12, 3) == 0


@pytest.mark.parametrize(
    ("unit", "held", "phases", "kept"),
    [
        ("A", None, 3, 7_245),
        ("A", 9_000, 3, 9_000),  # of a time with fewer stations
        ("A", 9_000, 1, 3_000),
        ("A", 3_000, 3, 7_245),
        ("W", 3_000, 1, 3_000),  # all of it may stand on one phase
        ("W", 3_000, 3, 9_000),  # of which there are three
    ],
)
def test_what_a_station_out_of_reach_keeps_is_the_larger_share(unit, held, phases, kept):
    box = Station(*(UUID(int=4),) * 3, "CP-1", 11_040, 3, online=False, unit=unit, safe_held_w=held)
    assert kept_share_w(box, safe_share_w(STREET, 6, phases), phases) == kept


@given(limits=st.lists(st.integers(0, 200_000), min_size=3, max_size=3), stations=st.integers(1, 40))
def test_all_shares_together_never_pass_the_weakest_phase(limits, stations):
    share = safe_share_w(Feeder(UUID(int=1), UUID(int=2), limit_ma=tuple(limits)), stations, 1)
    assert share == 0 or share * 1000 >= MIN_CURRENT_MA * VOLTS
    assert share * stations * 1000 <= min(limits) * VOLTS


@pytest.mark.parametrize(("month", "day"), [(3, 29), (10, 25), (6, 15)])
def test_the_building_takes_its_load_by_the_wall_clock_also_when_the_clocks_change(month, day):
    grid = local_day(datetime(2026, month, day, tzinfo=UTC).date(), ZoneInfo(ZONE))
    load = base_load_w(DEPOT, grid, ZONE)
    assert load.count(20_000) == 48
    assert load.count(10_000) == grid.slots - 48


def test_cars_that_all_charge_at_once_share_what_is_left():
    noon, night = datetime(2026, 1, 13, 11, tzinfo=UTC), datetime(2026, 1, 13, 22, tzinfo=UTC)
    assert [cap_w(DEPOT, noon, ZONE, cars) for cars in (1, 2, 4)] == [16_000, 8_000, 4_000]
    assert cap_w(DEPOT, night, ZONE, 1) == 26_000
    assert cap_w(STREET, noon, ZONE, 6) == 63 * VOLTS * 3 // 6
