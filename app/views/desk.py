"""The desk: what every page has at hand, and how it asks the API for something."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import flet as ft

from app import theme
from app.client import Api
from app.console import Console
from app.failures import SIGNED_OUT, ApiProblem
from app.state import Access, AppState, Board, Clock, Link, Prefs
from app.store import Store
from app.strings import Texts
from app.widgets.cards import problem_words
from shared.wire import Page

T = TypeVar("T")
SEAT = "desk"


@lru_cache(maxsize=64)
def _texts(language: str, zone: str, currency: str) -> Texts:
    return Texts(language, zone, currency)


@dataclass(eq=False)
class Desk:
    """One session of the app: its page, state, API and memory. `tiles`: URL template of the map, empty for none."""

    page: ft.Page
    state: AppState
    store: Store
    api: Api
    tiles: str = ""
    console: Console = field(default_factory=Console)
    server_is_given: bool = True
    start_api: Callable[[str], Api] | None = field(default=None, repr=False)

    @property
    def texts(self) -> Texts:
        """The texts in the language, time zone and currency of whoever is signed in."""
        me = self.state.board.me
        language = self.state.prefs.language
        return _texts(language, me.time_zone if me else "Europe/Amsterdam", me.currency if me else "EUR")

    def toast(self, words: str) -> None:
        """Say something at the foot of the screen, and let it go."""
        text = ft.Text(words, font_family=theme.BODY, color=ft.Colors.ON_INVERSE_SURFACE)
        self.page.show_dialog(ft.SnackBar(text, bgcolor=ft.Colors.INVERSE_SURFACE, show_close_icon=False))

    def refuse(self, refused: ApiProblem) -> None:
        """Say what went wrong; somebody whose sign-in is gone goes back to the door."""
        if refused.unauthorized and self.state.door.access is Access.SIGNED_IN:
            self.state.board.clear()
            self.state.door.notice = SIGNED_OUT
            self.state.door.access = Access.SIGNED_OUT
            return
        words, hint = problem_words(self.texts, refused.problem)
        self.toast(f"{words} {hint}" if hint else words)

    async def attempt(self, work: Awaitable[T]) -> T | None:
        """The answer, or None after saying what went wrong."""
        try:
            return await work
        except ApiProblem as refused:
            self.refuse(refused)
            return None

    async def fill(self, noun: str, work: Awaitable[T]) -> T | None:
        """Ask for one of the board's nouns; the board shows whether it is on its way, there, or failed."""
        board = self.state.board
        setattr(board, noun, getattr(board, noun).loading())
        try:
            value = await work
        except ApiProblem as refused:
            setattr(board, noun, getattr(board, noun).failed(refused.problem))
            if refused.unauthorized:
                self.refuse(refused)
            return None
        setattr(board, noun, getattr(board, noun).ready(value))
        return value

    async def fill_page(self, noun: str, work: Awaitable[Page[T]], *, more: bool = False) -> None:
        """Ask for a page of a list: the first one, or one `more` under what is there."""
        board = self.state.board
        known = list(getattr(board, noun).value or []) if more else []
        setattr(board, noun, getattr(board, noun).loading())
        try:
            page = await work
        except ApiProblem as refused:
            setattr(board, noun, getattr(board, noun).failed(refused.problem))
            if more or refused.unauthorized:
                self.refuse(refused)
            return
        setattr(board, noun, getattr(board, noun).ready([*known, *page.items]))
        setattr(board, f"{noun}_cursor", page.next_cursor)


def seat(desk: Desk) -> None:
    """Put a desk into the session of its page."""
    desk.page.session.store.set(SEAT, desk)


def use_desk() -> Desk:
    """The desk of this session. Not a Flet context: a component that is on its way out has lost its parents' ones."""
    desk = ft.context.page.session.store.get(SEAT)
    assert isinstance(desk, Desk), "a page outside of the app"
    return desk


def use_texts() -> Texts:
    """The texts; the component renders again when the language or the driver changes (a hook)."""
    desk = use_desk()
    ft.use_state(desk.state.prefs)
    ft.use_state(desk.state.board)
    return desk.texts


def use_board() -> Board:
    """What is known; the component renders again when it changes (a hook)."""
    board, _ = ft.use_state(use_desk().state.board)
    return board


def use_prefs() -> Prefs:
    """How it looks (a hook)."""
    prefs, _ = ft.use_state(use_desk().state.prefs)
    return prefs


def use_console() -> Console:
    """What an operator sees; the component renders again when it changes (a hook)."""
    console, _ = ft.use_state(use_desk().console)
    return console


def use_clock() -> Clock:
    """The server's time, by the minute (a hook)."""
    clock, _ = ft.use_state(use_desk().state.clock)
    return clock


def use_link() -> Link:
    """The live connection (a hook)."""
    link, _ = ft.use_state(use_desk().state.link)
    return link


def use_load(load: Callable[[], Awaitable[object]], *depends: object) -> None:
    """Run `load` when the component appears and when `depends` change (a hook)."""

    async def run() -> None:
        await load()

    ft.use_effect(run, list(depends))
