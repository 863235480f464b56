"""What is less than a cent better is not sent."""

from datetime import UTC, datetime

import msgspec
import pytest

from server.core.valley.plan import solve
from server.core.valley.problem import Demand, Problem, Site
from server.core.valley.steady import SERVED_WH, kept

START = datetime(2026, 1, 14, 18, tzinfo=UTC)
CAR = Demand(id="a", site="s", arrive_slot=0, depart_slot=8, energy_wh=4_000, max_w=8_000)
PROBLEM = Problem(
    id="p",
    start=START,
    slots=8,
    price_micro_per_kwh=[200_000, 200_000, 100_000, 100_000, 100_000, 100_000, 200_000, 200_000],
    sites=[Site(id="s", limit_w=8_000)],
    demands=[CAR],
)
OLD = [0, 0, 0, 0, 2_000, 2_000, 0, 0]


def staying(problem, **in_force):
    return set(kept(problem, solve(problem), in_force))


def prices(**changed):
    new = list(PROBLEM.price_micro_per_kwh)
    for slot, price in changed.items():
        new[int(slot[1:])] = price
    return msgspec.structs.replace(PROBLEM, price_micro_per_kwh=new)


def test_a_plan_as_cheap_as_the_new_one_stays():
    assert solve(PROBLEM).plans[0].energy_wh != OLD  # earlier, for the same
    assert staying(PROBLEM, a=OLD) == {"a"}
    assert staying(PROBLEM) == set()


@pytest.mark.parametrize(("price", "stays"), [(97_501, True), (97_500, False), (90_000, False)])
def test_a_cent_decides(price, stays):
    # 4 kWh at two slots that are cheaper by (100 000 - price) micro-EUR a kWh: 2,500 are one cent.
    assert staying(prices(t2=price, t3=price), a=OLD) == ({"a"} if stays else set())


@pytest.mark.parametrize(("energy", "stays"), [(4_000 - SERVED_WH, True), (3_999 - SERVED_WH, False), (4_300, True)])
def test_what_serves_less_is_replaced(energy, stays):
    old = [0, 0, 0, energy - 2_000, 2_000, 0, 0, 0]
    wide = msgspec.structs.replace(
        PROBLEM,
        sites=[Site(id="s", limit_w=12_000)],
        demands=[msgspec.structs.replace(CAR, max_w=12_000)],
    )
    assert staying(wide, a=old) == ({"a"} if stays else set())


def test_nothing_stays_that_would_pass_a_limit_beside_the_new_plans():
    other = msgspec.structs.replace(CAR, id="b", arrive_slot=4, depart_slot=6)
    both = msgspec.structs.replace(PROBLEM, demands=[CAR, other])
    assert staying(both, a=OLD) == set()
    roomy = msgspec.structs.replace(both, sites=[Site(id="s", limit_w=16_000)])
    assert staying(roomy, a=OLD) == {"a"}
    # Two old plans that fit together stay together, whatever the new ones are.
    assert staying(roomy, a=OLD, b=[0, 0, 0, 0, 2_000, 2_000, 0, 0]) == {"a", "b"}


def test_more_than_the_car_may_take_now_is_replaced():
    slower = msgspec.structs.replace(PROBLEM, demands=[msgspec.structs.replace(CAR, max_w=6_000)])
    assert staying(slower, a=OLD) == set()


def test_starts_count_with_their_price():
    chopped = [0, 0, 2_000, 0, 2_000, 0, 0, 0]
    assert staying(PROBLEM, a=chopped) == {"a"}
    dear = msgspec.structs.replace(PROBLEM, switch_micro=10_000)
    assert staying(dear, a=chopped) == set()
    assert staying(dear, a=OLD) == {"a"}


def test_a_plan_that_serves_the_floor_later_is_replaced():
    first = msgspec.structs.replace(PROBLEM, demands=[msgspec.structs.replace(CAR, floor_wh=1_000)])
    assert staying(first, a=OLD) == set()
    assert staying(first, a=[1_000, 0, 0, 0, 1_000, 2_000, 0, 0]) == {"a"}


def test_a_plan_with_a_break_is_replaced_where_one_piece_is_wanted():
    chopped = [0, 0, 2_000, 0, 2_000, 0, 0, 0]
    dear = prices(t3=200_000)  # one piece costs more than two
    assert staying(dear, a=chopped) == {"a"}
    whole = msgspec.structs.replace(dear, demands=[msgspec.structs.replace(CAR, one_block=True)])
    assert staying(whole, a=chopped) == set()
    assert staying(whole, a=OLD) == {"a"}


def test_what_the_last_limit_of_an_ended_plan_allows_must_fit_beside_the_others():
    other = msgspec.structs.replace(CAR, id="b", arrive_slot=6, depart_slot=8)  # takes all of the last two slots
    both = msgspec.structs.replace(PROBLEM, demands=[CAR, other])
    answer = solve(both)
    share = {"a": [0, 0, 0, 0, 0, 0, 1_000, 1_000]}
    assert kept(both, answer, {"a": OLD}) == {"a"}
    assert kept(both, answer, {"a": OLD}, share) == set()
    roomy = msgspec.structs.replace(both, sites=[Site(id="s", limit_w=12_000)])
    assert kept(roomy, solve(roomy), {"a": OLD}, share) == {"a"}
