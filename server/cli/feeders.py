"""Shared limits under places, entered from the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from server.cli.admin import opened
from server.clock import RealClock
from server.core.station import MIN_CURRENT_MA
from server.flows import accounts, entry, feeders
from server.settings import BadSetting
from server.storage import locations
from server.storage.locations import Location
from shared.feeders import FeederAdd, FeederChange, FeederView
from shared.problems import FieldError

T = TypeVar("T")
ALL_DAY = ("00:00", "24:00")


@dataclass(frozen=True)
class Where:
    """A place: by name and party, or the home of a driver."""

    location: str
    owner: str
    party: str


@dataclass(frozen=True)
class Said:
    """What was said of a limit; None and "" where nothing was."""

    limit_w: int | None
    limit_a: str
    parent: str | None
    base_load: list[str] | None
    stations: list[str] | None
    without: list[str] | None = None


async def add(where: Where, name: str, said: Said, database: str) -> None:
    """Enter a limit, and say what it means for a station alone."""
    async with opened(database) as db, db.begin() as tx:
        place = await _place(tx, where)
        values = await _values(tx, place, said)
        made = await feeders.add(tx, place, _read({"name": name, **values}, FeederAdd), RealClock().now())
        _print(_granted(made))


async def change(where: Where, name: str, said: Said, database: str) -> None:
    """Change a limit."""
    async with opened(database) as db, db.begin() as tx:
        place = await _place(tx, where)
        one = await _named(tx, place, name)
        values = await _values(tx, place, said)
        made = await feeders.change(tx, place, one.id, _read(values, FeederChange), RealClock().now())
        assert made is not None, "it was there in this transaction"
        _print(_granted(made))


async def show(where: Where, database: str) -> None:
    """The limits of a place, outer before inner."""
    async with opened(database) as db, db.read() as tx:
        place = await _place(tx, where)
        found = (await feeders.limits(tx, place.id)).views()
    depth = {one.id: 0 for one in found}
    for one in found:
        depth[one.id] = depth[one.parent_id] + 1 if one.parent_id is not None else 0
        _print(one, "  " * depth[one.id])
    if not found:
        typer.echo("No limit is shared here: each station has its own.")


async def remove(where: Where, name: str, database: str) -> None:
    """Take a limit away."""
    async with opened(database) as db, db.begin() as tx:
        place = await _place(tx, where)
        await feeders.remove(tx, place, (await _named(tx, place, name)).id, RealClock().now())
    typer.echo(f"Removed {name}.")


async def _place(tx: AsyncSession, where: Where) -> Location:
    if where.owner:
        account = await accounts.find(tx, where.owner)
        home = None if account is None else await locations.home_of(tx, account.id)
        if home is None:
            raise BadSetting(f"no driver {where.owner} has a home with a station: dalstroom station add --owner")
        return home
    if not where.location:
        raise BadSetting("say which place: --location NAME, or --owner EMAIL for a home")
    party = await entry.known_party(tx, where.party)
    place = None if party is None else await locations.named(tx, party.id, where.location.strip())
    if place is None:
        raise BadSetting(f"{where.party} has no place {where.location}: dalstroom station add --location")
    return place


async def _named(tx: AsyncSession, place: Location, name: str) -> FeederView:
    found = (await feeders.limits(tx, place.id)).views()
    one = next((one for one in found if one.name.casefold() == name.strip().casefold()), None)
    if one is None:
        known = ", ".join(each.name for each in found) or "none"
        raise BadSetting(f"{place.name} has no limit {name} (it has: {known})")
    return one


async def _values(tx: AsyncSession, place: Location, said: Said) -> dict[str, object]:
    """What was said, by the fields of the API."""
    out: dict[str, object] = {}
    if said.limit_w is not None:
        out["limit_w"] = said.limit_w
    if said.limit_a:
        out["limit_ma"] = [_milliamps(one) for one in said.limit_a.split(",")]
    if said.parent is not None:
        out["parent_id"] = (await _named(tx, place, said.parent)).id
    if said.base_load is not None:
        out["base_load"] = [_window(one) for one in said.base_load]
    if said.stations is not None:
        out["stations"] = said.stations
    if said.without:
        out["without"] = said.without
    return out


def _milliamps(text: str) -> int:
    try:
        return int(Decimal(text.strip()) * 1000)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise BadSetting(f"--limit-a takes A, one value or three with commas between them, not {text}") from error


def _window(text: str) -> dict[str, object]:
    hours, _, load = text.rpartition("=")
    begin, _, end = hours.partition("-") if hours else (ALL_DAY[0], "", ALL_DAY[1])
    if not load.strip().isdecimal():
        raise BadSetting(f"--base-load takes W, or FROM-TO=W such as 07:00-19:00=20000, not {text}")
    return {"from_local": begin.strip(), "to_local": end.strip(), "load_w": int(load)}


def _read(values: dict[str, object], kind: type[T]) -> T:
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise BadSetting(f"{error}; times are HH:MM, limits whole W or A above 0") from error


def _granted(made: FeederView | list[FieldError]) -> FeederView:
    if isinstance(made, list):
        raise BadSetting("; ".join(f"{one.field}: {one.message}" for one in made))
    return made


def _print(one: FeederView, indent: str = "") -> None:
    limits = ([f"{one.limit_w} W"] if one.limit_w is not None else []) + _amperes(one.limit_ma)
    typer.echo(f"{indent}{one.name}: {', '.join(limits)}; {one.sockets} socket{'s' * (one.sockets != 1)} below")
    for window in one.base_load:
        typer.echo(f"{indent}  building {window.from_local}-{window.to_local} {window.load_w} W")
    for identity in one.stations:
        typer.echo(f"{indent}  {identity}")
    if one.stations and one.safe_share_ma:
        typer.echo(f"{indent}  alone: {one.safe_share_ma / 1000:g} A a socket")
    elif one.stations:
        typer.echo(f"{indent}  alone: nothing, as less than {MIN_CURRENT_MA // 1000} A is left for each socket")


def _amperes(limit_ma: Sequence[int] | None) -> list[str]:
    if limit_ma is None:
        return []
    shown = limit_ma[:1] if len(set(limit_ma)) == 1 else limit_ma
    return ["/".join(f"{one / 1000:g}" for one in shown) + " A"]
