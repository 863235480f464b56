"""Profile stacking as OCPP 1.6, 3.13 says, and what a station must reject."""

from decimal import Decimal

import pytest

from server.simulator.car import FAR_US
from server.simulator.profiles import Profiles, Transaction, stamp

HOUR = 3_600_000_000
T0 = 1_710_241_200_000_000  # 2024-03-12T11:00:00Z
TX = Transaction("CARD", T0, 0, id=7)


def raw(purpose="TxProfile", *, number=1, level=0, unit="A", periods=((0, 10),), kind="Absolute", **more):
    schedule = {
        "charging_rate_unit": unit,
        "charging_schedule_period": [{"start_period": at, "limit": Decimal(str(limit))} for at, limit in periods],
    }
    if kind != "Relative":
        schedule["start_schedule"] = "2024-03-12T11:00:00Z"
    schedule |= {key: more.pop(key) for key in ("duration",) if key in more}
    return {
        "charging_profile_id": number,
        "stack_level": level,
        "charging_profile_purpose": purpose,
        "charging_profile_kind": kind,
        "charging_schedule": schedule,
    } | more


def milli(profiles: Profiles, hours: float = 0.0, running=TX):
    return profiles.limit(T0 + int(hours * HOUR), running).milli


def test_without_profiles_there_is_no_limit():
    assert Profiles("A").limit(T0, TX) == type(Profiles("A").limit(T0, TX))(None, FAR_US)


def test_a_profile_of_the_transaction_beats_the_default_even_when_it_is_higher():
    held = Profiles("A")
    assert held.install(0, raw("TxDefaultProfile", number=1, periods=((0, 8),)), None) == "Accepted"
    assert milli(held) == 8_000
    assert held.install(1, raw(number=2, periods=((0, 16),), transaction_id=7), TX) == "Accepted"
    assert milli(held) == 16_000


def test_the_stations_own_maximum_caps_everything():
    held = Profiles("A")
    held.install(0, raw("ChargePointMaxProfile", number=1, periods=((0, 12),)), None)
    held.install(1, raw(number=2, periods=((0, 16),)), TX)
    assert milli(held) == 12_000


def test_the_highest_stack_level_counts_and_below_it_the_next_when_it_is_over():
    held = Profiles("A")
    held.install(1, raw(number=1, level=0, periods=((0, 6),)), TX)
    held.install(1, raw(number=2, level=3, periods=((0, 20),), duration=3600), TX)
    assert (milli(held), milli(held, 0.99), milli(held, 1)) == (20_000, 20_000, 6_000)
    assert held.limit(T0, TX).until_us == T0 + HOUR


def test_periods_follow_each_other_from_the_schedules_start():
    held = Profiles("W")
    held.install(1, raw(unit="W", periods=((0, 0), (3600, 7200.5), (7200, 11040))), TX)
    assert [milli(held, hours) for hours in (0, 1, 1.99, 2)] == [0, 7_200_500, 7_200_500, 11_040_000]
    assert held.limit(T0, TX).until_us == T0 + HOUR


def test_before_its_start_and_outside_its_validity_a_profile_says_nothing():
    held = Profiles("A")
    held.install(1, raw(valid_to="2024-03-12T12:00:00Z"), TX)
    assert (milli(held, -1), milli(held), milli(held, 1)) == (None, 10_000, None)


def test_a_relative_profile_runs_from_the_start_of_the_transaction():
    held = Profiles("A")
    held.install(0, raw("TxDefaultProfile", kind="Relative", periods=((0, 0), (3600, 9))), None)
    later = Transaction("CARD", T0 + 2 * HOUR, 0, id=8)
    assert [milli(held, hours, later) for hours in (2, 3)] == [0, 9_000]


def test_a_daily_profile_comes_back_every_day():
    held = Profiles("A")
    held.install(
        0,
        raw("TxDefaultProfile", kind="Recurring", recurrency_kind="Daily", periods=((0, 6), (43_200, 12))),
        None,
    )
    assert [milli(held, hours) for hours in (0, 12, 24, 36)] == [6_000, 12_000, 6_000, 12_000]
    assert held.limit(T0 + 13 * HOUR, TX).until_us == T0 + 24 * HOUR


def test_a_default_of_the_connector_hides_the_one_for_all_connectors():
    held = Profiles("A")
    held.install(0, raw("TxDefaultProfile", number=1, level=5, periods=((0, 16),)), None)
    held.install(1, raw("TxDefaultProfile", number=2, level=0, periods=((0, 6),)), None)
    assert milli(held) == 6_000


def test_the_same_id_or_the_same_place_replaces():
    held = Profiles("A")
    held.install(1, raw(number=1, periods=((0, 6),)), TX)
    held.install(1, raw(number=9, periods=((0, 7),)), TX)
    held.install(1, raw(number=9, level=4, periods=((0, 8),)), TX)
    assert milli(held) == 8_000
    assert held.clear({"id": 9}) == "Accepted"
    assert milli(held) is None


def test_clearing_matches_what_is_given():
    held = Profiles("A")
    held.install(0, raw("TxDefaultProfile", number=1), None)
    held.install(1, raw(number=2), TX)
    assert held.clear({"charging_profile_purpose": "TxProfile", "stack_level": 3}) == "Unknown"
    assert held.clear({"charging_profile_purpose": "TxProfile"}) == "Accepted"
    assert held.clear({"id": 2}) == "Unknown"
    assert milli(held) == 10_000
    assert held.clear({}) == "Accepted"
    assert milli(held) is None


@pytest.mark.parametrize(
    ("profile", "running"),
    [
        (raw(unit="W"), TX),
        (raw(periods=((60, 10),)), TX),
        (raw(periods=tuple((at, 10) for at in range(25))), TX),
        (raw(level=10), TX),
        (raw(transaction_id=8), TX),
        (raw(), None),
    ],
    ids=["unit", "first period late", "25 periods", "stack level", "another transaction", "no transaction"],
)
def test_what_a_station_cannot_hold_to_it_rejects(profile, running):
    assert Profiles("A").install(1, profile, running) == "Rejected"


def test_an_absolute_profile_needs_a_start():
    profile = raw()
    del profile["charging_schedule"]["start_schedule"]
    assert Profiles("A").install(1, profile, TX) == "Rejected"


def test_losing_the_transaction_leaves_the_default():
    held = Profiles("A")
    held.install(0, raw("TxDefaultProfile", number=1, periods=((0, 8),)), None)
    held.install(1, raw(number=2, periods=((0, 16),)), TX)
    held.forget_transaction()
    assert milli(held) == 8_000


def test_stamps_are_utc_with_z_and_milliseconds_only_where_there_are_some():
    assert stamp(T0) == "2024-03-12T11:00:00Z"
    assert stamp(T0 + 1_234_567) == "2024-03-12T11:00:01.234Z"
