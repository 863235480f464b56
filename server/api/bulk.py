"""One command to many stations: started, watched and cancelled. A job lives in this process and ends with it."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from uuid import UUID, uuid4

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from server.api.commands import OPERATING, carry_out
from server.api.context import ApiContext, Order
from server.api.errors import Failed, documented, not_found, problem
from server.api.guards import Caller
from server.core.station import Station
from server.storage import stations
from shared.operating import BulkAsk, BulkState, BulkView, CommandOutcome, CommandStatus

JOBS_MAX = 50
"""Jobs that are remembered; the oldest that has ended goes first."""
RUNNING_MAX = 5
"""Jobs of one party that run side by side."""
TELL_S = 0.3
HEARTBEAT_S = 15.0


@dataclass
class Job:
    """A command on its way through its stations."""

    party_id: UUID
    order: Order
    total: int
    id: UUID = field(default_factory=uuid4)
    state: BulkState = BulkState.RUNNING
    outcomes: list[CommandOutcome] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None

    def view(self) -> BulkView:
        """How far it is."""
        counts = dict(Counter(outcome.status.value for outcome in self.outcomes))
        done = len(self.outcomes)
        return BulkView(self.id, self.order.action, self.state, self.total, done, counts, list(self.outcomes))

    def move(self, outcome: CommandOutcome | None = None, state: BulkState | None = None) -> None:
        """Something happened: whoever watches is woken."""
        if outcome is not None:
            self.outcomes.append(outcome)
        self.state = state or self.state
        self.moved.set()
        self.moved = asyncio.Event()


class Jobs:
    """All jobs of this process, by id."""

    def __init__(self) -> None:
        """None yet."""
        self._jobs: OrderedDict[UUID, Job] = OrderedDict()

    def running(self, party_id: UUID) -> int:
        """How many of a party's jobs go on."""
        return sum(job.party_id == party_id and job.state is BulkState.RUNNING for job in self._jobs.values())

    def add(self, job: Job) -> None:
        """Remember a job."""
        self._jobs[job.id] = job
        ended = [one.id for one in self._jobs.values() if one.state is not BulkState.RUNNING]
        for old in ended[: max(0, len(self._jobs) - JOBS_MAX)]:
            del self._jobs[old]

    def of(self, party_id: UUID, job_id: UUID) -> Job:
        """A party's job. Raises 404 for any other."""
        job = self._jobs.get(job_id)
        if job is None or job.party_id != party_id:
            raise not_found("bulk command", "It may have ended long ago, or with the server that ran it.")
        return job


async def run(context: ApiContext, job: Job, chosen: Sequence[Station], abreast: int) -> None:
    """Ask all, `abreast` at a time; each outcome is told as it comes."""
    waiting = iter(chosen)

    async def worker() -> None:
        for station in waiting:
            job.move(await _one(context, job.order, station))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(abreast):
                group.create_task(worker())
    finally:
        job.move(state=BulkState.DONE if len(job.outcomes) == job.total else BulkState.CANCELLED)


async def _one(context: ApiContext, order: Order, station: Station) -> CommandOutcome:
    complaints = context.hands.complaints(station.id, order, station.ocpp)
    if complaints is None:
        detail = "the station's version has no such action"
        return CommandOutcome(station.identity, order.action, CommandStatus.INVALID, detail=detail)
    if complaints:
        said = [f"{one.field}: {one.message}" for one in complaints]
        return CommandOutcome(station.identity, order.action, CommandStatus.INVALID, complaints=said)
    return await carry_out(context, station, order)


class BulkController(Controller):
    """Commands to many stations of the caller's party."""

    path = "/bulk-commands"
    tags = ("stations",)
    guards = OPERATING

    @post(status_code=HTTPStatus.ACCEPTED, responses=documented(404, 409))
    async def start_bulk_command(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        jobs: NamedDependency[Jobs],
        data: JSONBody[BulkAsk],
    ) -> BulkView:
        """Start one; watch it with GET, stop it with DELETE. Each station is judged and answered for on its own."""
        if jobs.running(caller.party_id) >= RUNNING_MAX:
            hint = "Wait for one of them, or cancel it."
            raise Failed(problem(409, "Too many bulk commands are running.", code="too_many_running", hint=hint))
        async with context.db.read() as tx:
            mine = await stations.of_party(tx, caller.party_id)
        chosen = mine if data.stations is None else [one for one in mine if one.identity in set(data.stations)]
        if data.stations is not None and len(chosen) != len(set(data.stations)):
            raise not_found("station", "List yours with GET /api/stations.")
        job = Job(caller.party_id, Order(data.action, data.body, caller.account_id), len(chosen))
        jobs.add(job)
        job.task = asyncio.create_task(run(context, job, chosen, data.abreast))
        return job.view()

    @get("/{job_id:uuid}", responses=documented(404))
    async def get_bulk_command(
        self, caller: NamedDependency[Caller], jobs: NamedDependency[Jobs], job_id: FromPath[UUID]
    ) -> BulkView:
        """How far it is."""
        return jobs.of(caller.party_id, job_id).view()

    @delete("/{job_id:uuid}", status_code=HTTPStatus.OK, responses=documented(404))
    async def cancel_bulk_command(
        self, caller: NamedDependency[Caller], jobs: NamedDependency[Jobs], job_id: FromPath[UUID]
    ) -> BulkView:
        """Stop it: who has not been asked will not be. Who has been may act on it yet."""
        job = jobs.of(caller.party_id, job_id)
        if job.task is not None and not job.task.done():
            job.task.cancel()
            with suppress(asyncio.CancelledError):
                await job.task
        return job.view()

    @get(
        "/{job_id:uuid}/live",
        media_type="text/event-stream",
        responses=documented(404),
        response_description="Server-sent events; each `data:` line is a BulkView",
    )
    async def watch_bulk_command(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        jobs: NamedDependency[Jobs],
        job_id: FromPath[UUID],
    ) -> Stream:
        """The job whenever it moved on, until it has ended."""
        job = jobs.of(caller.party_id, job_id)
        return Stream(_watched(context, job), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _watched(context: ApiContext, job: Job) -> AsyncIterator[bytes]:
    while not context.stopping.is_set():
        moved, state = job.moved, job.state
        yield b"data: " + msgspec.json.encode(job.view()) + b"\n\n"
        if state is not BulkState.RUNNING:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_S):
                await moved.wait()
        await asyncio.sleep(TELL_S)
