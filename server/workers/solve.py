"""Who solves: the engine in processes of its own, because a solve holds the GIL; or in place, where nobody waits.

Only what runs in these processes imports the solver; gateway and API never load it. Ctrl-C belongs to the parent:
the children ignore it and end with their parent, however that ends.
"""

import asyncio
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import connection, resource_tracker
from multiprocessing.process import BaseProcess

import msgspec

from server import collector
from server.core.valley.problem import Answer, Demand, Feeder, Problem, Site

GRACE_S = 2.0
"""How long running solves may go on when the pool closes."""
METHOD = "spawn" if sys.platform == "win32" else "forkserver"
TRIFLE = Problem(
    id="warm-up",
    start=datetime(2026, 1, 1, tzinfo=UTC),
    slots=2,
    price_micro_per_kwh=[2, 1],
    sites=[Site(id="site", limit_w=1_000, feeders=[Feeder(id="feeder", limit_ma=[2_000] * 3)])],
    demands=[
        Demand(
            id=str(phases),
            site="site",
            feeder="feeder",
            arrive_slot=0,
            depart_slot=2,
            energy_wh=500,
            max_w=1_000,
            phases=phases,
        )
        for phases in ([1], [1, 2, 3])
    ],
)
"""Two demands on different phases that want the same slots: so that a new process has loaded all of the solvers."""


def solve(problem: Problem) -> Answer:
    """The engine's answer, with the milliseconds that it took."""
    from server.core.valley import plan

    begun = time.perf_counter()
    answer = plan.solve(problem)
    return msgspec.structs.replace(answer, solve_ms=round((time.perf_counter() - begun) * 1000, 3))


class Inline:
    """Solves where it is called, and blocks: for tests and for stepped runs, which wait for it anyway."""

    async def solve(self, problem: Problem) -> Answer:
        """The engine's answer."""
        return solve(problem)

    async def close(self) -> None:
        """Nothing to end."""


class Pool:
    """Solves in `workers` processes, started and warmed at the first call or by `warm`. Safe to cancel.

    A cancelled call is forgotten; its solve ends in the background. A process that dies is replaced once a call.
    """

    def __init__(self, workers: int = 1) -> None:
        assert workers > 0
        self._workers = workers
        self._lock = asyncio.Lock()
        self._executor: ProcessPoolExecutor | None = None
        self._children: set[BaseProcess] = set()

    async def warm(self) -> None:
        """Start the processes and load the solver in each."""
        await self._running()

    async def solve(self, problem: Problem) -> Answer:
        """The engine's answer. Raises BrokenProcessPool where two processes in a row die of it."""
        try:
            return await self._submitted(problem)
        except BrokenProcessPool:
            return await self._submitted(problem)

    async def close(self) -> None:
        """End the processes; what still runs after the grace is killed."""
        async with self._lock:
            executor, self._executor = self._executor, None
            children, self._children = self._children, set()
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
            await asyncio.to_thread(_ended, children)

    async def _submitted(self, problem: Problem) -> Answer:
        executor = await self._running()
        try:
            return await asyncio.wrap_future(executor.submit(solve, problem))
        except BrokenProcessPool:
            async with self._lock:
                if self._executor is executor:
                    self._executor = None
            raise

    async def _running(self) -> ProcessPoolExecutor:
        async with self._lock:
            if self._executor is None:
                before = set(multiprocessing.active_children())
                self._executor = await asyncio.to_thread(started, self._workers)
                self._children = set(multiprocessing.active_children()) - before
            return self._executor


def started(workers: int) -> ProcessPoolExecutor:
    """So many processes, each with the solver loaded. Who asked for them ends them."""
    context = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        context.set_forkserver_preload([__name__])
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_in_child)
    with _ctrl_c_held_back():
        warming = [executor.submit(solve, TRIFLE) for _ in range(workers)]
    for one in warming:
        one.result()
    return executor


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Processes that start inside inherit a blocked SIGINT, even before they can say that they ignore it."""
    if sys.platform == "win32":
        yield
        return
    # Its first start would lift the block again (CPython resource_tracker.ensure_running).
    resource_tracker.ensure_running()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def _in_child() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    importlib.import_module("server.core.valley.plan")
    collector.keep_for_good()


def _end_with(sentinel: int) -> None:
    """A killed parent closes nothing: without this its children would wait for work for ever."""
    connection.wait([sentinel])
    os._exit(0)


def _ended(children: set[BaseProcess]) -> None:
    deadline = time.monotonic() + GRACE_S
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        if child.is_alive():
            child.kill()
            child.join()
