"""Very many cars over the processes that solve: whole sites stay together, so the plans are those of one process."""

from concurrent.futures import Executor

from server.core.valley.bulk import Crowd, Ints, Plans, alone, joined

PARTS_A_PROCESS = 8
"""More parts than processes, because none of them should wait long for the last."""


def plan(crowd: Crowd, executor: Executor | None = None, processes: int = 1) -> Plans:
    """The plans of all cars, in place, or in so many processes of an executor (`solve.started`).

    Without limits there is nothing to share out: a million cars take less time than to send them.
    """
    from server.core.valley import bulk_flow

    if crowd.limit_w is None:
        return alone(crowd)
    if executor is None:
        return bulk_flow.plan(crowd)
    pieces = bulk_flow.split(crowd, PARTS_A_PROCESS * processes)
    made = executor.map(planned, [part for _, part in pieces])
    return joined(len(crowd.site), [(cars, plans) for (cars, _), plans in zip(pieces, made, strict=True)])


def planned(crowd: Crowd) -> Plans:
    """One part's plans: what runs in a process of the executor."""
    from server.core.valley import bulk_flow

    return bulk_flow.plan(crowd)


def least_limit_w(crowd: Crowd) -> Ints:
    """The smallest grid connection of each site that serves all that fits into the stays, W, shape (s)."""
    from server.core.valley.peak import least_wh

    limit: Ints = -(-least_wh(crowd) * 3600 // crowd.slot_seconds)
    return limit
