"""Lists of stations that another central system hears too, entered and switched from the command line."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from server.cli.admin import opened
from server.clock import RealClock
from server.flows import entry, forwarding
from server.flows.forwarding import Installation, Owner
from server.settings import BadSetting, home_dir, secret
from server.storage.forwardings import Forwarding
from shared.forwarding import ForwardingAdd, ForwardingChange, ForwardingView


@dataclass(frozen=True)
class Wanted:
    """What `forward add` was told; `ocpp_url` is what identities are appended to where stations reach us."""

    source: Path
    name: str
    url: str
    party: str
    allowed: list[str]
    their_cards: bool
    public: bool
    ocpp_url: str


async def add(wanted: Wanted, database: str) -> None:
    """Enter a list; each fault of it is a line, and then nothing was entered."""
    here, now = Installation(secret(home_dir()), wanted.ocpp_url), RealClock().now()
    said = {"name": wanted.name, "url": wanted.url, "stations": _text(wanted.source), "allowed": wanted.allowed}
    try:
        asked = msgspec.convert(said | {"their_cards": wanted.their_cards, "public": wanted.public}, ForwardingAdd)
    except msgspec.ValidationError as error:
        raise BadSetting(str(error)) from error
    async with opened(database) as db, db.begin() as tx:
        party = await entry.operator(tx, wanted.party, now)
        entered = await forwarding.enter(tx, Owner(party.id), asked, here, now)
        if isinstance(entered, list):
            raise BadSetting("nothing was entered: " + "; ".join(f"{one.where}: {one.why}" for one in entered))
        view = await forwarding.view(tx, entered.forwarding, here)
    for one in view.stations:
        if one.identity in entered.outcomes:
            typer.echo(f"{entered.outcomes[one.identity]:9}  {one.identity}  {one.url}")
    typer.echo("Enter each URL in its station; the key stays. The server forwards within two seconds.")


async def show(party: str, database: str) -> None:
    """Every list of a party."""
    async with opened(database) as db, db.read() as tx:
        found = await forwarding.views(tx, Owner(await _party(tx, party)), _here())
    for view in found:
        _print(view)
    if not found:
        typer.echo("Nothing is forwarded.")


async def switch(name: str, party: str, station: str, database: str, *, on: bool) -> None:
    """A list, or one station of it, on or off."""
    now = RealClock().now()
    async with opened(database) as db, db.begin() as tx:
        mine = await _named(tx, name, party)
        if station:
            listed = (await forwarding.view(tx, mine, _here())).stations
            wanted = next((one.id for one in listed if one.identity == station), None)
            if wanted is None or not await forwarding.switch_station(tx, mine, wanted, now, on=on):
                raise BadSetting(f"{name} has no station {station}: see dalstroom forward list")
        else:
            changed = await forwarding.change(tx, mine, ForwardingChange(on=on), now)
            assert isinstance(changed, Forwarding), "a switch has no fault"
            mine = changed
        view = await forwarding.view(tx, mine, _here())
    _print(view)


def _print(view: ForwardingView) -> None:
    typer.echo(f"{view.name}  {'on' if view.on else 'off'}  {view.url}")
    typer.echo(f"  may ask: {', '.join(view.allowed) or 'nothing'}")
    for one in view.stations:
        counts = f"{one.waiting} waiting, {one.delivered} delivered, {one.dropped} dropped"
        counts += f", {one.untold} sessions untold" if one.untold else ""
        typer.echo(f"  {one.identity}  {one.state}  {counts}  back: {one.back_url}")
        for text in (one.error, one.note):
            if text:
                typer.echo(f"    {text}")


def _here() -> Installation:
    """Where stations reach us is the server's to know."""
    return Installation(secret(home_dir()), "")


async def _party(tx: AsyncSession, name: str) -> UUID:
    known = await entry.known_party(tx, name)
    if known is None:
        raise BadSetting(f"no party is called {name}")
    return known.id


async def _named(tx: AsyncSession, name: str, party: str) -> Forwarding:
    party_id = await _party(tx, party)
    found = await forwarding.named(tx, Owner(party_id), name)
    if found is None:
        raise BadSetting(f"no list is called {name}: see dalstroom forward list")
    return found


def _text(source: Path) -> str:
    try:
        return source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise BadSetting(f"{source}: {why}") from error
