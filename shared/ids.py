"""Ids that derive from what they name, so that a repeat finds the first (UUID version 5)."""

from uuid import UUID, uuid5

NAMESPACE = UUID("8f1b1c1e-4d2a-5c7e-9a51-da15720030a1")


def derive(kind: str, *parts: object) -> UUID:
    """The id of a `kind` named by `parts`: the same parts give the same id on every machine."""
    return uuid5(NAMESPACE, "\x1f".join([kind, *map(str, parts)]))
