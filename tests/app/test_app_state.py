from datetime import timedelta

import flet as ft
from town_facts import NOW, SESSION, a_session, an_id, locations

from app.state import AppState, Board, Clock, Phase, Prefs, Remote
from shared.accounts import ClockView
from shared.problems import Problem
from shared.sessions import SessionState
from shared.wallets import Wallet, WalletEntry
from shared.wire import ClockChanged, LocationChanged, SessionChanged, WalletChanged


def heard(branch: ft.Observable) -> list[str | None]:
    fields: list[str | None] = []

    def listen(_sender: object, field: str | None) -> None:
        fields.append(field)

    branch.subscribe(listen)
    fields.append("listening")
    KEPT.append(listen)
    return fields


KEPT: list[object] = []
"""Flet holds listeners weakly."""


def test_a_failed_request_keeps_what_was_on_the_screen() -> None:
    remote: Remote[int] = Remote()
    assert remote.first_load
    remote = remote.loading().ready(7).loading()
    assert (remote.value, remote.phase, remote.first_load) == (7, Phase.LOADING, False)
    failed = remote.failed(Problem(type="about:blank", title="no", status=500))
    assert (failed.value, failed.phase) == (7, Phase.FAILED)
    assert failed.loading().problem is None


def test_a_live_session_replaces_the_one_on_the_board() -> None:
    state = AppState()
    state.board.sessions = state.board.sessions.ready([a_session()])
    state.apply(SessionChanged(a_session(power_w=11_000)))
    assert [one.power_w for one in state.board.sessions.value or []] == [11_000]


def test_a_session_that_has_settled_stays_until_it_is_dismissed_but_an_unknown_one_does_not_appear() -> None:
    board = Board()
    board.sessions = board.sessions.ready([a_session()])
    board.put_session(a_session(state=SessionState.SETTLED))
    board.put_session(a_session(id=an_id("old"), state=SessionState.SETTLED))
    assert [one.id for one in board.sessions.value or []] == [SESSION]
    board.drop_session(SESSION)
    assert board.sessions.value == []


def test_a_posted_entry_changes_list_and_sums_once_even_if_told_twice() -> None:
    state = AppState()
    state.board.wallet = state.board.wallet.ready(Wallet("EUR", 0, 0, 20, 0, 0, 0, 0, 0))
    entry = WalletEntry(an_id("entry"), NOW, "cashback", 131, None, None)
    for _ in range(2):
        state.apply(WalletChanged(entry=entry, balance_minor=131, pending_minor=4))
    assert state.board.entries.value == [entry]
    assert state.board.wallet.value is not None
    assert (state.board.wallet.value.balance_minor, state.board.wallet.value.pending_minor) == (131, 4)


def test_an_entry_of_two_lines_shows_both() -> None:
    state = AppState()
    lines = [WalletEntry(an_id("entry"), NOW, kind, -5, None, None) for kind in ("correction", "pending_correction")]
    for line in lines * 2:
        state.apply(WalletChanged(entry=line, balance_minor=0, pending_minor=0))
    assert sorted(one.kind for one in state.board.entries.value or []) == ["correction", "pending_correction"]


def test_an_event_that_only_says_ask_again_changes_nothing_by_itself() -> None:
    state = AppState()
    state.board.locations = state.board.locations.ready(locations())
    changes = heard(state.board)
    state.apply(LocationChanged(an_id("street")))
    assert changes == ["listening"]


def test_the_clock_runs_on_between_two_messages_and_shows_only_new_minutes() -> None:
    clock = Clock()
    clock.hear(ClockChanged(now=NOW, speed=600, demo=True))
    changes = heard(clock)
    clock.tick()
    assert changes == ["listening"]
    clock._heard_at -= 1  # a second of the wall clock
    clock.tick()
    assert changes == ["listening", "now"]
    assert timedelta(minutes=10) <= clock.now - NOW < timedelta(minutes=11)


def test_a_paused_clock_stands_still() -> None:
    clock = Clock()
    clock.hear(ClockView(now=NOW, speed=0, demo=True))
    clock._heard_at -= 100
    assert clock.at_present() == NOW


def test_dragging_a_window_tells_the_pages_only_when_it_matters() -> None:
    prefs = Prefs()
    prefs.resize(800)
    changes = heard(prefs)
    prefs.resize(802)
    assert changes == ["listening"]
    prefs.resize(900)
    assert "wide" in changes


def test_signing_out_forgets_everything_but_the_people_of_the_demo() -> None:
    board = Board()
    board.sessions = board.sessions.ready([a_session()])
    board.entries_cursor = "next"
    board.drivers = board.drivers.ready([])
    board.clear()
    assert (board.sessions, board.entries_cursor, board.me) == (Remote(), None, None)
    assert board.drivers.value == []


def test_two_sessions_of_the_app_share_nothing() -> None:
    one, other = AppState(), AppState()
    one.board.sessions = one.board.sessions.ready([a_session()])
    assert other.board.sessions.value is None
