"""The baseline knows the stay, the energy and the power, and nothing else."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.core.baseline import METERED_MEAN, baseline, before

NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)


def test_full_power_from_plug_in_until_the_energy_is_there():
    assert baseline([450, 900, 900, 900], 6_000, 11_000, "evse").energy_wh == (1375, 2750, 1875, 0)


def test_a_power_that_the_meter_disproves_becomes_the_mean_that_it_proves():
    compared = baseline([900, 900], 4_000, 3_680, "cap")
    assert (compared.energy_wh, compared.power_w, compared.source) == ((2000, 2000), 8_000, METERED_MEAN)


def test_a_stay_of_no_length_compares_its_energy_with_itself():
    assert baseline([0], 700, 11_000, "evse").energy_wh == (700,)


def test_what_flowed_before_a_moment_is_told_evenly_within_a_slot():
    starts = [NOON, NOON + timedelta(minutes=15), NOON + timedelta(minutes=30)]
    moment = NOON + timedelta(minutes=20)
    assert before(moment, starts, [900, 900, 900], [100, 200, 300]) == [100, 66, 0]
    assert before(moment, [NOON], [0], [50]) == [0]


SECONDS = st.lists(st.integers(1, 900), min_size=1, max_size=40)


@given(seconds=SECONDS, energy=st.integers(0, 80_000), power=st.integers(0, 22_000))
def test_a_baseline_always_holds_all_the_energy_and_never_more_than_its_power(seconds, energy, power):
    compared = baseline(seconds, energy, power, "evse")
    assert sum(compared.energy_wh) == energy
    assert all(
        0 <= slot <= compared.power_w * length / 3600 + 1
        for slot, length in zip(compared.energy_wh, seconds, strict=True)
    )
    assert compared.power_w >= power


@given(thirds=st.lists(st.tuples(*[st.integers(1, 300)] * 3), min_size=1, max_size=30), energy=st.integers(0, 60_000))
def test_finer_slots_hold_the_same_baseline(thirds, energy):
    fine = baseline([part for three in thirds for part in three], energy, 11_000, "evse").energy_wh
    coarse = baseline([sum(three) for three in thirds], energy, 11_000, "evse").energy_wh
    assert tuple(sum(fine[slot : slot + 3]) for slot in range(0, len(fine), 3)) == coarse
