"""The log, set up in one place: plain lines on standard error.

A line holds no identities, secrets or personal data (design 8.8). Of an exception it has the kind and the places, never
the message, which may quote a row, and never local variables.
"""

import logging
import sys
import traceback
from types import TracebackType

import structlog
from structlog.typing import EventDict, WrappedLogger

HEAD = "Traceback, kinds and places only:"
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def configure(level: int) -> None:
    """Log what is at least `level` (as in `logging`); libraries speak up from WARNING on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            _exception,
            structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = _StandardError()
    handler.setFormatter(_Plain("%(asctime)s [%(levelname)s] %(name)s: %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def places(error: BaseException) -> str:
    """Where an exception and those behind it came from, the first cause first; kinds and places only."""
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__))).rstrip()
    own = f"{frames}\n{type(error).__name__}{_code(error)}".lstrip("\n")
    return f"{places(behind)}\nthen\n{own}" if behind is not None else own


def _code(error: BaseException) -> str:
    """SQLite's name of a fault (SQLITE_BUSY), which quotes nobody; the place alone does not tell which it was."""
    name = getattr(error, "sqlite_errorname", "")
    return f" ({name})" if name else ""


def _exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    error = info if isinstance(info, BaseException) else sys.exc_info()[1] if info else None
    if error is not None:
        event["exception"] = f"{HEAD}\n{places(error)}"
    return event


class _StandardError(logging.Handler):
    """Writes to what is standard error now; who redirects it gets what is said from then on."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


class _Plain(logging.Formatter):
    """Lines of libraries, in the same form."""

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 -- as logging calls it
        return f"{HEAD}\n{places(ei[1])}" if ei[1] is not None else ""
