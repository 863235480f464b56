"""Pages by cursor: a cursor is a place in the order, so that new rows move nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

from litestar.params import QueryParameter

from shared.wire import Page

T = TypeVar("T")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Cursor = Annotated[
    str | None,
    QueryParameter(pattern="^[0-9]{1,16}$", description="`next_cursor` of the page before"),
]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="The most that a page holds")]


def micros(moment: datetime) -> int:
    """A time as a place in the order: microseconds since 1970 UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(cursor: str | None) -> datetime | None:
    """The time that a cursor of `micros` names."""
    return None if cursor is None else EPOCH + timedelta(microseconds=int(cursor))


def page(found: Sequence[T], limit: int, place: Callable[[T], int]) -> Page[T]:
    """A page out of more than `limit` rows, newest first, or out of all that there are.

    Rows of one place stay together, even where they alone are more than a page holds.
    """
    if len(found) <= limit:
        return Page(list(found))
    cut = place(found[limit])
    kept = [one for one in found[:limit] if place(one) != cut] or [one for one in found if place(one) == cut]
    return Page(kept, str(place(kept[-1])))
