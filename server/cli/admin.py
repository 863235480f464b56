"""`dalstroom migrate`, `account add`, `station add`, `token add`: what is entered by hand, into the database."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
import typer

from server.clock import RealClock
from server.core.session import Refused
from server.core.tariff import DAY_MINUTES, EnergyWindow, minute_of_day
from server.flows import closing, entry
from server.flows.accounts import find, hash_password
from server.flows.entry import AccountEntry, StationEntry
from server.settings import BadSetting, Settings, home_dir
from server.storage import schema
from server.storage.db import Database
from shared.accounts import Email, Password, Role
from shared.stations import StationAdd
from shared.vehicles import Name

T = TypeVar("T")
LEAST_PASSWORD = 8
MOST_CARD = 20
"""OCPP 1.6: an idTag is a CiString20."""
MICRO = 1_000_000
MOST_PRICE_MICRO = 2_000_000
"""More than EUR 2 per kWh is no price but cents."""
NIGHT = ("23:00", "07:00")


@dataclass(frozen=True)
class AccountWanted:
    """What `account add` was told."""

    email: str
    name: str
    role: str
    party: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class PriceWanted:
    """What a kWh costs at a new public place, EUR, "" for none; with a night price between two local times, HH:MM."""

    kwh: str = ""
    night: str = ""
    night_from: str = NIGHT[0]
    night_to: str = NIGHT[1]


@dataclass(frozen=True)
class StationWanted:
    """What `station add` was told. `owner` "" means a public place of `party`."""

    identity: str
    location: str
    owner: str
    max_w: int
    phases: int
    party: str = "Dalstroom"
    price: PriceWanted = PriceWanted()


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Database, None]:
    """The database of this installation, brought to the schema of this version."""
    db = Database(Settings(home=home_dir(), database=url).database_url)
    try:
        await schema.migrate(db)
        yield db
    finally:
        await db.close()


async def migrate(database: str) -> None:
    """Bring the database to the schema of this version, and say from where to where."""
    db = Database(Settings(home=home_dir(), database=database).database_url)
    try:
        before, _ = await schema.revisions(db)
        after = await schema.migrate(db)
    finally:
        await db.close()
    typer.echo(f"Database at revision {after}" + ("" if before == after else f" (was {before or 'empty'})"))


async def account_add(wanted: AccountWanted, database: str) -> None:
    """Add an account that can sign in."""
    if "@" not in wanted.email:
        raise BadSetting(f"{wanted.email} is no e-mail address")
    if wanted.role not in list(Role):
        raise BadSetting(f"--role must be one of {', '.join(Role)}, not {wanted.role}")
    if len(wanted.password) < LEAST_PASSWORD:
        raise BadSetting(f"--password: take {LEAST_PASSWORD} characters or more")
    email = _fits("the e-mail address", wanted.email, Email)
    name, party = _fits("--name", wanted.name, Name), _fits("--party", wanted.party, Name)
    _fits("--password", wanted.password, Password)
    new = AccountEntry(email, name, Role(wanted.role), party, hash_password(wanted.password))
    async with opened(database) as db, db.begin() as tx:
        account = _granted(await entry.add_account(tx, new, RealClock().now()))
    typer.echo(f"Added {account.role.value} {account.name} <{account.email}> of {wanted.party}.")


async def station_add(wanted: StationWanted, base_url: str, database: str) -> None:
    """Add a station and print where it connects and its key, which is kept nowhere else."""
    said = {
        "identity": wanted.identity,
        "location_name": wanted.location,
        "max_w": wanted.max_w,
        "phases": wanted.phases,
    }
    try:
        station = msgspec.convert(said, StationAdd)
    except msgspec.ValidationError as error:
        hint = "; an identity is 1 to 48 printable characters, no space, no colon" if "identity" in str(error) else ""
        raise BadSetting(f"{error}{hint}") from error
    if not wanted.owner:
        _fits("--party", wanted.party, Name)
    new = StationEntry(
        station=station,
        party=wanted.party,
        owner_email=wanted.owner or None,
        energy=_energy(wanted.price),
    )
    async with opened(database) as db, db.begin() as tx:
        added = _granted(await entry.add_station(tx, new, f"{base_url}/ocpp", RealClock().now()))
    kind = "public place" if added.public else "home"
    typer.echo(
        f"Added {wanted.identity} at {added.location_name} ({kind}). Enter in the station, now: it is shown once."
    )
    typer.echo(f"URL  {added.credentials.url}")
    typer.echo(f"Key  {added.credentials.key}")


async def token_add(uid: str, account: str, database: str, *, master: bool = False) -> None:
    """Let a card charge on an account, or (`master`) end sessions."""
    if not 0 < len(uid) <= MOST_CARD:
        raise BadSetting(f"a card's uid has 1 to {MOST_CARD} characters")
    async with opened(database) as db, db.begin() as tx:
        owner = _granted(await entry.add_token(tx, uid, account, RealClock().now(), master=master))
    what = "ends any session at the 2.x stations of" if master else "charges on"
    typer.echo(f"Card {uid} {what} {owner.name} <{owner.email}>.")


async def account_close(email: str, database: str) -> None:
    """Close an account and say what of its pending cashback was paid into its wallet."""
    async with opened(database) as db, db.begin() as tx:
        found = await find(tx, email)
        if found is None:
            raise BadSetting(f"no open account has the e-mail address {email}")
        released = _granted(await closing.close_account(tx, found.id, RealClock().now()))
    typer.echo(f"Closed. {found.currency} {released / 100:.2f} that was pending went into the wallet.")


def _energy(price: PriceWanted) -> tuple[EnergyWindow, ...]:
    """The windows of a public price: the night's, if there is one, then the rest of the day."""
    if not price.kwh:
        if price.night or (price.night_from, price.night_to) != NIGHT:
            raise BadSetting("a night needs the price of the day: give --price and --night-price")
        return ()
    day = EnergyWindow("00:00", "24:00", _micro("--price", price.kwh))
    if not price.night:
        if (price.night_from, price.night_to) != NIGHT:
            raise BadSetting("--night-from and --night-to need --night-price")
        return (day,)
    night = EnergyWindow(price.night_from, price.night_to, _micro("--night-price", price.night))
    begin, end = _quarter("--night-from", price.night_from), _quarter("--night-to", price.night_to)
    if begin % DAY_MINUTES == end % DAY_MINUTES:
        raise BadSetting("the night ends when it begins: give two different times")
    if night.price_micro_per_kwh == day.price_micro_per_kwh:
        raise BadSetting("day and night cost the same: leave --night-price out")
    return (night, day)


def _micro(option: str, text: str) -> int:
    """EUR per kWh as micro-units."""
    try:
        micro = Decimal(text) * MICRO
    except InvalidOperation:
        micro = Decimal("NaN")
    if not micro.is_finite() or micro < 0 or micro != micro.to_integral_value():
        raise BadSetting(f"{option}: EUR per kWh is wanted, such as 0.39, not {text}")
    if micro > MOST_PRICE_MICRO:
        raise BadSetting(f"{option}: EUR {text} per kWh looks like cents: did you mean {Decimal(text) / 100}?")
    return int(micro)


def _quarter(option: str, text: str) -> int:
    """A local time in whole quarter hours, as minutes of the day: prices hold for slots."""
    try:
        minute = minute_of_day(text)
    except ValueError as error:
        raise BadSetting(f"{option}: {error}") from error
    if minute % 15:
        raise BadSetting(f"{option}: a price changes at a quarter of an hour, such as 22:45, not at {text}")
    return minute


def _fits(what: str, said: str, kind: Any) -> str:  # noqa: ANN401 -- a type of the API
    """What was said, without spaces around it. What the API would refuse is refused: nobody could sign in with it."""
    try:
        return str(msgspec.convert(said.strip(), kind))
    except msgspec.ValidationError as error:
        raise BadSetting(f"{what}: {error}") from error


def _granted(answer: T | Refused) -> T:
    """The answer, or the refusal as the one line that a person sees."""
    if isinstance(answer, Refused):
        raise BadSetting(answer.hint)
    return answer
