"""Times as stations write them."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from server.gateway import moments

AT = datetime(2025, 1, 3, 15, 21, 47, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-03T15:21:47Z",
        "2025-01-03T15:21:47z",
        "2025-01-03t15:21:47.000Z",
        "2025-01-03T16:21:47+01:00",
        "2025-01-03T16:21:47+01",
        "2025-01-03T17:21:47+0200",
        "2025-01-03T15:21:47",
        "2025-01-03 15:21:47",
        " 2025-01-03T15:21:47Z ",
        "2025-01-03T15:21:47.0000000Z",
    ],
)
def test_any_iso_form_is_read_and_utc_where_nothing_is_said(text):
    assert moments.read(text) == AT


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "20250103",
        "yesterday",
        "1970-01-01T00:00:00Z",
        "2000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_clock_that_was_never_set_says_nothing(text):
    assert moments.read(text) is None


def test_local_time_marked_as_utc_is_read_in_the_stations_zone():
    zone = ZoneInfo("Europe/Amsterdam")
    for text in ("2025-01-03T16:21:47Z", "2025-01-03T16:21:47", "2025-01-03T16:21:47+01:00"):
        assert moments.read(text, zone) == AT


def test_our_time_is_said_without_fractions_and_with_z():
    assert moments.write(AT + timedelta(microseconds=5)) == "2025-01-03T15:21:47Z"
    assert moments.write(AT.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2025-01-03T15:21:47Z"
