from datetime import UTC, datetime

import numpy as np
import pytest
from msgspec.structs import replace

from server.core.dial import Dial
from server.core.replay import Outcome, Said, replay
from server.core.replay_case import Skip
from server.core.replay_lessons import Visit
from server.core.replay_planner import Rule
from server.core.replay_prices import raster
from server.core.replay_report import cashback, summarise
from server.core.replay_settings import EnergyKnowledge, Policy, Settings

HOUR = 3_600
DAY = 24 * HOUR
MONDAY = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())
PRICES = [200, 100, 50, 300]  # EUR/MWh from 18:00, again and again
PERFECT = Settings(policy=Policy.PERFECT, power_w=11_000)
FORECAST = Settings(power_w=11_000, floor_wh=0, risk=0.1)


def second(day, clock):
    hour, minute, *rest = map(int, clock.split(":"))
    return MONDAY + day * DAY + hour * HOUR + minute * 60 + (rest[0] if rest else 0)


def visit(day, start, end, energy_wh, **more):
    """A stay that may end on the next day (`end` such as 31:00)."""
    told = {
        "session_id": f"{day} {start}",
        "user_id": "ada",
        "max_power_w": None,
        "location_type": "home",
        "zone": "UTC",
    }
    return Visit(started_s=second(day, start), ended_s=second(day, end), energy_wh=energy_wh, **{**told, **more})


def prices(days=60):
    starts = second(0, "18:00") + HOUR * np.arange(days * 24, dtype=np.int64)
    return raster(starts, np.array([PRICES[hour % 4] * 1_000 for hour in range(len(starts))], dtype=np.int64))


def nights(count):
    """A month of evenings: four long nights, then a short stay."""
    return [
        visit(day, "18:05", "20:20" if day % 5 == 4 else "31:10", 9_000 + 500 * (day % 7), session_id=str(day))
        for day in range(count)
    ]


def one(visits, settings, row=-1):
    found = list(replay(visits, prices(), settings))[row]
    assert isinstance(found, Outcome)
    return found


def test_a_car_that_stays_an_evening_by_hand():
    # From 18:07:30: 1375 Wh to 18:15, 2750, and 1375 of the third quarter, all at 200; the valley is 20 to 21 h at 50.
    found = one([visit(0, "18:07:30", "22:00", 5_500)], PERFECT)
    assert (found.baseline_nano, found.perfect_nano) == (5_500 * 200_000, 5_500 * 50_000)
    assert found.actual_nano == found.perfect_nano
    assert (found.wanted_wh, found.delivered_wh, found.moved_wh) == (5_500, 5_500, 5_500)
    assert (found.evening_baseline_wh, found.evening_actual_wh) == (5_500, 5_500)


def test_a_car_that_has_no_choice_fills_its_partial_slots():
    # 21:50 to 22:05 at 11 kW: 1833 Wh at 300, the rest of 2750 at 200.
    found = one([visit(0, "21:50", "22:05", 2_750)], PERFECT)
    assert found.baseline_nano == found.actual_nano == 1_833 * 300_000 + 917 * 200_000


def test_uncontrolled_is_the_baseline():
    found = one([visit(0, "18:00", "22:00", 5_500)], replace(PERFECT, policy=Policy.UNCONTROLLED))
    assert found.actual_nano == found.baseline_nano == found.whole_baseline_nano > found.perfect_nano


def test_the_lower_of_two_powers_counts():
    found = one([visit(0, "18:00", "22:00", 3_700, max_power_w=3_700)], PERFECT)
    assert found.needed_s == HOUR
    assert found.evening_baseline_wh == 3_700


def test_weeks_shift_onto_other_prices():
    early = visit(-14, "18:00", "22:00", 5_500)
    assert list(replay([early], prices(), PERFECT)) == [Skip.NO_PRICES]
    assert one([early], replace(PERFECT, shift_weeks=2)).perfect_nano == 5_500 * 50_000


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"ended_s": None}, Skip.NO_TIMES),
        ({"ended_s": second(0, "18:00")}, Skip.NO_TIMES),
        ({"energy_wh": None}, Skip.NO_ENERGY),
        ({"energy_wh": 0}, Skip.NO_ENERGY),
        ({"energy_wh": 44_011}, Skip.TOO_SHORT),
        ({"started_s": second(0, "17:59:59")}, Skip.NO_PRICES),
        ({"ended_s": second(59, "90:00")}, Skip.NO_PRICES),
    ],
)
def test_a_visit_that_cannot_be_replayed_says_why(broken, reason):
    assert list(replay([replace(visit(0, "18:00", "22:00", 5_500), **broken)], prices(), PERFECT)) == [reason]


def test_without_any_power_there_is_no_replay():
    assert list(replay([visit(0, "18:00", "22:00", 5_500)], prices(), Settings())) == [Skip.NO_POWER]


def test_the_second_of_two_rows_with_one_id_is_left_out():
    twice = [visit(0, "18:00", "22:00", 5_500), visit(1, "18:00", "22:00", 5_500, session_id="0 18:00")]
    assert summarise(replay(twice, prices(), PERFECT)).skipped == {"duplicate": 1}


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("energy", EnergyKnowledge)
def test_only_stays_that_had_ended_teach_a_plan(rule, energy):
    settings = replace(FORECAST, rule=rule, energy=energy, risk=0.1 if rule is Rule.SLOTS else 0.5)
    told = nights(20)
    here = [*told, visit(19, "18:30", "30:00", 9_000, user_id="bob", session_id="here")]
    expected = one(here, settings)
    # Ada's last night is still running when Bob arrives, and everything later is unknown to him.
    longer = replace(told[-1], ended_s=second(22, "12:00"), energy_wh=60_000)
    later = visit(20, "01:00", "02:00", 100, session_id="later")
    for others in ([*told[:-1], longer], told[:-1], [*told, later]):
        moved = [*others, here[-1]]
        results = list(replay(moved, prices(), settings))
        order = sorted(range(len(moved)), key=lambda row: (moved[row].started_s, row))
        assert results[order.index(len(moved) - 1)] == expected
    # What had ended does teach.
    assert one([visit(0, "18:00", "18:40", 1_000, session_id="short"), here[-1]], settings) != expected


def test_stays_at_work_teach_nothing_about_home():
    here = visit(20, "18:30", "30:00", 9_000, session_id="here")
    at_work = [visit(day, "09:00", "10:00", 30_000, session_id=f"w{day}", location_type="work") for day in range(20)]
    expected = one([*nights(18), here], FORECAST)
    mixed = replace(FORECAST)
    assert list(replay([*nights(18), *at_work, here], prices(), mixed))[-1] == expected


@pytest.mark.parametrize("rule", Rule)
def test_the_energy_of_a_stay_is_unknown_unless_it_is_told(rule):
    """Two stays that differ in nothing but their energy are planned alike: the same slots, until the first is full."""
    settings = replace(FORECAST, rule=rule)
    some, more = (one([*nights(18), visit(18, "18:05", "31:10", wh)], settings) for wh in (6_000, 6_500))
    assert some.said == more.said
    assert 0 <= more.actual_nano - some.actual_nano <= 500 * 300_000


@pytest.mark.parametrize("dial", Dial)
def test_a_dial_learns_from_what_ended_and_from_nothing_else(dial):
    settings = replace(FORECAST, risk=None, dial=dial)
    told = nights(30)
    here = visit(30, "17:30", "31:00", 9_000, user_id="bob", session_id="here")
    running = visit(29, "18:30", "31:30", 9_000, user_id="cleo", session_id="running")
    cut = replace(running, ended_s=second(30, "17:31"))
    assert one([*told, running, here], settings) != one(told[:1], settings)
    assert (
        list(replay([*told, cut, here], prices(), settings))[-1]
        == list(replay([*told, replace(cut, ended_s=second(33, "12:00")), here], prices(), settings))[-1]
    )


def test_an_answer_is_given_where_it_is_worth_most_and_never_more_often_than_agreed():
    asked = replace(FORECAST, ask=0.2)
    found = [outcome for outcome in replay(nights(50), prices(), asked) if isinstance(outcome, Outcome)]
    share = [one.asked for one in found]
    assert 0.1 <= sum(share) / len(share) <= 0.2
    assert all(sum(share[:end]) <= 0.2 * end for end in range(1, len(share) + 1))
    report, silent = summarise(found), summarise(replay(nights(50), prices(), FORECAST))
    assert report.asked_share == sum(share) / len(share)
    assert report.actual_eur - report.unmet_kwh < silent.actual_eur + silent.unmet_kwh
    # What was forecast before anybody was asked is what calibration looks at.
    assert report.calibration == silent.calibration


def test_the_yardstick_leaves_at_a_quantile_of_past_dwells():
    quantile = replace(FORECAST, rule=Rule.QUANTILE)
    long = [visit(day, "18:00", "24:00", 5_500, session_id=str(day)) for day in range(6)]
    first, *later = replay(long, prices(), quantile)
    assert first.actual_nano == first.baseline_nano  # no stay, no waiting
    assert later[-1].actual_nano == later[-1].perfect_nano


def test_a_habit_lets_the_car_wait_for_the_valley():
    careful, daring = (one(nights(40), replace(FORECAST, risk=risk), row=-2) for risk in (10.0, 0.0))
    assert daring.actual_nano < careful.actual_nano
    assert careful.actual_nano <= careful.baseline_nano
    assert daring.delivered_wh == daring.wanted_wh


def test_a_floor_is_charged_at_once():
    found = one(nights(40), replace(FORECAST, risk=0.0, floor_wh=60_000), row=-2)
    assert found.actual_nano == found.baseline_nano


def test_a_replay_twice_is_the_same_twice():
    assert list(replay(nights(30), prices(), FORECAST)) == list(replay(nights(30), prices(), FORECAST))


def outcome(**more):
    plain = dict.fromkeys(Outcome.__struct_fields__, 0)
    return Outcome(**{**plain, "user_id": "ada", "needed_s": 1.0, "said": (), **more})


def test_the_figures_of_two_sessions_by_hand():
    full = outcome(wanted_wh=10_000, delivered_wh=10_000, baseline_nano=2_000_000_000, actual_nano=1_000_000_000,
                   whole_baseline_nano=2_000_000_000, perfect_nano=500_000_000, moved_wh=8_000,
                   evening_baseline_wh=10_000, evening_actual_wh=2_000, stay_s=7_200, needed_s=3_600.0)  # fmt: skip
    short = outcome(wanted_wh=5_000, delivered_wh=3_500, baseline_nano=500_000_000, actual_nano=500_000_000,
                    whole_baseline_nano=1_000_000_000, perfect_nano=500_000_000, stay_s=3_600,
                    needed_s=1_800.0)  # fmt: skip
    report = summarise([full, Skip.NO_PRICES, short, Skip.NO_PRICES])
    assert (report.sessions, report.skipped) == (2, {"no_prices": 2})
    assert (report.energy_kwh, report.unmet_kwh) == (13.5, 1.5)
    assert (report.baseline_eur, report.actual_eur, report.perfect_eur) == (2.5, 1.5, 1.0)
    assert (report.saving, report.capture) == (0.4, 0.5)  # 1.0 of 2.5; 1.0 of 3.0 - 1.0
    assert (report.short_share, report.short2_share) == (0.5, 0.0)
    assert (report.cashback_share, report.cashback_eur, report.cashback_median_eur) == (0.5, 0.5, 0.25)
    assert (report.peak_reduction_17_21, report.moved_energy_share) == (0.8, round(8 / 13.5, 4))
    assert report.dwell_ratio == 2.0


def test_a_replay_of_nothing_has_no_ratios():
    report = summarise([Skip.NO_ENERGY])
    assert (report.sessions, report.saving, report.capture, report.short_share) == (0, None, None, None)
    assert report.calibration == {}


def test_small_shares_wait_until_they_are_worth_a_payment():
    worth = [outcome(ended_s=end, baseline_nano=240_000_000) for end in (1, 3, 2)]  # 12 cents each for the driver
    found = cashback([*worth, outcome(ended_s=4, user_id=None, baseline_nano=100_000_000)])
    assert (found.shares, found.paid_minor, found.pending_minor) == ([12, 12, 12, 5], 24, 17)


def test_calibration_counts_who_was_still_there():
    said = [(Said(0.9, 0.94, lasted=True),), (Said(0.9, 0.92, lasted=False), Said(0.95, 0.96, lasted=True)), ()]
    report = summarise([outcome(said=values) for values in said])
    assert list(report.calibration) == ["0.9", "0.95"]
    assert report.calibration["0.9"].sessions == 2
    assert (report.calibration["0.9"].said, report.calibration["0.9"].lasted) == (0.93, 0.5)
