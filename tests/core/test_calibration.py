from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core import calibration
from server.core.calibration import EDGES, FAITHFUL, MEMORY, STEPS, Record
from server.core.departure import PluggedIn, Stay, fate_of, outlook, survival
from server.core.timegrid import Grid, floor_slot

ZONE = "UTC"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
chance = st.floats(0, 1)
fates = st.lists(st.tuples(chance, chance).map(lambda pair: (max(pair), min(pair))), max_size=30)


def recorded(past):
    record = Record()
    for fate in past:
        record = calibration.after(record, fate)
    return record


def test_without_a_past_a_forecast_is_taken_at_its_word():
    assert calibration.trust(Record()) is None


@given(past=fates)
def test_a_record_is_of_shares_and_what_it_reads_keeps_the_order(past):
    record = recorded(past)
    assert record.fates == len(past)
    assert sum(record.share) == pytest.approx(1.0)
    if past:
        read = calibration.trust(record)
        assert (read[0], read[-1]) == (0.0, 1.0)
        assert (np.diff(read) > 0).all()


def test_a_faithful_forecaster_stays_believed_by_hand():
    evenly = [((step + 1) / STEPS, step / STEPS) for step in range(STEPS)] * 3
    assert calibration.trust(recorded(evenly)) == pytest.approx(EDGES)


def test_what_lasted_always_is_believed_more_by_hand():
    read = calibration.trust(recorded([(0.5, 0.45)] * 20))  # 20 fates in one twentieth, and 20 spread evenly
    assert read[10] == pytest.approx((20 + FAITHFUL / 2) / 40)
    assert read[9] == pytest.approx(FAITHFUL * 0.45 / 40)
    assert calibration.believed(np.array([0.475]), read) == pytest.approx((read[9] + read[10]) / 2)


def test_old_fates_are_forgotten():
    record = recorded([(0.05, 0.0)] * MEMORY + [(1.0, 0.95)] * 3 * MEMORY)
    assert record.fates == MEMORY
    assert record.share[0] < 0.06
    assert record.share[-1] > 0.94


def walk(drivers, *, learns, level=0.9):
    """Stays in their order; what was said of those for which `level` was said, and how many lasted."""
    coming = sorted(
        ((user, stay) for user, stays in drivers.items() for stay in stays), key=lambda one: one[1].ended_at
    )
    record, ended, said, lasted = Record(), [], [], []
    for user, stay in sorted(coming, key=lambda one: one[1].started_at):
        while coming[len(ended)][1].ended_at <= stay.started_at:
            now_user, now = coming[len(ended)]
            record = calibration.after(record, fate_of(*histories(ended, now_user), now, ZONE))
            ended.append((now_user, now))
        grid = Grid(floor_slot(stay.started_at), 192)
        seen = outlook(*histories(ended, user), PluggedIn(stay.started_at, stay.started_at, ZONE), grid,
                       trust=calibration.trust(record) if learns else None)  # fmt: skip
        held = sum(1 for one in seen.survival if one >= level)
        if held and len(ended) > 30:
            said.append(seen.survival[held - 1])
            lasted.append(stay.ended_at >= grid.at(held))
    return float(np.mean(said)), float(np.mean(lasted))


def histories(ended, user):
    return [one for who, one in ended if who == user], [one for who, one in ended if who != user]


def offices(days=60):
    """Six people: each stays as long as ever to a few minutes, each another time, whenever they come."""
    dice = np.random.default_rng(1)
    found = {}
    for user in range(6):
        comes = MONDAY + dice.uniform(7, 12, days) * HOUR + np.arange(days) * DAY
        found[user] = [Stay(at, at + (2 + user) * HOUR + dice.normal(0, 25) * timedelta(minutes=1)) for at in comes]
    return found


def home(days=300):
    """A night until 7:10 four times of five, and else two hours; sharp, and of two kinds."""
    dice = np.random.default_rng(2)
    found = []
    for day in range(days):
        came = MONDAY + day * DAY + 18 * HOUR + dice.normal(0, 20) * timedelta(minutes=1)
        short = dice.random() < 0.2
        until = came + 2 * HOUR if short else MONDAY + (day + 1) * DAY + 7 * HOUR + timedelta(minutes=10)
        found.append(Stay(came, until + dice.normal(0, 5) * timedelta(minutes=1)))
    return {0: found}


def test_sharp_habits_are_believed_as_much_as_they_deserve():
    said, lasted = walk(offices(), learns=False)
    assert lasted > said + 0.03, "a mixture of voices is broader than each of them"
    said, lasted = walk(offices(), learns=True)
    assert lasted == pytest.approx(said, abs=0.03)


@pytest.mark.parametrize("level", [0.75, 0.9])
def test_two_sharp_habits_do_not_make_a_forecast_too_sure(level):
    said, lasted = walk(home(), learns=True, level=level)
    assert lasted == pytest.approx(said, abs=0.05)


@given(past=fates, later=st.integers(1, 60))
def test_to_survive_a_slot_only_rescales_what_is_believed(past, later):
    nights = [Stay(MONDAY + day * DAY + 18 * HOUR, MONDAY + day * DAY + 31 * HOUR) for day in range(9)]
    came = MONDAY + 9 * DAY + 18 * HOUR
    grid, read = Grid(came, 96), calibration.trust(recorded(past))
    at_first = outlook(nights, [], PluggedIn(came, came, ZONE), grid, trust=read).survival
    now = grid.at(later) - timedelta(seconds=1)
    afterwards = outlook(nights, [], PluggedIn(came, now, ZONE), grid, trust=read).survival
    assert all(earlier >= after for earlier, after in pairwise(at_first))
    for slot in range(later, 96):
        assert afterwards[slot] * at_first[later - 1] == pytest.approx(at_first[slot], abs=2e-3)


def test_a_fate_is_what_the_forecast_at_plug_in_said_of_it():
    nights = [Stay(MONDAY + day * DAY + 18 * HOUR, MONDAY + day * DAY + 31 * HOUR) for day in range(9)]
    came = MONDAY + 8 * DAY + 18 * HOUR + timedelta(minutes=5)
    stay = Stay(came, MONDAY + 9 * DAY + 6 * HOUR + timedelta(minutes=52))
    said = survival(nights, [], came, came, Grid(floor_slot(came), 96), ZONE)
    slot = Grid(floor_slot(came), 96).index(floor_slot(stay.ended_at))
    assert fate_of(nights, [], stay, ZONE) == pytest.approx((said[slot - 1], said[slot]))
