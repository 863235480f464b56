"""What operators see and do: the message log, commands to stations, what stations told of themselves, files."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec


class Direction(StrEnum):
    """Which way a frame went: from a station, or to it."""

    IN = "in"
    OUT = "out"


class FrameKind(StrEnum):
    """What a frame was."""

    CALL = "call"
    RESULT = "result"
    ERROR = "error"
    MALFORMED = "malformed"
    OTHER = "other"


class MessageView(msgspec.Struct, frozen=True):
    """One frame of the message log. `action` of an answer is that of the call; keys in `frame` are hidden.

    `asked_by`: the account that wanted this call, null where the server did. `odd`: what in it is not as the
    specification says, by the official schemas; "" for nothing. Frames are answered and acted on all the same.
    """

    id: int
    at: datetime
    station: str
    direction: Direction
    kind: FrameKind
    action: str
    message_id: str
    frame: str
    asked_by: UUID | None = None
    odd: str = ""


class CommandStatus(StrEnum):
    """What became of a command: after `offline` and `timed_out` the station may have acted all the same."""

    ANSWERED = "answered"
    OFFLINE = "offline"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    INVALID = "invalid"


class CommandOutcome(msgspec.Struct, frozen=True):
    """What a station answered, or exactly what happened instead.

    `answer`: the station's own JSON, as it came. `error_code` and `detail`: its CALLERROR, or why there is no answer.
    `complaints`: where the answer breaks its official schema (it counts all the same), or the command does (INVALID).
    """

    station: str
    action: str
    status: CommandStatus
    answer: Any = None
    error_code: str = ""
    detail: str = ""
    complaints: list[str] = []
    took_ms: int = 0


class CommandForm(msgspec.Struct, frozen=True):
    """An action that a station's version knows, with a body that fits its schema."""

    action: str
    example: dict[str, Any]


class CommandForms(msgspec.Struct, frozen=True):
    """What can be asked of a station. `version`: 1.6, 2.0.1 or 2.1."""

    version: str
    forms: list[CommandForm]


class BulkAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One command to many stations; without `stations`, to all of the party."""

    action: str
    body: dict[str, Any]
    stations: list[str] | None = None
    abreast: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class BulkState(StrEnum):
    """Whether a bulk command still goes on."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class BulkView(msgspec.Struct, frozen=True):
    """How far a bulk command is. `counts`: stations by what became of them; `outcomes`: those that are done."""

    id: UUID
    action: str
    state: BulkState
    total: int
    done: int
    counts: dict[str, int]
    outcomes: list[CommandOutcome]


class StationEventView(msgspec.Struct, frozen=True):
    """Something that a station told. `status`: its own word; `said_at`: when, by its own clock."""

    id: int
    at: datetime
    said_at: datetime | None
    kind: str
    status: str
    detail: str
    request_no: int | None


class InventoryKind(StrEnum):
    """What a line of a station's inventory is: `report` says which parts of one came, `problem` what is wrong."""

    VARIABLE = "variable"
    MONITOR = "monitor"
    MESSAGE = "message"
    CUSTOMER = "customer"
    REPORT = "report"
    PROBLEM = "problem"


class InventoryLine(msgspec.Struct, frozen=True):
    """What a station reported last under a name, as it said it, and in answer to which request.

    `complete`: of a report, whether all its parts came; null of everything else.
    """

    id: int
    kind: InventoryKind
    name: str
    said: Any
    request_no: int | None
    at: datetime
    complete: bool | None


class FileKind(StrEnum):
    """Which file: diagnostics by GetDiagnostics (1.6), the others by GetLog."""

    DIAGNOSTICS = "Diagnostics"
    DIAGNOSTICS_LOG = "DiagnosticsLog"
    SECURITY_LOG = "SecurityLog"


class FileAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file a station is to upload."""

    kind: FileKind


class FileView(msgspec.Struct, frozen=True):
    """A file that a station was asked for; `size` in bytes, null until it came."""

    id: UUID
    kind: FileKind
    name: str
    asked_at: datetime
    came_at: datetime | None
    size: int | None


class FileAnswer(msgspec.Struct, frozen=True):
    """The file that is awaited, and what the station said to it."""

    file: FileView
    outcome: CommandOutcome
