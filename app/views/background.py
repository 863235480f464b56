"""Tasks that live as long as what shows their work, and never longer than the session."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakKeyDictionary

import flet as ft

_running: WeakKeyDictionary[ft.Page, set["asyncio.Task[None]"]] = WeakKeyDictionary()


def use_background(work: Callable[[], Awaitable[None]], depends: Sequence[object] = ()) -> None:
    """A task that lives as long as the component and, at most, as the session (a hook).

    Flet cancels an effect's task on unmount only where there is a cleanup, and never when the session closes.
    """
    page = ft.context.page

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks = _running.setdefault(page, set())
        tasks.add(task)
        try:
            await work()
        finally:
            tasks.discard(task)

    ft.use_effect(run, list(depends), cleanup=lambda: None)


def stop_background(page: ft.Page) -> None:
    """End what runs for a session that has closed."""
    for task in list(_running.get(page, ())):
        task.cancel()
