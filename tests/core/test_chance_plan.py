from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from server.core.appetite import EDGES_WH, Appetite, certain
from server.core.chance_plan import Ahead, Stakes, engine_prices, plan, worth_of_asking
from server.core.objective import AT_ONCE_STEP_MICRO

SLOT_WH = 1_000
MICRO = 1_000_000


@st.composite
def aheads(draw, most=6):
    slots = draw(st.integers(1, most))
    prices = draw(st.lists(st.integers(-100_000, 500_000), min_size=slots, max_size=slots))
    falls = sorted(draw(st.lists(st.floats(0.0, 1.0), min_size=slots, max_size=slots)), reverse=True)
    steps = sorted(draw(st.lists(st.integers(1, 12), min_size=1, max_size=4)))
    chance = np.mean([250 * step > EDGES_WH for step in steps], axis=0)
    rate = draw(st.sampled_from([None, 1_000, 3_600]))
    return Ahead(
        prices=np.array(prices, dtype=np.int64),
        first_wh=draw(st.integers(0, SLOT_WH)),
        slot_wh=SLOT_WH,
        survival=np.array(falls),
        appetite=Appetite(chance, rate, draw(st.integers(0, 2_000)) if rate else 0),
    )


stakes = st.builds(
    Stakes, risk_eur=st.floats(0, 10), short_wh=st.sampled_from([250, 1_000, 2_000]), floor_wh=st.just(0)
)


def worth(ahead, at_stake, charges):
    """What a plan is worth, EUR, said once more as plainly as possible: a sum over the moments of departure."""
    slots = len(ahead.prices)
    rooms = [ahead.first_wh, *[SLOT_WH] * (slots - 1)]
    there = [1.0, *ahead.survival, 0.0]
    offered, paid = np.append(0, np.cumsum(rooms)), np.append(0.0, np.cumsum(rooms * ahead.prices))
    total, begun = 0.0, ahead.first_wh / SLOT_WH
    for leaves in range(slots + 1):
        seconds = np.array([900 * max(begun + leaves - 0.5, begun / 2)])
        most = float(ahead.appetite.could_take_wh(seconds)[0])
        value = before = 0.0
        for slot in range(leaves):
            if charges[slot]:
                after = before + rooms[slot]
                taken = np.diff(ahead.appetite.taken_wh(np.minimum([before, after], most)))[0]
                if rooms[slot]:
                    at_once = np.diff(np.interp([before, after], offered, paid))[0] / rooms[slot]
                    value += taken * (at_once - ahead.prices[slot]) / 1_000 / MICRO
                before = after
        missing = before + at_stake.short_wh
        if leaves < slots and most > missing:
            value -= at_stake.risk_eur * float(ahead.appetite.wants_more_than(np.array([missing]))[0])
        total += (there[leaves] - there[leaves + 1]) * value
    return total


def in_time(ahead, charges):
    """Who was offered all that is hardly ever exceeded is not stopped any more, so no plan goes on about it."""
    units = -(-ahead.appetite.most_wh // SLOT_WH)
    return sum(charges[1:]) <= min(units, max(1, len(charges) - 1))


@settings(max_examples=200)
@given(ahead=aheads(), at_stake=stakes)
def test_the_plan_is_the_best_of_all_plans(ahead, at_stake):
    every = [one for one in product([False, True], repeat=len(ahead.prices)) if in_time(ahead, one)]
    best = max(worth(ahead, at_stake, one) for one in every)
    found = plan(ahead, at_stake)
    charges, units = [bool(found.charges[0])], 0
    for slot in found.charges[1:]:
        units += bool(slot)
        charges.append(bool(slot) and in_time(ahead, [False, *[True] * units]))
    assert worth(ahead, at_stake, charges) == pytest.approx(best, abs=1e-9)


@given(prices=st.lists(st.integers(-100_000, 500_000), min_size=1, max_size=24), energy=st.integers(1, 24))
def test_who_certainly_stays_until_then_charges_in_the_cheapest_slots(prices, energy):
    units = min(energy, len(prices))
    gone = np.array([1.0] * len(prices) + [0.0])
    ahead = Ahead(np.array([*prices, 0], dtype=np.int64), SLOT_WH, SLOT_WH, gone, certain(SLOT_WH * units))
    chosen = np.flatnonzero(plan(ahead, Stakes(1_000.0, short_wh=0)).charges)[:units]
    assert chosen[-1] < len(prices)
    assert sum(prices[slot] for slot in chosen) == sum(sorted(prices)[:units])


def test_of_equal_prices_the_first_is_taken():
    flat = Ahead(np.full(8, 100_000, dtype=np.int64), SLOT_WH, SLOT_WH, np.linspace(1.0, 0.3, 8), certain(3_000))
    assert list(plan(flat, Stakes(0.0)).charges[:3]) == [True] * 3


@given(ahead=aheads(most=24), at_stake=stakes, more=st.floats(0, 10))
def test_a_dearer_risk_never_leaves_more_cars_short(ahead, at_stake, more):
    careful = replace(at_stake, risk_eur=at_stake.risk_eur + more)
    assert plan(ahead, careful).short <= plan(ahead, at_stake).short + 1e-9


@given(ahead=aheads(most=24), floor=st.integers(1, 4_000))
def test_the_floor_is_charged_first(ahead, floor):
    charges = plan(ahead, Stakes(0.0, floor_wh=floor)).charges
    rooms = np.array([ahead.first_wh, *[SLOT_WH] * (len(charges) - 1)])
    first = int(np.argmin(charges)) if not charges.all() else len(charges)
    assert int(rooms[:first].sum()) >= min(floor, int(rooms.sum()))


@given(ahead=aheads(most=24), at_stake=stakes)
def test_an_answer_is_never_worth_less_than_nothing(ahead, at_stake):
    assert worth_of_asking(ahead, at_stake) >= 0.0
    known = replace(ahead, survival=np.ones(len(ahead.prices)))
    assert worth_of_asking(known, at_stake) == pytest.approx(0.0, abs=1e-9)


def test_an_answer_is_worth_most_where_the_valley_comes_after_a_likely_departure():
    prices = np.array([300_000] * 12 + [100_000] * 12, dtype=np.int64)
    unsure = Ahead(prices, SLOT_WH, SLOT_WH, np.array([1.0] * 8 + [0.5] * 16), certain(4_000))
    sure = replace(unsure, survival=np.array([1.0] * 23 + [0.5]))
    at_stake = Stakes(risk_eur=5.0)
    assert plan(unsure, at_stake).short == 0.0
    # Half of all times the car stays. Knowing it would save 0.20 on each of 3 kWh; the fourth can wait without it,
    # because who misses no more than 1 kWh is not short.
    assert worth_of_asking(unsure, at_stake) == pytest.approx(0.3, abs=0.01)
    assert worth_of_asking(sure, at_stake) < 0.01


@given(ahead=aheads(most=24), at_stake=stakes)
def test_the_engine_reads_the_plan_from_its_prices(ahead, at_stake):
    found = plan(ahead, at_stake)
    prices = np.array(engine_prices(ahead, found))
    units = -(-ahead.appetite.most_wh // SLOT_WH)
    room = np.where(found.charges, SLOT_WH, 0)
    room[0] = ahead.first_wh if found.charges[0] else 0
    planned = found.charges & (np.cumsum(room) - room < ahead.appetite.most_wh)
    assert (prices[planned] <= 0).all()
    assert (prices[~planned] >= 0).all()
    assert np.count_nonzero(found.advantage_eur > 0) <= units + 1


@given(ahead=aheads(most=24), at_stake=stakes, asked_wh=st.integers(0, 8_000))
def test_who_asks_for_less_than_the_plan_offers_gets_its_first_slots(ahead, at_stake, asked_wh):
    found = plan(ahead, at_stake)
    whole, less = (np.array(engine_prices(ahead, found, wh)) for wh in (None, asked_wh))
    room = np.where(found.charges, SLOT_WH, 0)
    room[0] = max(1, ahead.first_wh) if found.charges[0] else 0
    first = np.cumsum(room) - room < asked_wh
    assert (less[first] == whole[first]).all()
    assert (less[~first] == np.maximum(whole[~first], 0)).all()


def test_a_charge_at_once_goes_before_any_price_of_a_plan():
    ahead = Ahead(np.array([900_000, 100_000] * 12), SLOT_WH, SLOT_WH, np.linspace(1.0, 0.0, 24), certain(8_000))
    prices = engine_prices(ahead, plan(ahead, Stakes(risk_eur=1_000.0)))
    assert max(prices) - min(prices) < AT_ONCE_STEP_MICRO


def test_once_all_is_offered_waiting_for_a_cheaper_slot_still_has_a_price():
    prices = np.array([100_000, 100_000, 400_000, 400_000, 110_000], dtype=np.int64)
    ahead = Ahead(prices, SLOT_WH, SLOT_WH, np.ones(5), certain(2_000))
    told = engine_prices(ahead, plan(ahead, Stakes(risk_eur=1.0)))
    assert max(told[:2]) <= 0 <= told[4] < min(told[2:4])


def test_slots_in_which_the_car_is_hardly_there_are_no_place_to_put_a_charge_off_to():
    survival = np.array([1.0] * 6 + [0.5] * 2 + [0.01] * 16)
    ahead = Ahead(np.full(24, 100_000, dtype=np.int64), SLOT_WH, SLOT_WH, survival, certain(4_000))
    at_stake = Stakes(risk_eur=1.0)
    found = plan(ahead, at_stake)
    alone, told = (engine_prices(ahead, found, 4_000, lost) for lost in (0, 250_000))
    assert max(alone[8:]) - min(alone) < 1_000, "no single slot is worth anything: the next one will do"
    assert told[:4] == alone[:4]
    assert max(told[:6]) < 1_000
    assert all(100_000 < price < 200_000 for price in told[6:8])
    assert min(told[8:]) > 200_000
