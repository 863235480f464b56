"""Identity for components: the same place on the screen with another key is another component."""

from collections.abc import Callable
from typing import ParamSpec

import flet as ft

P = ParamSpec("P")


def keyed(component: Callable[P, ft.Control], key: str, *args: P.args, **kwargs: P.kwargs) -> ft.Control:
    """Render `component` under a key; without one Flet keeps the state of whatever stood there before."""
    return component(*args, key=key, **kwargs)  # type: ignore[arg-type]  # Flet takes the key out before calling
