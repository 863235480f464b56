"""`dalstroom forward`: what it understands."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Stations that another central system hears too.", no_args_is_help=True)
Database = Annotated[str, typer.Option(help="sqlite:///FILE or postgresql://...; default: SQLite in $DALSTROOM_HOME.")]
Party = Annotated[str, typer.Option(help="Whose stations they are.")]
Name = Annotated[str, typer.Argument(help="The list's name.")]
One = Annotated[str, typer.Option(help="Only the station with this identity.")]


@app.command("add")
def add(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: identity, key, location; max_w, phases.")],
    url: Annotated[str, typer.Option(help="Where stations connect to the other system, less their identity.")],
    name: Annotated[str, typer.Option(help="The list's name; the same name again changes and adds.")],
    party: Party = "Dalstroom",
    allow: Annotated[str, typer.Option(help="Commands that may come back, with commas between them.")] = "",
    their_cards: Annotated[
        bool, typer.Option("--their-cards/--our-cards", help="Cards that we do not know charge by its word.")
    ] = True,
    public: Annotated[bool, typer.Option("--public/--private", help="What new places are.")] = True,
    host: Annotated[str, typer.Option(help="Host name that the stations reach this server by.")] = "127.0.0.1",
    ocpp_port: Annotated[int, typer.Option(help="The port without TLS.")] = 9000,
    ocpps_port: Annotated[int | None, typer.Option(help="The port for TLS, where the stations use that.")] = None,
    database: Database = "",
) -> None:
    """Add a list of stations, or change it: all of it or nothing. Prints the URL to enter in each station."""
    from server.cli import forward
    from server.cli.commands import guarded
    from server.settings import station_base

    allowed = [one.strip() for one in allow.split(",") if one.strip()]

    async def work() -> None:
        base = station_base(host, ocpp_port, ocpps_port)
        wanted = forward.Wanted(source, name, url, party, allowed, their_cards, public, f"{base}/ocpp")
        await forward.add(wanted, database)

    guarded(work)


@app.command("list")
def show(party: Party = "Dalstroom", database: Database = "") -> None:
    """Every list with its stations: how they stand, what waits, and the way back."""
    from server.cli import forward
    from server.cli.commands import guarded

    guarded(lambda: forward.show(party, database))


@app.command("off")
def off(name: Name, party: Party = "Dalstroom", station: One = "", database: Database = "") -> None:
    """Forward nothing more, at once; prints the URL by which each station goes back to the other system."""
    _switch(name, party, station, database, on=False)


@app.command("on")
def on(name: Name, party: Party = "Dalstroom", station: One = "", database: Database = "") -> None:
    """Forward again."""
    _switch(name, party, station, database, on=True)


def _switch(name: str, party: str, station: str, database: str, *, on: bool) -> None:
    from server.cli import forward
    from server.cli.commands import guarded

    guarded(lambda: forward.switch(name, party, station, database, on=on))
