"""What cannot be done is one clear line, with exit code 2: what Typer refuses as well as what we do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

EXIT_BAD_INPUT = 2


def fail(message: str) -> NoReturn:
    """One clear line, exit code 2."""
    typer.echo(f"dalstroom: {message}", err=True)
    raise typer.Exit(EXIT_BAD_INPUT)


class OneLine(TyperGroup):
    """What cannot be (a value, an option, a command) is one line everywhere, as what we refuse ourselves is."""

    def make_context(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 -- Typer's own
        """Read the options before the command's name."""
        with _in_one_line():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 -- Typer's own
        """Run the command that was named."""
        with _in_one_line():
            return super().invoke(ctx)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        said = error.format_message()
        if not said or "\n" in said:  # no command at all: its message is the whole help
            raise
        where = getattr(error, "ctx", None)
        if where is None or isinstance(error, typer.BadParameter):
            fail(said)
        fail(f"{said} ({where.command_path} --help says what there is)")
