"""What stations report of themselves when asked, part by part, and what they say that is wrong with a part of them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

NAME_MAX = 255
TEXT_MAX = 200
FAILURES = range(4)
ERROR = 4
"""Severities of OCPP 2.x: 0 danger, 1 and 2 failures, 3 critical, 4 error; what is beyond is for whoever asks."""
TRUE, FALSE = "true", "false"
PROBLEM = "Problem"


class ReportItem(msgspec.Struct, frozen=True):
    """One line of a report: a variable, a monitor, a message. `said`: JSON as the station said it, without keys."""

    name: str
    said: str


class ReportPart(msgspec.Struct, frozen=True):
    """A part of a report. `kind`: variable, monitor, customer, message; `seq_no` None where parts have no number."""

    kind: str
    request_no: int
    seq_no: int | None
    last: bool
    items: tuple[ReportItem, ...] = ()


class Parts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which parts of a report came. `last`: the number of the last one, None until it came."""

    seen: tuple[int, ...] = ()
    last: int | None = None

    def with_part(self, part: ReportPart) -> "Parts":
        """These and one more, in whatever order they come; without numbers they come in order."""
        number = len(self.seen) if part.seq_no is None else part.seq_no
        seen = tuple(sorted({*self.seen, number}))
        return Parts(seen, number if part.last else self.last)

    @property
    def complete(self) -> bool:
        """The last part came, and all before it."""
        return self.last is not None and set(range(self.last + 1)) <= set(self.seen)


class PartEvent(msgspec.Struct, frozen=True):
    """What a station notices of one of its parts (NotifyEvent). `part`: its name and where, `severity` None: not said.

    `trigger`: Alerting, Delta or Periodic; `cleared`: what was wrong is over; `words`: what else it says.
    """

    part: str
    variable: str
    value: str
    trigger: str
    at: datetime | None = None
    cleared: bool = False
    monitor_id: int | None = None
    severity: int | None = None
    words: str = ""
    raw: str = "{}"

    @property
    def name(self) -> str:
        """What the problem is called as long as it lasts."""
        return f"{self.part} {self.variable}"[:NAME_MAX]

    @property
    def text(self) -> str:
        """All of it in a line, in the station's words."""
        said = f"{self.part} {self.variable}={self.value}"
        return (f"{said}: {self.words}" if self.words else said)[:TEXT_MAX]


class Problem(msgspec.Struct, frozen=True):
    """Something that a station says is wrong with it, as it is kept while it lasts."""

    text: str
    severity: int | None = None


def is_problem(event: PartEvent, severity: int | None) -> bool | None:
    """Whether an event says that something is wrong (True) or is so no more (False); None: neither.

    `severity`: the event's own, else its monitor's; where neither is known, what alerts is a problem.
    """
    if event.cleared or (event.variable == PROBLEM and event.value.lower() == FALSE):
        return False
    if severity is not None and severity > ERROR:
        return None
    if event.variable == PROBLEM:
        return True if event.value.lower() == TRUE else None
    if event.trigger == "Alerting":
        return event.value.lower() != FALSE or event.monitor_id is not None
    return True if severity is not None and event.trigger == "Delta" and event.value.lower() == TRUE else None


def is_grave(problems: Sequence[Problem]) -> bool:
    """Whether one of them is a failure."""
    return any(one.severity in FAILURES for one in problems)
