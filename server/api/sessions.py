"""Charging sessions of the signed-in driver: seen, changed, overridden, started and stopped."""

from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.ext.asyncio import AsyncSession

from server.api import paging
from server.api.context import ApiContext
from server.api.errors import Failed, documented, problem, refused
from server.api.guards import Caller, own_session, requires
from server.api.paging import Cursor, Limit
from server.core.session import Refused, Session
from server.flows import explanations, locations, quotes, session_views, starts, steering
from server.storage import wallets
from shared.accounts import Role
from shared.cdrs import Receipt
from shared.plans import Explanation
from shared.sessions import (
    CommandAnswer,
    OverrideQuote,
    RemoteStart,
    SessionState,
    SessionSummary,
    SessionUpdate,
    SessionView,
)
from shared.wire import Page


class SessionController(Controller):
    """A driver's sessions."""

    path = "/sessions"
    tags = ("sessions",)
    guards = (requires(Role.DRIVER),)

    @get("/current", responses=documented())
    async def current_sessions(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller]
    ) -> list[SessionView]:
        """Your sessions that are not settled yet, newest first."""
        async with context.db.read() as tx:
            return await session_views.current(tx, caller.account_id, context.now())

    @get(responses=documented())
    async def list_sessions(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        cursor: Cursor = None,
        limit: Limit = 20,
    ) -> Page[SessionSummary]:
        """Your sessions, newest first."""
        async with context.db.read() as tx:
            found = await session_views.summaries(tx, caller.account_id, paging.moment(cursor), limit + 1)
        return paging.page(found, limit, lambda one: paging.micros(one.plugged_at))

    @get("/{session_id:uuid}", responses=documented(404))
    async def get_session(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], session_id: FromPath[UUID]
    ) -> SessionView:
        """One session with its plan and its money."""
        return await _view(context, caller, session_id)

    @patch("/{session_id:uuid}", responses=documented(404, 409))
    async def update_session(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        session_id: FromPath[UUID],
        data: JSONBody[SessionUpdate],
    ) -> SessionView:
        """Another departure, target or energy; the new plan follows by GET /api/live."""
        async with context.db.begin() as tx:
            session = await own_session(tx, session_id, caller)
            _accepted(await steering.change(tx, session, data, context.now()))
        return await _view(context, caller, session_id)

    @get("/{session_id:uuid}/explanation", responses=documented(404, 409))
    async def explain_plan(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], session_id: FromPath[UUID]
    ) -> Explanation:
        """What the plan in force means: what is there in time, what is in the way, what being ready earlier costs."""
        async with context.db.read() as tx:
            session = await _own_open(tx, session_id, caller)
            asked = await explanations.prepare(tx, session, context.now())
        said = None if asked is None else explanations.explained(asked, await context.solver.solve(asked.problem))
        if said is None:
            hint = "It comes with the next plan; GET /api/live says when there is one."
            raise Failed(problem(HTTPStatus.NOT_FOUND, "No explanation yet.", code="no_explanation", hint=hint))
        return said

    @get("/{session_id:uuid}/override", responses=documented(404, 409))
    async def quote_override(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], session_id: FromPath[UUID]
    ) -> OverrideQuote:
        """What "charge now" would cost; nothing happens yet."""
        async with context.db.read() as tx:
            session = await _own_open(tx, session_id, caller)
            question = await quotes.prepare_override(tx, session, context.now())
        answer = None if question.problem is None else await context.solver.solve(question.problem)
        return quotes.answer_override(question, answer)

    @post("/{session_id:uuid}/override", status_code=HTTPStatus.OK, responses=documented(404, 409))
    async def override(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], session_id: FromPath[UUID]
    ) -> SessionView:
        """Charge now, until unplugged or undone; never over an electrical limit."""
        async with context.db.begin() as tx:
            session = await own_session(tx, session_id, caller)
            _accepted(await steering.set_override(tx, session, context.now()))
        return await _view(context, caller, session_id)

    @delete("/{session_id:uuid}/override", status_code=HTTPStatus.OK, responses=documented(404, 409))
    async def undo_override(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], session_id: FromPath[UUID]
    ) -> SessionView:
        """Back to the valley from here on."""
        async with context.db.begin() as tx:
            session = await own_session(tx, session_id, caller)
            _accepted(await steering.undo_override(tx, session, context.now()))
        return await _view(context, caller, session_id)

    @get("/{session_id:uuid}/receipt", responses=documented(404))
    async def get_receipt(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], session_id: FromPath[UUID]
    ) -> Receipt:
        """The receipt of a settled session, slot by slot."""
        async with context.db.read() as tx:
            await own_session(tx, session_id, caller)
            receipt = await wallets.receipt(tx, session_id)
        if receipt is None:
            hint = "The receipt comes once the car is unplugged and the session settled."
            raise Failed(problem(HTTPStatus.NOT_FOUND, "There is no receipt yet.", code="not_settled", hint=hint))
        return receipt

    @post(status_code=HTTPStatus.OK, responses=documented(404, 409))
    async def start_session(
        self,
        context: NamedDependency[ApiContext],
        caller: NamedDependency[Caller],
        data: JSONBody[RemoteStart],
    ) -> CommandAnswer:
        """Ask a station to start; `accepted` is not started yet: the session follows by GET /api/live."""
        async with context.db.begin() as tx:
            order = await starts.prepare(tx, caller.account_id, data, context.now())
        if isinstance(order, Refused):
            strange = order is locations.NOT_THERE
            raise refused(order, HTTPStatus.NOT_FOUND if strange else HTTPStatus.CONFLICT)
        answer = await context.commands.start(order.station_id, order.connector_no, order.token_uid)
        if answer.status not in starts.MAY_START:
            async with context.db.begin() as tx:
                await starts.withdraw(tx, caller.account_id, order.evse_id)
        return answer

    @post("/{session_id:uuid}/stop", status_code=HTTPStatus.OK, responses=documented(404, 409))
    async def stop_session(
        self, context: NamedDependency[ApiContext], caller: NamedDependency[Caller], session_id: FromPath[UUID]
    ) -> CommandAnswer:
        """Ask a station to end a session of yours."""
        async with context.db.read() as tx:
            session = await own_session(tx, session_id, caller)
        refusal = starts.stoppable(session)
        if refusal is not None:
            raise refused(refusal)
        return await context.commands.stop(session.station_id, session.transaction_id, session.transaction_ref)


def _accepted(outcome: Session | Refused) -> None:
    if isinstance(outcome, Refused):
        raise refused(outcome)


async def _own_open(tx: AsyncSession, session_id: UUID, caller: Caller) -> Session:
    """A session of the caller's that has not ended. Raises 404 for any other's, 409 for one that has."""
    session = await own_session(tx, session_id, caller)
    if session.state is not SessionState.OPEN:
        raise refused(steering.NOT_OPEN)
    return session


async def _view(context: ApiContext, caller: Caller, session_id: UUID) -> SessionView:
    now: datetime = context.now()
    async with context.db.read() as tx:
        return await session_views.one(tx, await own_session(tx, session_id, caller), now)
