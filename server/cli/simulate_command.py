"""The options of `dalstroom simulate`; what they do is in `simulate.py`, which is imported when it runs."""

from pathlib import Path
from typing import Annotated

import typer

SEED = """The same seed makes the same stations and cars, and the same chaos for a station's n-th frame; when a frame
comes and how much is drawn is the clock's."""
QUIRK = """A quirk by name; `list` prints all, `each` deals one to each station: all but odd_stop_ids, whose sessions
end only minutes after their cars have left, so that a run would end before them."""
Seed = Annotated[int, typer.Option(help=SEED)]


def simulate(
    stations: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    url: Annotated[str, typer.Option(help="ws://host:9000/ocpp, or wss:// for --security 2 and 3.")] = "",
    key: Annotated[str, typer.Option(help="Key of each station; {n} is its number. None: --enter makes them.")] = "",
    identity: Annotated[str, typer.Option(help="Identity of each station; {n} is its number.")] = "SIM-{n:05d}",
    card: Annotated[str, typer.Option(help="The card that all of them show.")] = "SIMULATOR",
    seconds: Annotated[float, typer.Option(min=1, help="How long, before all leave.")] = 30,
    charging: Annotated[float, typer.Option(min=0, max=1, help="The share that charges.")] = 0.5,
    reading_s: Annotated[
        float, typer.Option("--reading", min=0, help="Seconds between readings; 0: as the server sets it.")
    ] = 15,
    stay_s: Annotated[
        float, typer.Option("--stay", min=0, help="Seconds until a car leaves and another comes; 0: all stay.")
    ] = 0,
    ramp_s: Annotated[
        float, typer.Option("--ramp", min=0, help="Connect one after the other within so many seconds.")
    ] = 0,
    sleepy: Annotated[float, typer.Option(min=0, max=1, help="Share of cars that fall asleep in a pause.")] = 0.1,
    sleeps_after_s: Annotated[
        float, typer.Option("--sleeps-after", min=0, help="A pause of so many seconds sends them to sleep.")
    ] = 3600,
    version: Annotated[str, typer.Option(help="1.6, 2.0.1 or mixed.")] = "1.6",
    security: Annotated[int, typer.Option(min=0, max=3, help="Security profile; 0: shows nothing.")] = 1,
    ca: Annotated[Path | None, typer.Option(help="Who signed the server's certificate, PEM.")] = None,
    certificates: Annotated[
        Path | None, typer.Option(help="Folder with IDENTITY.pem and IDENTITY.key, as `ca issue` writes them.")
    ] = None,
    quirk: Annotated[list[str] | None, typer.Option(help=QUIRK)] = None,
    chaos: Annotated[bool, typer.Option("--chaos", help="Drops, doubles, reorders, answers late, slow lines.")] = False,
    chaos_level: Annotated[str, typer.Option(help="light, rough or storm.")] = "",
    seed: Seed = 1,
    enter: Annotated[
        bool, typer.Option("--enter", help="First enter stations and card in this installation's database.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    database: Annotated[str, typer.Option(help="With --enter: as in `up`.")] = "",
) -> None:
    """Connect many simulated stations to a server and let them charge.

    Exit code 0: all went well; 1: none could connect; 3: a station was refused, an answer was missing or wrong, or
    something could not be told; 2: wrong options.
    """
    said = locals()
    from server.cli.commands import guarded
    from server.cli.simulate import SimulationWanted, list_quirks, run
    from server.simulator.fleet.plan import FleetPlan

    names = tuple(quirk or ())
    if "list" in names:
        list_quirks()
        return
    told = {name: said[name] for name in FleetPlan.__struct_fields__ if name in said}  # options are called like fields
    told |= {"quirks": names, "chaos": chaos_level or ("rough" if chaos else "")}
    guarded(lambda: run(SimulationWanted(FleetPlan(**told), enter=enter, as_json=as_json), database))
