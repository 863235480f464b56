"""What planning asks of the engine: above all the margin before a driver's time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from server.core import ask
from server.core.ask import MARGIN_MICRO_PER_KWH, Place, Wish
from server.core.chance_plan import MOST_MICRO
from server.core.demand import Need, NeedSource
from server.core.feeders import Tree
from server.core.ready_by import ReadyBy, ReadySource
from server.core.station import Feeder
from server.core.timegrid import Grid
from server.core.valley import steady
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
    final_w=11_040,
)


def place(start=START):
    return Place(grid=Grid(start, 48), now=start, zone="Europe/Amsterdam")


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
    for changes in ({"ready": ReadyBy(None, ReadySource.NONE)}, {"open_ended": True}):
        wish = msgspec.structs.replace(falling(100), **changes)
        (demand,) = ask.problem(place(), [wish]).demands
        assert demand.price_micro_per_kwh == wish.prices
    assert used(msgspec.structs.replace(falling(100), delay=Delay.OVERRIDDEN)) == [0, 1, 2, 3]


def behind_a_limit(*wishes):
    """Plans behind a limit that lets one of them charge at a time, Wh by slot each."""
    feeder = Feeder(UUID(int=8), UUID(int=9), limit_w=11_040)
    behind = [msgspec.structs.replace(wish, feeder_id=feeder.id) for wish in wishes]
    asked = ask.problem(msgspec.structs.replace(place(), tree=Tree({feeder.id: feeder}, whole=True)), behind)
    plans = [plan.energy_wh for plan in solve(asked).plans]
    assert all(sum(slot) <= 11_040 // 4 for slot in zip(*plans, strict=True))
    return plans


def by_forecast(number, prices, need=WISH.need):
    """A car that nobody said a departure of: its prices are gains and losses against the best plan (chance_plan)."""
    ready = ReadyBy(START + timedelta(hours=1), ReadySource.FORECAST)
    return msgspec.structs.replace(
        WISH, session_id=UUID(int=number), need=need, ready=ready, open_ended=True, prices=prices
    )


MOST = [-MOST_MICRO] * 4 + [MOST_MICRO] * 44


def test_a_charge_at_once_goes_before_a_forecast_however_pressing():
    now, later = behind_a_limit(msgspec.structs.replace(WISH, delay=Delay.OVERRIDDEN), by_forecast(2, MOST))
    assert sum(now[:4]) == sum(now) == 11_040
    assert sum(later[:4]) == 0
    assert sum(later) == 11_040


def test_a_word_is_kept_beside_a_forecast_and_who_loses_more_by_waiting_goes_first():
    said = msgspec.structs.replace(WISH, ready=ReadyBy(START + timedelta(hours=1), ReadySource.STATED))
    mine, unsaid = behind_a_limit(said, by_forecast(2, MOST))
    assert (sum(mine[:4]), sum(unsaid[:4]), sum(unsaid)) == (11_040, 0, 11_040)
    little, much = behind_a_limit(by_forecast(2, [-20_000] * 4 + [1_000] * 44), by_forecast(3, MOST))
    assert (sum(little[:4]), sum(much[:4])) == (0, 11_040)


def test_who_goes_on_beyond_an_estimate_yields_to_what_others_are_to_get():
    leaves = ReadyBy(START + timedelta(hours=1), ReadySource.STATED)
    known = msgspec.structs.replace(WISH, session_id=UUID(int=1), ready=leaves, need=Need(11_040, 0, NeedSource.SOC))
    more = Need(20_000, 0, NeedSource.STILL_DRAWING)
    beyond = msgspec.structs.replace(known, session_id=UUID(int=2), need=more, drawing=True)
    for order in ((known, beyond), (beyond, known)):
        plans = dict(zip((one.session_id for one in order), behind_a_limit(*order), strict=True))
        assert (sum(plans[UUID(int=1)]), sum(plans[UUID(int=2)])) == (11_040, 0)


def test_a_floor_comes_first_whatever_a_forecast_prices():
    floor = Need(11_040, 5_520, NeedSource.HISTORY)
    (plan,) = behind_a_limit(by_forecast(2, [MOST_MICRO] * 40 + [-MOST_MICRO] * 8, floor))
    assert sum(plan[:2]) == 5_520
    assert sum(plan[40:]) == 5_520


def test_a_plan_by_forecast_stays_where_another_is_worth_no_cent_more():
    asked = ask.problem(place(), [by_forecast(2, [-900] * 4 + [0] * 44)])
    name, slot_wh = str(UUID(int=2)), 11_040 // 4
    later = [0] * 10 + [slot_wh] * 4 + [0] * 34
    assert steady.kept(asked, solve(asked), {name: later}) == {name}  # 4 x 2.76 kWh x 0.0009 is less than a cent
    dearer = ask.problem(place(), [by_forecast(2, [-9_000] * 4 + [0] * 44)])
    assert steady.kept(dearer, solve(dearer), {name: later}) == frozenset()
