from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.localtime import local_clock

MOMENTS = st.integers(
    int(datetime(2015, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2030, 1, 1, tzinfo=UTC).timestamp())
)
ZONES = ["UTC", "Europe/Amsterdam", "Europe/Oslo", "America/Denver", "Australia/Lord_Howe", "Asia/Kolkata"]


@given(moment=MOMENTS, zone=st.sampled_from(ZONES))
def test_the_wall_clock_is_the_one_of_the_zone(moment, zone):
    local = int(local_clock(zone, moment, moment).local(np.array([moment]))[0])
    assert datetime.fromtimestamp(local, UTC).replace(tzinfo=None) == datetime.fromtimestamp(
        moment, ZoneInfo(zone)
    ).replace(tzinfo=None)


@given(moment=MOMENTS, zone=st.sampled_from(ZONES))
def test_there_and_back_is_the_same_moment_or_the_first_pass_of_a_repeated_hour(moment, zone):
    clock = local_clock(zone, moment, moment)
    local = clock.local(np.array([moment]))
    back = clock.utc(local)
    assert (clock.local(back) == local).all()
    assert 0 <= moment - int(back[0]) <= 3_600


@pytest.mark.parametrize(
    ("wall", "utc"), [("2024-03-31T01:30", "00:30"), ("2024-03-31T02:30", "01:30"), ("2024-03-31T03:30", "01:30")]
)
def test_the_spring_night_has_no_third_hour(wall, utc):
    local = int(datetime.fromisoformat(wall).replace(tzinfo=UTC).timestamp())
    moment = int(local_clock("Europe/Amsterdam", local, local).utc(np.array([local]))[0])
    assert datetime.fromtimestamp(moment, UTC).strftime("%H:%M") == utc
