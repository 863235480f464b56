"""What a driver wants, one function each: ask the API, put the answer on the board, say what is to be said."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from app import live
from app.failures import SIGNED_OUT, ApiProblem
from app.state import Access
from app.views.access import show
from app.views.desk import Desk
from shared.accounts import Habit, MeUpdate, Role
from shared.plans import Explanation
from shared.problems import Problem
from shared.sessions import OverrideQuote, SessionState, SessionUpdate, SessionView
from shared.stations import Pairing, TakenIn
from shared.tariffs import HomeTariffInput
from shared.vehicles import VehicleUpdate
from shared.wire import LiveEvent, LocationChanged, PricesChanged, WalletChanged

T = TypeVar("T")


# --- news -------------------------------------------------------------------------------------------------------
async def follow(desk: Desk) -> None:
    """Read live news until signed out or cancelled."""

    async def react(event: LiveEvent | None) -> None:
        await _react(desk, event)

    await live.follow(desk.state, desk.api.live, react)
    desk.state.board.clear()
    desk.state.door.notice = SIGNED_OUT
    desk.state.door.access = Access.SIGNED_OUT


async def _react(desk: Desk, event: LiveEvent | None) -> None:
    """Ask for what an event only named. None: the stream has (re)opened, so whatever happened before was missed."""
    board = desk.state.board
    if event is None:
        await _catch_up(desk)
    elif isinstance(event, PricesChanged):
        await desk.fill("prices", desk.api.prices())
        await _load_at_home(desk)
    elif isinstance(event, LocationChanged) and board.locations.value is not None:
        await _look_again(desk, event.location_id)
    elif isinstance(event, WalletChanged) and board.wallet.value is not None:
        await desk.fill("wallet", desk.api.wallet())


async def _catch_up(desk: Desk) -> None:
    board = desk.state.board
    await load_home(desk)
    if board.wallet.value is not None:
        await load_wallet(desk)
    if board.locations.value is not None:
        await load_locations(desk)


async def _look_again(desk: Desk, location_id: UUID) -> None:
    try:
        desk.state.board.put_location(await desk.api.location(location_id))
    except ApiProblem as refused:
        if refused.unauthorized:
            desk.refuse(refused)


# --- pages ------------------------------------------------------------------------------------------------------
async def load_home(desk: Desk) -> None:
    """My open sessions, the clock and the prices to come."""
    try:
        desk.state.clock.hear(await desk.api.clock())
    except ApiProblem as refused:
        if refused.unauthorized:
            desk.refuse(refused)
            return
    settled = {one.id: one for one in desk.state.board.sessions.value or [] if one.state is not SessionState.OPEN}
    current = await desk.fill("sessions", desk.api.current_sessions())
    if current is not None:
        known = {one.id for one in current}
        kept = [one for key, one in settled.items() if key not in known]
        desk.state.board.sessions = desk.state.board.sessions.ready([*current, *kept])
    await desk.fill("prices", desk.api.prices())
    await _load_at_home(desk)


async def _load_at_home(desk: Desk) -> None:
    """What a night at home would bring a driver whose car does not charge; nobody else may ask that."""
    board = desk.state.board
    if board.me is not None and board.me.role is Role.DRIVER and not board.sessions.value:
        await desk.fill("at_home", desk.api.estimate_at_home())


async def load_session(desk: Desk, session_id: UUID) -> SessionView | None:
    """One session of mine, by its address."""
    try:
        view = await desk.api.session(session_id)
    except ApiProblem as refused:
        if not refused.not_found:
            desk.refuse(refused)
        return None
    if view.state is not SessionState.SETTLED or desk.state.board.session(session_id):
        desk.state.board.put_session(view)
    return view


async def load_locations(desk: Desk) -> None:
    """All public locations."""
    await desk.fill("locations", desk.api.public_locations())


async def load_wallet(desk: Desk) -> None:
    """Sums and the first page of the lines."""
    await desk.fill("wallet", desk.api.wallet())
    await desk.fill_page("entries", desk.api.wallet_entries())


async def more_entries(desk: Desk) -> None:
    """The next page of the wallet's lines."""
    await desk.fill_page("entries", desk.api.wallet_entries(desk.state.board.entries_cursor), more=True)


async def load_history(desk: Desk) -> None:
    """The first page of my sessions."""
    await desk.fill_page("history", desk.api.sessions())


async def more_history(desk: Desk) -> None:
    """The next page of my sessions."""
    await desk.fill_page("history", desk.api.sessions(desk.state.board.history_cursor), more=True)


async def load_tariff(desk: Desk) -> None:
    """My tariff at home; nobody has to have one."""
    board = desk.state.board
    board.tariff = board.tariff.loading()
    try:
        board.tariff = board.tariff.ready(await desk.api.home_tariff())
    except ApiProblem as refused:
        board.tariff = board.tariff.ready(None) if refused.not_found else board.tariff.failed(refused.problem)
        if refused.unauthorized:
            desk.refuse(refused)


async def load_vehicles(desk: Desk) -> None:
    """My cars."""
    await desk.fill("vehicles", desk.api.vehicles())


# --- a session ---------------------------------------------------------------------------------------------------
async def say_ready(desk: Desk, session_id: UUID, ready: datetime | None) -> None:
    """Another departure; None forgets the statement."""
    view = await desk.attempt(desk.api.update_session(session_id, SessionUpdate(ready_by=ready)))
    if view is not None:
        desk.state.board.put_session(view)
        t = desk.texts
        if ready is None:
            desk.toast(t("ready.forgotten"))
        else:  # what was said: the plan that the answer shows may be the one before
            desk.toast(t("ready.moved", time=t.form.moment(ready, desk.state.clock.at_present())))


async def say_target(desk: Desk, session_id: UUID, change: SessionUpdate) -> None:
    """Another target, in percent or in what is still to come."""
    view = await desk.attempt(desk.api.update_session(session_id, change))
    if view is not None:
        desk.state.board.put_session(view)
        desk.toast(desk.texts("target.moved"))


async def say_one_block(desk: Desk, session_id: UUID, *, one_block: bool) -> None:
    """In one piece, or with breaks again."""
    view = await desk.attempt(desk.api.update_session(session_id, SessionUpdate(one_block=one_block)))
    if view is not None:
        desk.state.board.put_session(view)
        desk.toast(desk.texts("block.done" if view.one_block else "block.undone"))


async def close_question(desk: Desk, session_id: UUID) -> None:
    """Not asked for the departure again in this session."""
    view = await desk.attempt(desk.api.update_session(session_id, SessionUpdate(question_closed=True)))
    if view is not None:
        desk.state.board.put_session(view)


async def quote(desk: Desk, session_id: UUID) -> OverrideQuote | None:
    """What "charge now" costs; a refusal only means that no price can be shown yet."""
    return await _if_known(desk, desk.api.override_quote(session_id))


async def explain(desk: Desk, session_id: UUID) -> Explanation | None:
    """What a plan means; where nobody knows, the page says what it knows without."""
    return await _if_known(desk, desk.api.explanation(session_id))


async def _if_known(desk: Desk, asked: Awaitable[T]) -> T | None:
    """An answer that a page can do without: only who is not signed in any more hears of a refusal."""
    try:
        return await asked
    except ApiProblem as refused:
        if refused.unauthorized:
            desk.refuse(refused)
        return None


async def override(desk: Desk, session_id: UUID) -> None:
    """Charge now."""
    view = await desk.attempt(desk.api.override(session_id))
    if view is not None:
        desk.state.board.put_session(view)
        desk.toast(desk.texts("override.done"))


async def undo_override(desk: Desk, session_id: UUID) -> None:
    """Back to the plan."""
    view = await desk.attempt(desk.api.undo_override(session_id))
    if view is not None:
        desk.state.board.put_session(view)
        desk.toast(desk.texts("override.undone"))


async def start(desk: Desk, evse_id: UUID) -> str | None:
    """Start at a public EVSE: what the station said, None where the API refused."""
    answer = await desk.attempt(desk.api.start(evse_id))
    return answer.status if answer is not None else None


async def stop(desk: Desk, session_id: UUID) -> None:
    """Stop at a public EVSE."""
    answer = await desk.attempt(desk.api.stop(session_id))
    if answer is not None:
        t = desk.texts
        unheard = {"offline": "start.offline", "timed_out": "start.timed_out", "rejected": "stop.rejected"}
        desk.toast(t("home.stopped") if answer.status == "accepted" else t(unheard.get(answer.status, "start.other")))


# --- what belongs to the account ---------------------------------------------------------------------------------
async def change_me(desk: Desk, change: MeUpdate) -> bool:
    """Language, theme, consent or habits."""
    me = await desk.attempt(desk.api.update_me(change))
    if me is not None:
        await show(desk, me)
    return me is not None


async def pair(desk: Desk, identity: str, code: str) -> TakenIn | Problem:
    """Take a waiting station home; what the API refuses comes back as its problem document."""
    try:
        taken = await desk.api.pair(Pairing(identity, code))
    except ApiProblem as refused:
        if refused.unauthorized:
            desk.refuse(refused)
        return refused.problem
    await _catch_up(desk)
    return taken


async def save_rota(desk: Desk, calendar: str, travel_minutes: int) -> None:
    """The shifts of a calendar. Raises `ApiProblem` where it cannot be read: the page shows the line."""
    await show(desk, await desk.api.save_rota(calendar, travel_minutes))
    desk.toast(desk.texts("rota.saved"))


async def forget_rota(desk: Desk) -> None:
    """Habits hold again."""
    me = await desk.attempt(desk.api.forget_rota())
    if me is not None:
        await show(desk, me)
        desk.toast(desk.texts("rota.forgotten"))


async def change_habit(desk: Desk, weekday: int, leaves_at: str | None) -> None:
    """When the driver usually leaves on a weekday; None: no fixed time."""
    me = desk.state.board.me
    if me is None:
        return
    others = [one for one in me.habits if one.weekday != weekday]
    habits = sorted([*others, Habit(weekday, leaves_at)], key=lambda one: one.weekday)
    await change_me(desk, MeUpdate(habits=habits))


async def change_vehicle(desk: Desk, vehicle_id: UUID, change: VehicleUpdate) -> bool:
    """What the driver says about a car."""
    vehicle = await desk.attempt(desk.api.update_vehicle(vehicle_id, change))
    if vehicle is None:
        return False
    board = desk.state.board
    board.vehicles = board.vehicles.ready(
        [vehicle if one.id == vehicle_id else one for one in board.vehicles.value or []]
    )
    desk.toast(desk.texts("act.saved"))
    return True


async def save_tariff(desk: Desk, entered: HomeTariffInput) -> bool:
    """A new tariff at home."""
    tariff = await desk.attempt(desk.api.set_home_tariff(entered))
    if tariff is None:
        return False
    desk.state.board.tariff = desk.state.board.tariff.ready(tariff)
    desk.toast(desk.texts("tariff.saved"))
    return True


async def run_clock(desk: Desk, speed: int) -> None:
    """Demo only: how fast the town lives."""
    view = await desk.attempt(desk.api.set_clock_speed(speed))
    if view is not None:
        desk.state.clock.hear(view)
