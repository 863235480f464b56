"""What planning asks of the engine: above all the margin before a driver's time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from server.core import ask
from server.core.ask import MARGIN_MICRO_PER_KWH, Place, Wish
from server.core.demand import Need, NeedSource
from server.core.ready_by import ReadyBy, ReadySource
from server.core.timegrid import Grid
from server.core.valley.plan import solve
from shared.sessions import Delay

START = datetime(2026, 1, 14, 18, tzinfo=UTC)
READY = START + timedelta(hours=10)
WISH = Wish(
    session_id=UUID(int=1),
    need=Need(11_040, 0, NeedSource.STATED),
    ready=ReadyBy(READY, ReadySource.STATED),
    delay=Delay.MANAGED,
    max_w=11_040,
    phases=3,
    prices=[100_000] * 48,
    survival=None,
    worth_micro=None,
    final_w=11_040,
)


def place(start=START):
    return Place(grid=Grid(start, 48), now=start, zone="Europe/Amsterdam", feeder=None, reserved_w=0)


def used(wish, here=None):
    (plan,) = solve(ask.problem(here or place(), [wish])).plans
    assert sum(plan.energy_wh) == wish.need.energy_wh
    return [slot for slot, energy in enumerate(plan.energy_wh) if energy]


def falling(step):
    return msgspec.structs.replace(WISH, prices=[1_000_000 - step * slot for slot in range(48)])


def test_a_plan_ends_a_little_before_the_time_that_the_driver_said():
    assert used(falling(100)) == [35, 36, 37, 38]  # the last slot of the stay is 39: ten minutes and 5 % of an hour


def test_a_much_cheaper_end_is_taken_all_the_same():
    assert used(falling(MARGIN_MICRO_PER_KWH)) == [36, 37, 38, 39]


def test_who_has_no_time_to_lose_gets_all_of_it():
    assert used(falling(100), place(READY - timedelta(hours=1))) == [0, 1, 2, 3]


@pytest.mark.parametrize(("tail_s", "last"), [(0, 38), (200, 37), (1_100, 36), (2_700, 35)])
def test_a_car_that_takes_longer_near_full_is_begun_earlier(tail_s, last):
    wish = msgspec.structs.replace(falling(100), tail_s=tail_s)
    assert used(wish)[-1] == last


def test_no_margin_where_nobody_said_a_time_or_nothing_is_delayed():
    for changes in ({"ready": ReadyBy(None, ReadySource.NONE)}, {"survival": [1.0] * 48, "worth_micro": 900_000}):
        wish = msgspec.structs.replace(falling(100), **changes)
        (demand,) = ask.problem(place(), [wish]).demands
        assert demand.price_micro_per_kwh == wish.prices
    assert used(msgspec.structs.replace(falling(100), delay=Delay.OVERRIDDEN)) == [0, 1, 2, 3]
