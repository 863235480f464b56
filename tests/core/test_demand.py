import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.core.demand import Need, NeedInputs, NeedSource, at_meter_wh, estimate, need

SOC, STATED, HISTORY = NeedSource.SOC, NeedSource.STATED, NeedSource.HISTORY
DEFAULT, DRAWING, FULL = NeedSource.DEFAULT, NeedSource.STILL_DRAWING, NeedSource.FULL
PAST = (6_000, 10_000, 12_000, 14_000, 40_000)

LADDER = {
    "nothing known: the default, a floor first": (NeedInputs(0), Need(20_000, 5_000, DEFAULT)),
    "nothing known, but a small battery": (NeedInputs(0, capacity_wh=9_000), Need(10_000, 5_000, DEFAULT)),
    "a state of charge needs a battery size": (NeedInputs(0, soc_pct=50), Need(20_000, 5_000, DEFAULT)),
    "state of charge, to the target": (
        NeedInputs(3_000, capacity_wh=60_000, soc_pct=50, target_pct=80, stated_energy_wh=1, history_wh=PAST),
        Need(20_000, 0, SOC),
    ),
    "no target: until full": (NeedInputs(0, capacity_wh=60_000, soc_pct=40), Need(40_000, 0, SOC)),
    "above the target": (NeedInputs(0, capacity_wh=60_000, soc_pct=90, target_pct=80), Need(0, 0, SOC)),
    "at the target it may end, though the car would go on": (
        NeedInputs(0, capacity_wh=60_000, soc_pct=80, target_pct=80, drawing=True),
        Need(0, 0, SOC),
    ),
    "100 % on the screen, and the car still draws": (
        NeedInputs(0, capacity_wh=60_000, soc_pct=100, drawing=True),
        Need(3_000, 0, DRAWING),
    ),
    "a nearly empty battery to its floor first": (
        NeedInputs(0, capacity_wh=60_000, soc_pct=3, target_pct=80, floor_soc_pct=30),
        Need(51_334, 18_000, SOC),
    ),
    "0 % is known, not unknown": (
        NeedInputs(0, capacity_wh=45_000, soc_pct=0, target_pct=80),
        Need(40_000, 0, SOC),
    ),
    "the driver's word": (NeedInputs(4_000, stated_energy_wh=16_000, history_wh=PAST), Need(12_000, 1_000, STATED)),
    "the driver's word, more than the battery holds": (
        NeedInputs(0, capacity_wh=27_000, stated_energy_wh=90_000),
        Need(30_000, 5_000, STATED),
    ),
    "the driver's word is kept": (NeedInputs(16_000, stated_energy_wh=16_000, drawing=True), Need(0, 0, STATED)),
    "8 of 10 past sessions": (NeedInputs(0, history_wh=PAST), Need(19_200, 5_000, HISTORY)),
    "small habits need no more than they are": (NeedInputs(0, history_wh=(2_000,)), Need(2_000, 2_000, HISTORY)),
    "the floor is over but for what a profile rounds away": (
        NeedInputs(4_980, history_wh=PAST),
        Need(14_220, 0, HISTORY),
    ),
    "so is the driver's word": (NeedInputs(15_960, stated_energy_wh=16_000), Need(0, 0, STATED)),
    "the floor is over": (NeedInputs(6_000, history_wh=PAST), Need(13_200, 0, HISTORY)),
    "estimate reached, the car has stopped": (NeedInputs(19_200, history_wh=PAST), Need(0, 0, HISTORY)),
    "estimate reached, the car still draws": (
        NeedInputs(19_200, history_wh=PAST, drawing=True),
        Need(3_000, 0, DRAWING),
    ),
    "estimate reached but for what a profile rounds away": (
        NeedInputs(19_199, history_wh=PAST, drawing=True),
        Need(3_000, 0, DRAWING),
    ),
    "a car that nobody may hold back is given more at once": (
        NeedInputs(19_200, capacity_wh=27_000, history_wh=PAST, drawing=True, at_once=True),
        Need(10_800, 0, DRAWING),
    ),
    "the last step before the battery's limit": (
        NeedInputs(28_500, capacity_wh=27_000, history_wh=PAST, drawing=True),
        Need(1_500, 0, DRAWING),
    ),
    "the battery cannot hold more": (
        NeedInputs(30_000, capacity_wh=27_000, history_wh=PAST, drawing=True),
        Need(0, 0, FULL),
    ),
    "full": (NeedInputs(0, capacity_wh=60_000, soc_pct=10, full=True), Need(0, 0, FULL)),
}


@pytest.mark.parametrize(("inputs", "expected"), LADDER.values(), ids=LADDER)
def test_the_ladder(inputs, expected):
    assert need(inputs) == expected


def test_only_the_last_twenty_sessions_count():
    assert estimate((90_000,) * 50 + (8_000,) * 20) == (8_000, HISTORY)


inputs_of_any_kind = st.builds(
    NeedInputs,
    delivered_wh=st.integers(0, 500_000),
    capacity_wh=st.none() | st.integers(1_000, 250_000),
    soc_pct=st.none() | st.integers(0, 99),
    target_pct=st.none() | st.integers(10, 100),
    stated_energy_wh=st.none() | st.integers(0, 500_000),
    history_wh=st.lists(st.integers(0, 200_000), max_size=30).map(tuple),
    drawing=st.booleans(),
    floor_soc_pct=st.none() | st.integers(0, 100),
)


@given(inputs=inputs_of_any_kind)
def test_a_need_is_never_negative_nor_more_than_the_battery_takes(inputs):
    answer = need(inputs)
    assert 0 <= answer.floor_wh <= answer.energy_wh
    if inputs.capacity_wh is not None and answer.source is SOC:
        assert answer.energy_wh <= at_meter_wh(inputs.capacity_wh, 100 - inputs.soc_pct)
    elif inputs.capacity_wh is not None:
        assert answer.energy_wh <= max(0, at_meter_wh(inputs.capacity_wh, 100) - inputs.delivered_wh)
