"""`dalstroom feeder`: what it understands."""

from typing import Annotated

import typer

app = typer.Typer(help="Limits that stations share: a connection, and what is inside of it.", no_args_is_help=True)
Database = Annotated[str, typer.Option(help="sqlite:///FILE or postgresql://...; default: SQLite in $DALSTROOM_HOME.")]
Name = Annotated[str, typer.Argument(help="What the limit is called at its place.")]
Location = Annotated[str, typer.Option(help="Name of the place.")]
Party = Annotated[str, typer.Option(help="Whose place it is.")]
Owner = Annotated[str, typer.Option(help="E-mail of the driver whose home it is, instead of location and party.")]
LimitW = Annotated[int | None, typer.Option(help="All phases together, W.")]
LimitA = Annotated[str, typer.Option(help="Each phase, A: 63, or 63,63,50.")]
Parent = Annotated[str, typer.Option(help="The limit that it is inside of, by name.")]
BaseLoad = Annotated[
    list[str] | None,
    typer.Option(help="What the building takes here, W: 20000, or 07:00-19:00=20000 (more than once)."),
]
Stations = Annotated[list[str] | None, typer.Option(help="A station that hangs here (more than once).")]


@app.command("add")
def add(
    name: Name,
    location: Location = "",
    owner: Owner = "",
    party: Party = "Dalstroom",
    limit_w: LimitW = None,
    limit_a: LimitA = "",
    parent: Parent = "",
    base_load: BaseLoad = None,
    station: Stations = None,
    database: Database = "",
) -> None:
    """Enter a limit; the first of a place holds for all of its stations unless you name some."""
    from server.cli import feeders
    from server.cli.commands import guarded

    said = feeders.Said(limit_w, limit_a, parent or None, base_load, station)
    guarded(lambda: feeders.add(feeders.Where(location, owner, party), name, said, database))


@app.command("change")
def change(
    name: Name,
    location: Location = "",
    owner: Owner = "",
    party: Party = "Dalstroom",
    limit_w: LimitW = None,
    limit_a: LimitA = "",
    parent: Parent = "",
    base_load: BaseLoad = None,
    station: Stations = None,
    without: Annotated[list[str] | None, typer.Option(help="A station that hangs on no limit any more.")] = None,
    database: Database = "",
) -> None:
    """Change a limit, or which stations hang on it; what is not said stays."""
    from server.cli import feeders
    from server.cli.commands import guarded

    said = feeders.Said(limit_w, limit_a, parent or None, base_load, station, without)
    guarded(lambda: feeders.change(feeders.Where(location, owner, party), name, said, database))


@app.command("list")
def show(location: Location = "", owner: Owner = "", party: Party = "Dalstroom", database: Database = "") -> None:
    """The limits of a place, each with its stations and what a socket there may take when nobody steers."""
    from server.cli import feeders
    from server.cli.commands import guarded

    guarded(lambda: feeders.show(feeders.Where(location, owner, party), database))


@app.command("remove")
def remove(
    name: Name, location: Location = "", owner: Owner = "", party: Party = "Dalstroom", database: Database = ""
) -> None:
    """Take a limit away; what hangs on it hangs where it did."""
    from server.cli import feeders
    from server.cli.commands import guarded

    guarded(lambda: feeders.remove(feeders.Where(location, owner, party), name, database))
