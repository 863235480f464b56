"""The end of a server in its time: what has not ended by then is named, and let go of."""

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

STOP_S = 4.0
"""So long (wall time) everything may take to end; the fifth second is the machine's own."""


def within(seconds: float, loop: asyncio.AbstractEventLoop, console: Console) -> None:
    """End this process so many seconds from now, if it has not ended by then; call it as it is told to stop.

    What is let go of loses nothing that was acknowledged: it is no more than what a kill does. Its own thread, for a
    loop that stands still ends nothing.
    """
    late = threading.Timer(seconds, _let_go, (seconds, loop, console))
    late.daemon = True
    late.start()


def _let_go(seconds: float, loop: asyncio.AbstractEventLoop, console: Console) -> None:
    left = ", ".join(sorted(_left(loop))) or "nothing that we know of"
    console.print(f"Not all had ended after {seconds:g} s; let go of: {left}.", soft_wrap=True)
    sys.stderr.flush()
    os._exit(0)


def _left(loop: asyncio.AbstractEventLoop) -> set[str]:
    """What has not ended: each task, and where each thread is."""
    tasks = {} if loop.is_closed() else {task.get_name(): _where(task.get_coro()) for task in asyncio.all_tasks(loop)}
    frames = sys._current_frames()  # noqa: SLF001 -- the one way to another thread's place
    threads = {one.name: _at(frames[one.ident]) for one in _others() if one.ident in frames}
    return {f"{name} ({place})" for name, place in (tasks | threads).items()}


def _others() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one is not threading.current_thread()]


def _where(coroutine: Coroutine[Any, Any, Any] | Any) -> str:  # noqa: ANN401 -- whatever a task runs
    """The innermost place at which a coroutine of ours waits."""
    frame = None
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or frame
        coroutine = getattr(coroutine, "cr_await", None)
    return "?" if frame is None else _at(frame)


def _at(frame: FrameType) -> str:
    path = Path(frame.f_code.co_filename)
    return f"{path.parent.name}/{path.name}:{frame.f_lineno}"
