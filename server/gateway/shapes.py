"""What the payloads of every version have in common."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec


class Payload(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A payload, or a part of one: camel case on the wire, what is not said left out.

    `if_missing`: what a field that the standard demands counts as where a station does not say it (see `lax`).
    """

    if_missing: ClassVar[Mapping[str, Any]] = {}


def word_of(said: str, words: Mapping[str, str]) -> str | None:
    """A word of the standard's however it is spelt as to capitals; `words` by their small letters. None: unknown."""
    return words.get(said.strip().lower())


def by_small_letters(*words: str) -> Mapping[str, str]:
    """For `word_of`."""
    return {word.lower(): word for word in words}
