"""Names on the wire (camelCase) as `simulator/profiles.py` wants them (snake_case)."""

import re
from functools import lru_cache
from typing import Any

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snaked(value: Any) -> Any:  # noqa: ANN401  (JSON)
    """A JSON value with all names of objects in snake case."""
    if isinstance(value, dict):
        return {_snake(name): snaked(inner) for name, inner in value.items()}
    return [snaked(inner) for inner in value] if isinstance(value, list) else value


@lru_cache(maxsize=512)
def _snake(name: str) -> str:
    return _HUMP.sub("_", name).lower()
