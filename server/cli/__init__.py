"""The command line: `dalstroom`. Each command is a module; this one is imported first and must stay light."""

from server.cli.commands import app


def main() -> None:
    """The entry point of `dalstroom`."""
    app()


__all__ = ["app", "main"]
