"""The smallest grid connection that still serves everybody: what a site needs, and what its contract has to spare.

The least limit is the greatest mean, over all sets of slots, of the energy that cannot be served outside of them
(max-flow min-cut). Newton's steps on that mean: a limit that is too small shows a set of slots that needs more.
"""

from itertools import pairwise

import numpy as np
from ortools.graph.python.max_flow import SimpleMaxFlow

from server.core.valley.bulk import Crowd, Ints


def least_wh(crowd: Crowd) -> Ints:
    """The least limit of each site, one for all slots, Wh a slot, at which all that fits into the stays is served.

    Shape (s), with a site for each number from 0 to the greatest in `crowd.site`.
    """
    order = np.argsort(crowd.site, kind="stable")
    sites = int(crowd.site.max()) + 1 if len(order) else 0
    bounds = np.searchsorted(crowd.site[order], np.arange(sites + 1)).tolist()
    return np.array([_least(crowd.part(order[a:b])) for a, b in pairwise(bounds)], np.int64)


def _least(crowd: Crowd) -> int:
    count, slots = len(crowd.site), crowd.slots
    arrive = crowd.arrive_slot.astype(np.int64)
    stay, most = crowd.depart_slot - arrive, crowd.slot_wh()
    energy = np.minimum(crowd.energy_wh, most * stay)
    cars = np.repeat(np.arange(count), stay)
    slot = np.arange(len(cars)) + np.repeat(arrive - stay.cumsum() + stay, stay)
    source, sink = count + slots, count + slots + 1
    network = SimpleMaxFlow()
    network.add_arcs_with_capacity(np.full(count, source), np.arange(count), energy)
    network.add_arcs_with_capacity(cars, count + slot, most[cars])
    limit = -(-int(energy.sum()) // slots)
    out = network.add_arcs_with_capacity(np.arange(count, source), np.full(slots, sink), np.full(slots, limit))
    while True:
        status = network.solve(source, sink)
        assert status == network.OPTIMAL, status
        missing = int(energy.sum()) - network.optimal_flow()
        if not missing:
            return limit
        cut = np.asarray(network.get_source_side_min_cut())
        wanting = int(((cut >= count) & (cut < source)).sum())
        limit += -(-missing // wanting)
        network.set_arcs_capacity(out, np.full(slots, limit))
