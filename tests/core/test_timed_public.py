"""Case G: a public price that varies by time of day. What makes it one, what it is planned for, what a driver pays."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from money_inputs import EVENING, FULL_LOAD, NIGHT, PRICES, QUARTER, charged, micro, public_tariff, session, terms
from msgspec.structs import replace

from server.core.contract import Contract, ContractKind, at_place
from server.core.eligibility import Reason, Standing
from server.core.gain import Outlook, decide, gain, verdict
from server.core.objective import BPS, planning_prices
from server.core.settlement import settle
from server.core.tariff import day_steps, public_prices
from server.core.timegrid import Grid
from shared.sessions import Delay
from shared.tariffs import PriceStep

ID = UUID(int=1)
TIMED = public_tariff(("23:00", "07:00", 46), ("00:00", "24:00", 50))
SLOT_WH = 2_750
KINDS_ELSEWHERE = [kind for kind in ContractKind if not kind.name.startswith("PUBLIC")]


# --- what makes a session one of case G --------------------------------------------------


def signed(kind):
    return Contract(ID, ID, ID, terms(kind, partner=False, max_payout_minor=7), None, ID)


@pytest.mark.parametrize("kind", [ContractKind.PUBLIC_FIXED, ContractKind.PUBLIC_TIMED])
def test_the_place_says_whether_a_public_price_is_fixed_or_timed(kind):
    timed, fixed = (at_place(signed(kind), price_varies=varies) for varies in (True, False))
    assert timed == signed(ContractKind.PUBLIC_TIMED)
    assert fixed == signed(ContractKind.PUBLIC_FIXED)


@pytest.mark.parametrize("kind", KINDS_ELSEWHERE)
def test_homes_and_fleets_stay_what_they_are(kind):
    assert at_place(signed(kind), price_varies=True) == signed(kind) == at_place(signed(kind), price_varies=False)


def test_a_price_varies_where_two_times_of_a_day_cost_differently_whatever_the_windows():
    assert TIMED.varies
    assert day_steps(TIMED) == [PriceStep("07:00", 500_000), PriceStep("23:00", 460_000)]
    for same in (
        public_tariff(),
        public_tariff(("08:00", "20:00", 50), ("00:00", "24:00", 50)),
        public_tariff(("00:00", "24:00", 50), ("23:00", "07:00", 46)),  # the first window that holds a time prices it
    ):
        assert not same.varies
        assert day_steps(same) == [PriceStep("00:00", 500_000)]


def test_a_change_at_midnight_and_three_prices_a_day_are_steps_too():
    tariff = public_tariff(("00:00", "06:15", 39), ("11:00", "16:00", 41), ("00:00", "24:00", 45))
    assert [(step.from_local, step.energy_micro_per_kwh // 10_000) for step in day_steps(tariff)] == [
        ("00:00", 39),
        ("06:15", 45),
        ("11:00", 41),
        ("16:00", 45),
    ]


# --- who runs the place earns nothing from it --------------------------------------------


@pytest.mark.parametrize(
    ("owner", "operator", "party", "same"),
    [
        (True, False, False, True),
        (False, True, True, True),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, False),
    ],
)
def test_owner_and_operator_of_a_place_are_its_operator_and_a_colleague_who_drives_is_not(owner, operator, party, same):
    standing = Standing(owns_place=owner, operator_account=operator, party_of_place=party)
    assert standing.same_account is same


def test_an_operator_keeps_the_saving_of_the_price_and_gets_no_cashback():
    result = settle(night(same_account=True))
    assert result.reasons == (Reason.SAME_ACCOUNT,)
    assert (result.savings_minor, result.split.driver_minor, result.charge_minor) == (80, 0, 920)


@pytest.mark.parametrize(("tariff", "said"), [(TIMED, Delay.MANAGED), (public_tariff(), Delay.NOTHING_TO_GAIN)])
def test_an_operator_is_held_back_only_where_the_own_price_makes_up_for_it(tariff, said):
    ahead = Outlook(
        grid=Grid(EVENING, 52),
        now=EVENING,
        planned_wh=charged(52, 32, FULL_LOAD),
        market=micro(NIGHT),
        driver_prices=None,
        terms=terms(ContractKind.PUBLIC_TIMED if tariff.varies else ContractKind.PUBLIC_FIXED),
        public_tariff=tariff,
        reference_power_w=11_000,
        leaves_at=EVENING + 52 * QUARTER,
        same_account=True,
    )
    assert decide(ahead) is said


# --- what a plan looks for ---------------------------------------------------------------


def night(**changes):
    return session(**{"terms": terms(ContractKind.PUBLIC_TIMED), "public_tariff": TIMED, **changes})


def test_a_plan_weighs_the_own_price_with_what_the_driver_keeps_and_the_market_with_the_drivers_share():
    assert planning_prices(terms(ContractKind.PUBLIC_TIMED), [100_000, 40_000], [500_000, 460_000]) == [
        300_000,
        250_000,
    ]
    thrifty = terms(ContractKind.PUBLIC_TIMED, share_driver_bps=2_000, share_operator_bps=8_000, share_provider_bps=0)
    assert planning_prices(thrifty, [100_000], [500_000]) == [420_000]


def test_without_a_partner_only_the_own_price_counts():
    alone = terms(ContractKind.PUBLIC_TIMED, partner=False)
    assert planning_prices(alone, [100_000, 40_000], [500_000, 460_000]) == [500_000, 460_000]


PUBLIC_WINDOWS = st.lists(
    st.tuples(st.sampled_from(["18:00", "18:45", "19:30"]), st.sampled_from(["20:00", "21:15"]), st.integers(0, 90)),
    min_size=1,
    max_size=2,
)
SHARES = st.integers(0, 10_000)


@st.composite
def timed_stays(draw, fees=0):
    """A stay of case G with a random market, tariff and share, and the slots that it charges in left open."""
    market = draw(PRICES)
    grid = Grid(EVENING, len(market))
    share = draw(SHARES)
    tariff = public_tariff(
        *draw(PUBLIC_WINDOWS),
        ("00:00", "24:00", draw(st.integers(0, 90))),
        time_micro_per_hour=draw(st.integers(0, fees)),
        idle_micro_per_hour=draw(st.integers(0, fees)),
    )
    rest = {"share_driver_bps": share, "share_operator_bps": BPS - share, "share_provider_bps": 0}
    return session(
        market=market,
        grid=grid,
        ended_at=grid.end,
        metered_wh=[0] * grid.slots,
        public_tariff=tariff,
        terms=terms(ContractKind.PUBLIC_TIMED, max_payout_minor=draw(st.sampled_from([100, 10**6])), **rest),
    )


def filled(stay, energy_wh, order):
    """The stay with its energy in the first slots of an order, each at full power."""
    out, left = [0] * stay.grid.slots, energy_wh
    for slot in order:
        out[slot] = min(SLOT_WH, left)
        left -= out[slot]
    return replace(stay, metered_wh=out)


def planned(stay, energy_wh):
    """The stay as a plan would have it: the cheapest slots on the planning prices."""
    prices = planning_prices(stay.terms, stay.market, public_prices(stay.public_tariff, stay.grid))
    return filled(stay, energy_wh, sorted(range(stay.grid.slots), key=lambda slot: (prices[slot], slot)))


def benefit_nano_bps(result):
    """What the driver has of a settlement before any rounding or cap, in nano times basis points: S + s (V - S)."""
    share = result.split.share_driver_bps
    return result.savings_nano * BPS + share * (result.value_nano - result.savings_nano)


@given(stay=timed_stays(), energy=st.integers(2_000, 8 * SLOT_WH), data=st.data())
def test_no_other_charge_brings_the_driver_more_than_the_plan(stay, energy, data):
    best = settle(planned(stay, energy))
    other = settle(filled(stay, energy, data.draw(st.permutations(range(stay.grid.slots)))))
    floored = energy * BPS  # planning prices are whole micro-units
    assert benefit_nano_bps(best) >= benefit_nano_bps(other) - floored
    assert benefit_nano_bps(best) >= -floored


@given(stay=timed_stays(), energy=st.integers(2_000, 8 * SLOT_WH))
def test_a_plan_of_its_own_never_leaves_the_driver_worse_off_and_owes_no_goodwill(stay, energy):
    generous = replace(stay, terms=replace(stay.terms, max_payout_minor=10**6))
    result = settle(planned(generous, energy))
    assert result.driver_cost.total_minor - result.split.driver_minor <= result.driver_cost_at_once.total_minor + 1
    assert result.goodwill_minor <= 1  # both bills and the share are rounded to cents


@given(stay=timed_stays(fees=500_000), metered=st.lists(st.integers(0, SLOT_WH), min_size=24, max_size=24))
def test_the_net_cost_never_exceeds_charging_at_once_fees_and_cashback_included(stay, metered):
    result = settle(replace(stay, metered_wh=metered[: stay.grid.slots]))
    net = result.driver_cost.total_minor - result.split.driver_minor - result.goodwill_minor
    assert net <= result.driver_cost_at_once.total_minor
    assert result.savings_nano == result.driver_cost_at_once.energy_nano - result.driver_cost.energy_nano


@given(stay=timed_stays(fees=500_000), energy=st.integers(2_000, 8 * SLOT_WH))
def test_a_car_waits_only_where_its_driver_pays_less_than_at_once(stay, energy):
    plan = planned(stay, energy)
    if verdict(plan) is not Delay.MANAGED:
        return
    result = settle(plan)
    assert gain(plan).total_minor > 0 == result.goodwill_minor
    assert result.driver_cost.total_minor - result.split.driver_minor < result.driver_cost_at_once.total_minor


@given(stay=timed_stays(), metered=st.lists(st.integers(0, SLOT_WH), min_size=24, max_size=24))
def test_what_is_saved_on_the_own_bill_is_not_shared_once_more(stay, metered):
    result = settle(replace(stay, metered_wh=metered[: stay.grid.slots]))
    assert result.pool_nano == (result.value_nano - result.savings_nano if result.eligible else 0)
