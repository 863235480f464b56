"""`dalstroom ca`: our own authority for certificates of stations, from the command line."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from server.cli.admin import opened
from server.clock import RealClock
from server.core.certificate import Signed, Subject, check_request
from server.core.session import Refused
from server.feeds.charger_ca import FOLDER, OwnCa, create, write_secret
from server.flows import certificates
from server.settings import BadSetting, home_dir


async def init(organization: str) -> None:
    """Make the authority; there is one only, because its stations trust it."""
    folder = home_dir() / FOLDER
    try:
        made = create(folder, organization, _now())
    except FileExistsError as error:
        raise BadSetting(f"{folder}: there is an authority already") from error
    typer.echo(f"Made {made.root_path}. Enter it in your stations as the central system's root certificate.")
    typer.echo(f"Keep {folder / 'ca.key'} to yourself and in a backup.")


async def issue(identity: str, out: Path, database: str) -> None:
    """Key and certificate of a station, as files; the key is kept nowhere else."""
    ca = _authority()
    async with opened(database) as db, db.begin() as tx:
        station_id, subject = await _station(tx, identity)
        key, signed = ca.make_station(subject, _now())
        await certificates.enter(tx, station_id, signed, _now())
    stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in identity)
    write_secret(out / f"{stem}.key", key)
    (out / f"{stem}.pem").write_text(signed.chain_pem)
    typer.echo(f"Wrote {out / stem}.key and {out / stem}.pem, valid until {signed.not_after:%Y-%m-%d}.")
    typer.echo(f"Serial {signed.serial}")


async def sign_csr(identity: str, request: str, database: str) -> None:
    """Sign what a station's maker or installer hands over."""
    ca = _authority()
    async with opened(database) as db, db.begin() as tx:
        station_id, subject = await _station(tx, identity)
        asked = check_request(request, subject)
        if isinstance(asked, Refused):
            raise BadSetting(asked.hint)
        signed = await ca.sign(asked.pem, subject, _now())
        assert isinstance(signed, Signed), "our own authority signs at once"
        await certificates.enter(tx, station_id, signed, _now())
    typer.echo(signed.chain_pem, nl=False)


async def show(database: str) -> None:
    """All certificates of this installation."""
    async with opened(database) as db, db.read() as tx:
        for one in await certificates.everybodys(tx):
            end = "" if one.not_after is None else f"{one.not_after:%Y-%m-%d}"
            typer.echo(f"{one.serial or '-':40}  {one.state:9}  {end:10}  {one.identity}")


async def revoke(serial: str, database: str) -> None:
    """Refuse a certificate from now on; a connection that it opened before stays until it ends."""
    async with opened(database) as db, db.begin() as tx:
        identity = await certificates.revoke_serial(tx, serial, _now())
    if identity is None:
        raise BadSetting(f"no certificate has the serial {serial}: see dalstroom ca list")
    typer.echo(f"Revoked. {identity} does not get in with it any more.")


def text_of(path: Path) -> str:
    """A request as a file has it. Raises BadSetting where it cannot be read."""
    try:
        return path.read_text("ascii", "replace")
    except OSError as error:
        raise BadSetting(f"{path}: {error.strerror}") from error


def _authority() -> OwnCa:
    folder = home_dir() / FOLDER
    if not (folder / "ca.key").exists():
        raise BadSetting("there is no authority yet: dalstroom ca init")
    return OwnCa(folder)


async def _station(tx: AsyncSession, identity: str) -> tuple[UUID, Subject]:
    found = await certificates.subject_of(tx, identity)
    if found is None:
        raise BadSetting(f"no station is called {identity}: dalstroom station add")
    return found


def _now() -> datetime:
    return RealClock().now()
