"""The end of a server in its time: what has not ended by then is named, and let go of."""

import asyncio
import gc
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

STOP_S = 4.0
"""So long (wall time) everything may take to end; the fifth second is the machine's own."""
SAY_S = 0.5
"""Who reads what we say may be gone, or read no more: nobody waits longer for that."""
ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / room) + os.sep for room in ("app", "server", "shared"))
STDERR = 2


def within(seconds: float, loop: asyncio.AbstractEventLoop, code: int = 0) -> None:
    """End this process so many seconds from now with an exit code, if it has not ended by then.

    That loses no more than a kill does. A thread of its own sees to it, for a loop that stands still ends nothing.
    """
    late = threading.Timer(seconds, _let_go, (seconds, loop, code))
    late.daemon = True
    late.start()


def _let_go(seconds: float, loop: asyncio.AbstractEventLoop, code: int) -> None:
    try:
        saying = threading.Thread(target=_say, args=(seconds, loop), daemon=True)
        saying.start()
        saying.join(SAY_S)
    finally:
        os._exit(code)


def _say(seconds: float, loop: asyncio.AbstractEventLoop) -> None:
    left = "; ".join([*_tasks(loop), *_threads()])
    os.write(STDERR, f"Not all had ended after {seconds:g} s; let go of: {left}.\n".encode(errors="replace"))


def _tasks(loop: asyncio.AbstractEventLoop) -> list[str]:
    """What has not ended, and where it waits."""
    tasks = [] if loop.is_closed() else asyncio.all_tasks(loop)
    return sorted(f"{task.get_name()} in {_place(list(_awaited(task.get_coro())))}" for task in tasks)


def _threads() -> list[str]:
    """The threads without which the process does not end, and those that are in something of ours."""
    frames = sys._current_frames()  # noqa: SLF001 -- the one way to another thread's place
    del frames[threading.get_ident()]
    stacks = [(one, _stack(frames.get(one.ident or 0))) for one in threading.enumerate()]
    left = [(one, stack) for one, stack in stacks if stack and (not one.daemon or any(map(_is_ours, stack)))]
    return sorted(f"{one.name} in {_place(stack)}" for one, stack in left)


def _awaited(what: Any) -> Iterator[FrameType]:  # noqa: ANN401 -- whatever can be awaited
    """The frames of a coroutine and of what it awaits, the innermost last."""
    while what is not None:
        for frame in ("cr_frame", "ag_frame", "gi_frame"):
            if (found := getattr(what, frame, None)) is not None:
                yield found
        awaits = [getattr(what, name, None) for name in ("cr_await", "ag_await", "gi_yieldfrom")]
        # What an async generator's `asend` belongs to, it names nowhere.
        inside = [one for one in gc.get_referents(what) if hasattr(one, "ag_frame")]
        what = next((one for one in [*awaits, *inside] if one is not None), None)


def _stack(frame: FrameType | None) -> list[FrameType]:
    """The frames of a thread, the innermost last; none where it has none."""
    return [] if frame is None else [one for one, _ in traceback.walk_stack(frame)][::-1]


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(OURS) and frame.f_code.co_filename != __file__


def _place(frames: list[FrameType]) -> str:
    """The innermost place of ours, else the innermost of all."""
    ours = [frame for frame in frames if _is_ours(frame)]
    if not frames:
        return "?"
    frame = (ours or frames)[-1]
    path = Path(frame.f_code.co_filename)
    return f"{path.relative_to(ROOT) if ours else path.name}:{frame.f_lineno}"
