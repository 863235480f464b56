"""A second reading of payloads that the strict one refuses: numbers as text and the reverse, gaps, ids too long.

What can be understood is acted on as if it had been said rightly; the judge (`server/gateway/judge.py`) notes what was
not. A field that makes no sense counts as not said. No id is taken for another's: one that is cut ends in its hash.
"""

import hashlib
import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from server.gateway.shapes import Payload

T = TypeVar("T", bound=msgspec.Struct)
UNFIT = msgspec.UNSET
NUMBER_MAX = 40
HUGE = 10**NUMBER_MAX
_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_HASH = 16


def read(kind: type[T], payload: msgspec.Raw) -> T | None:
    """What a payload says as far as anybody can tell; None where what it is about is missing."""
    try:
        said = msgspec.json.decode(payload)
    except (
        msgspec.MsgspecError,
        ValueError,
        RecursionError,
    ):  # thousands of digits, or no UTF-8
        return None
    found = _fit(_shape(kind), said)
    return found if isinstance(found, kind) else None


@cache
def _shape(kind: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(kind)


def _fit(shape: inspect.Type, said: Any) -> Any:  # noqa: ANN401 -- any JSON into any field
    fit = _FITS.get(type(shape))
    return said if fit is None else fit(shape, said)


def _struct(shape: inspect.StructType, said: Any) -> Any:  # noqa: ANN401
    """A struct with what is said. Of what it must have at least one thing is said, or it is none."""
    if not isinstance(said, dict):
        return UNFIT
    assert issubclass(shape.cls, Payload)
    found, heard = {}, not any(field.required for field in shape.fields)
    for field in shape.fields:
        value = said.get(field.encode_name)
        fitted = UNFIT if value is None else _fit(field.type, value)
        heard = heard or (field.required and fitted is not UNFIT)
        if fitted is UNFIT and field.required:
            fitted = shape.cls.if_missing.get(field.name, UNFIT)
            if fitted is UNFIT:
                return UNFIT
        if fitted is not UNFIT:
            found[field.name] = fitted
    return shape.cls(**found) if heard else UNFIT


def _one_of(shape: inspect.UnionType, said: Any) -> Any:  # noqa: ANN401
    """As it stands where one of the types is its own; else as the first that it can be read as, else nothing."""
    for one in shape.types:
        if (fitted := _fit(one, said)) is not UNFIT and type(fitted) is type(said) and fitted == said:
            return said
    fits = [fitted for one in shape.types if (fitted := _fit(one, said)) is not UNFIT]
    if fits:
        return fits[0]
    return None if any(isinstance(one, inspect.NoneType) for one in shape.types) else UNFIT


def _row(shape: inspect.ListType | inspect.VarTupleType, said: Any) -> Any:  # noqa: ANN401
    """A list of what fits of it; one thing alone is a list of one."""
    some = said if isinstance(said, list) else [said] if isinstance(said, dict) else None
    if some is None:
        return UNFIT
    fits = [fitted for one in some if (fitted := _fit(shape.item_type, one)) is not UNFIT]
    return tuple(fits) if isinstance(shape, inspect.VarTupleType) else fits


def _text(said: Any, most: int | None) -> Any:  # noqa: ANN401
    if isinstance(said, bool):
        return "true" if said else "false"
    if isinstance(said, int | float):
        if not _is_meant(said):
            return UNFIT
        return str(int(said)) if said == int(said) else str(said)
    return _shortened(said, most) if isinstance(said, str) else UNFIT


def _shortened(text: str, most: int | None) -> str:
    """A text of at most so many characters; two that differ stay two."""
    if most is None or len(text) <= most:
        return text
    return text[: most - _HASH - 1] + "~" + hashlib.sha256(text.encode()).hexdigest()[:_HASH]


def _whole(said: Any, least: float | None, most: float | None) -> Any:  # noqa: ANN401
    exact = isinstance(said, int) and not isinstance(said, bool) and _is_meant(said)
    number = said if exact else _number(said)
    if number is UNFIT or number != int(number):
        return UNFIT
    whole = int(number)
    fits = (least is None or whole >= least) and (most is None or whole <= most)
    return whole if fits else UNFIT


def _is_meant(number: float) -> bool:
    """Whether anybody can mean a number: it is finite, and has no more digits than a text may have."""
    return math.isfinite(number) if isinstance(number, float) else abs(number) < HUGE


def _number(said: Any) -> Any:  # noqa: ANN401
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return UNFIT
    if not isinstance(said, str) and not _is_meant(said):
        return UNFIT
    if isinstance(said, str) and not (said.isascii() and 0 < len(said) <= NUMBER_MAX and "_" not in said):
        return UNFIT
    try:
        number = int(said) if isinstance(said, str) and said.strip().lstrip("+-").isdigit() else float(said)
    except (ValueError, OverflowError):
        return UNFIT
    return number if math.isfinite(number) else UNFIT


def _flag(said: Any) -> Any:  # noqa: ANN401
    text = _text(said, None)
    return UNFIT if text is UNFIT else _FLAGS.get(text.strip().lower(), UNFIT)


def _raw(said: Any) -> Any:  # noqa: ANN401
    try:
        return msgspec.Raw(msgspec.json.encode(said))
    except (OverflowError, RecursionError, ValueError):  # an integer beyond 64 bits in it, or too deep
        return UNFIT


_FITS: dict[type, Callable[[Any, Any], Any]] = {
    inspect.StructType: _struct,
    inspect.UnionType: _one_of,
    inspect.ListType: _row,
    inspect.VarTupleType: _row,
    inspect.StrType: lambda shape, said: _text(said, shape.max_length),
    inspect.IntType: lambda shape, said: _whole(said, shape.ge, shape.le),
    inspect.FloatType: lambda _shape, said: _number(said),
    inspect.BoolType: lambda _shape, said: _flag(said),
    inspect.RawType: lambda _shape, said: _raw(said),
    inspect.NoneType: lambda _shape, said: None if said is None else UNFIT,
}
