"""What one card of a station's page asks for itself: it is forgotten with the card."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import flet as ft

from app.failures import ApiProblem
from app.state import Remote
from app.views.desk import use_desk

T = TypeVar("T")


def use_fetched(
    ask: Callable[[], Awaitable[T]], depends: Sequence[object] = ()
) -> tuple[Remote[T], Callable[[], Awaitable[None]]]:
    """What was answered last, and how to ask again (a hook). Asked when the card comes, and when `depends` change."""
    desk = use_desk()
    nothing: Remote[T] = Remote()
    found, set_found = ft.use_state(nothing)

    async def load() -> None:
        try:
            set_found(nothing.ready(await ask()))
        except ApiProblem as refused:
            problem = refused.problem
            set_found(lambda last: last.failed(problem))
            if refused.unauthorized:
                desk.refuse(refused)

    ft.use_effect(load, list(depends))
    return found, load
