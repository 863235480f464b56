"""Many cars over processes: the plans of one process."""

import numpy as np

from server.core.valley.bulk import Crowd, schedule
from server.workers.bulk import least_limit_w, plan
from server.workers.solve import started


def test_two_processes_plan_what_one_plans():
    dice = np.random.default_rng(7)
    count, slots, sites = 3_000, 96, 100
    arrive = dice.integers(0, slots - 1, count)
    crowd = Crowd(
        price_micro_per_kwh=dice.integers(-50_000, 300_000, slots),
        site=dice.integers(0, sites, count),  # in no order
        arrive_slot=arrive,
        depart_slot=dice.integers(arrive + 1, slots + 1),
        energy_wh=dice.integers(0, 60_000, count),
        max_w=dice.choice([7_400, 11_000, 22_000], count),
        limit_w=dice.integers(30_000, 90_000, sites),
    )
    alone = plan(crowd)
    with started(2) as executor:
        shared = plan(crowd, executor, processes=2)
        nobody = plan(crowd.part(slice(0, 0)), executor, processes=2)
    everyone = slice(0, count)
    assert np.array_equal(schedule(crowd, shared, everyone), schedule(crowd, alone, everyone))
    assert np.array_equal(shared.cost_nano, alone.cost_nano)
    assert np.array_equal(shared.unserved_wh, alone.unserved_wh)
    assert nobody.total_nano == 0


def test_the_least_connection_of_a_site_in_watts():
    crowd = Crowd(
        price_micro_per_kwh=np.zeros(4, int),
        site=np.array([1, 1]),
        arrive_slot=np.array([0, 1]),
        depart_slot=np.array([2, 4]),
        energy_wh=np.array([2_000, 2_500]),
        max_w=np.array([11_000, 11_000]),
    )
    assert least_limit_w(crowd).tolist() == [0, 4 * 1_125]
