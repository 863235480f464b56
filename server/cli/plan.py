"""`dalstroom plan FILE|-`: problems in, plans out; JSON, or NDJSON answered line by line in order (engine A1).

A problem with faults is answered with an object that names each field and what was expected; the exit code is then 2,
and the other lines are answered all the same.
"""

import sys
from collections.abc import Iterator
from typing import BinaryIO, TextIO

import msgspec

from server.core.valley.problem import parse
from server.workers.solve import solve
from shared.problems import FieldError

FAULTY = 2


class Refusal(msgspec.Struct, frozen=True):
    """What stands in the place of an answer: `line` of the input, the problem's id where it could be read."""

    id: str | None
    line: int
    errors: list[FieldError]


class _Named(msgspec.Struct, frozen=True):
    id: str | None = None


def run(source: str, out: TextIO) -> int:
    """Answer every problem of a file, or of standard input for `-`; 0, or 2 where a problem had faults."""
    if source == "-":
        return _answered(sys.stdin.buffer, out)
    try:
        with open(source, "rb") as file:  # noqa: PTH123  a name from the command line, as it was typed
            return _answered(file, out)
    except OSError as error:
        print(
            f"{source}: {error.strerror or error}; expected a readable file, or - for standard input", file=sys.stderr
        )
        return FAULTY


def _answered(source: BinaryIO, out: TextIO) -> int:
    code = 0
    for line, raw in _documents(source):
        problem = parse(raw)
        if isinstance(problem, list):
            code = FAULTY
            _say(out, Refusal(_id(raw), line, problem))
            for error in problem:
                print(f"line {line}: {error.field}: {error.message}", file=sys.stderr)
        else:
            _say(out, solve(problem))
    return code


def _documents(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The JSON documents of a stream with the lines that they start in: one over many lines, or one a line."""
    lines = ((number, line) for number, line in enumerate(source, 1) if line.strip())
    number, first = next(lines, (1, b""))
    if not first or _whole(first):
        yield number, first
        yield from lines
        return
    rest = list(lines)
    everything = first + b"".join(line for _, line in rest)
    if _whole(everything) or not any(_object(line) for _, line in rest):
        yield number, everything
    else:
        yield number, first
        yield from rest


def _whole(raw: bytes) -> bool:
    """Whether this is one JSON document."""
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _object(raw: bytes) -> bool:
    return raw.lstrip().startswith(b"{") and _whole(raw)


def _id(raw: bytes) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _say(out: TextIO, answer: msgspec.Struct) -> None:
    out.write(msgspec.json.encode(answer).decode() + "\n")
    out.flush()
