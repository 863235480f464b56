"""Entering accounts, stations and cards: what is printed, what a station may then do, and one line where it cannot."""

import asyncio
import hashlib
import re
import sqlite3
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner, Result

from server.cli import app
from server.cli.mendable import explain
from server.clock import RealClock
from server.core.contract import ContractKind
from server.core.tariff import day_steps
from server.flows import accounts as sign_in
from server.flows import sessions, stations
from server.flows.facts import contract_here
from server.storage import accounts, contracts, locations
from server.storage.db import Database
from shared.accounts import Role

PASSWORD = "a long one"
ANNA = "anna@example.org"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DALSTROOM_HOME", str(tmp_path))
    return tmp_path


def dalstroom(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def done(*words: str) -> str:
    result = dalstroom(*words)
    assert result.exit_code == 0, result.output
    return result.output


def refusal(*words: str) -> str:
    """The one line of a command that fails with exit code 2."""
    result = dalstroom(*words)
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def add_anna(*more: str) -> str:
    return done("account", "add", ANNA, "--name", "Anna Bos", "--password", PASSWORD, *more)


def looked(home: Path, check: Callable[[AsyncSession], Coroutine[None, None, None]]) -> None:
    """Hold the database of a home against what a test expects."""

    async def look() -> None:
        db = Database(f"sqlite:///{home / 'dalstroom.db'}")
        try:
            async with db.read() as tx:
                await check(tx)
        finally:
            await db.close()

    asyncio.run(look())


def printed(said: str) -> tuple[str, str]:
    url, key = re.search(r"^URL +(\S+)$", said, re.MULTILINE), re.search(r"^Key +(\S+)$", said, re.MULTILINE)
    assert url is not None
    assert key is not None
    return url[1], key[1]


def test_migrate_says_from_where_to_where(home: Path) -> None:
    assert done("migrate") == "Database at revision 0001 (was empty)\n"
    assert done("migrate") == "Database at revision 0001\n"
    assert (home / "dalstroom.db").exists()


def test_a_new_account_can_sign_in_with_its_password(home: Path) -> None:
    assert add_anna() == f"Added driver Anna Bos <{ANNA}> of Dalstroom.\n"

    async def check(tx: AsyncSession) -> None:
        account = await sign_in.find(tx, "Anna@Example.org")
        assert account is not None
        assert account.role is Role.DRIVER
        assert sign_in.password_fits(account.password_hash, PASSWORD)
        assert not sign_in.password_fits(account.password_hash, "another one")
        assert PASSWORD not in (account.password_hash or "")

    looked(home, check)


def test_a_driver_may_charge_in_public_and_from_the_app_at_once(home: Path) -> None:
    add_anna()
    done("station", "add", "STREET-1", "--location", "Plein", "--price", "0.39")

    async def check(tx: AsyncSession) -> None:
        account = await sign_in.find(tx, ANNA)
        assert account is not None
        token = await contracts.token_of(tx, account.id)
        assert token is not None
        assert token.kind == "app"
        assert len(token.uid) <= 20
        credential = await stations.credential(tx, "STREET-1")
        assert credential is not None
        answer = await sessions.authorize(tx, credential.station_id, token.uid, RealClock().now())
        assert answer.status == "Accepted"
        place = next(iter(await locations.public(tx)))
        contract = await contracts.contract_at(tx, account.id, place.id)
        assert contract is not None
        assert contract.terms.kind is ContractKind.PUBLIC_FIXED
        tariff = await contracts.public_tariff(tx, place.tariff_id)
        assert tariff is not None
        assert [window.price_micro_per_kwh for window in tariff.energy] == [390_000]

    looked(home, check)


def test_every_role_gets_a_party_of_its_kind(home: Path) -> None:
    for role in Role:
        words = ("--name", role.value, "--role", role.value, "--party", f"The {role.value}s", "--password", PASSWORD)
        done("account", "add", f"{role.value}@example.org", *words)
    done("account", "add", "second@example.org", "--name", "Two", "--party", "THE DRIVERS", "--password", PASSWORD)

    async def check(tx: AsyncSession) -> None:
        parties = await locations.party_names(tx)
        assert sorted(parties.values()) == sorted(f"The {role.value}s" for role in Role)
        for role in Role:
            account = await accounts.by_email(tx, f"{role.value}@example.org")
            assert account is not None
            assert account.role is role
            assert parties[account.party_id] == f"The {role.value}s"

    looked(home, check)


def test_a_station_is_told_its_url_and_its_key_once(home: Path) -> None:
    url, key = printed(done("station", "add", "S#1/a", "--host", "dal.local", "--ocpp-port", "9001"))
    assert url == "ws://dal.local:9001/ocpp/S%231%2Fa"
    assert re.fullmatch("[0-9a-f]{40}", key)

    async def check(tx: AsyncSession) -> None:
        credential = await stations.credential(tx, "S#1/a")
        assert credential is not None
        assert credential.key_sha256 == hashlib.sha256(key.encode()).digest()

    looked(home, check)
    assert key.encode() not in (home / "dalstroom.db").read_bytes()


def test_a_station_at_home_makes_the_home_and_its_contract(home: Path) -> None:
    add_anna()
    done("token", "add", "04AABBCC", "--account", ANNA)
    assert "at Garage (home)" in done("station", "add", "HOME-1", "--owner", ANNA, "--location", "Garage")
    assert "at Garage (home)" in done("station", "add", "HOME-2", "--owner", ANNA)

    async def check(tx: AsyncSession) -> None:
        account = await sign_in.find(tx, ANNA)
        assert account is not None
        place = await locations.home_of(tx, account.id)
        assert place is not None
        assert not place.public
        contract = await contracts.contract_at(tx, account.id, place.id)
        assert contract is not None
        assert (contract.terms.kind, contract.terms.partner) == (ContractKind.HOME_FIXED, False)
        credential = await stations.credential(tx, "HOME-1")
        assert credential is not None
        answer = await sessions.authorize(tx, credential.station_id, "04aabbcc", RealClock().now())
        assert answer.status == "Accepted"
        answer = await sessions.authorize(tx, credential.station_id, "04AABBCD", RealClock().now())
        assert answer.status == "Invalid"

    looked(home, check)


def test_what_cannot_be_is_one_line_and_exit_code_2(home: Path) -> None:
    add_anna()
    done("station", "add", "HOME-1", "--owner", ANNA)
    done("token", "add", "04AABBCC", "--account", ANNA)
    password = ("--password", PASSWORD)
    assert "e-mail address already" in refusal("account", "add", "ANNA@example.org", "--name", "A", *password)
    assert "no e-mail address" in refusal("account", "add", "anna", "--name", "A", *password)
    assert "--role must be one of driver" in refusal(
        "account", "add", "b@example.org", "--name", "B", "--role", "boss", *password
    )
    assert "8 characters" in refusal("account", "add", "b@example.org", "--name", "B", "--password", "short")
    assert "has this identity" in refusal("station", "add", "HOME-1")
    assert "no space, no colon" in refusal("station", "add", "HOME:2")
    assert "owner's account first" in refusal("station", "add", "HOME-2", "--owner", "nobody@example.org")
    assert "the driver's tariff counts" in refusal("station", "add", "HOME-2", "--owner", ANNA, "--price", "0.3")
    assert "this place is private" in refusal("station", "add", "S-1", "--location", "home").lower()
    assert "such as 0.39" in refusal("station", "add", "S-1", "--location", "Plein", "--price", "cheap")
    assert "account first" in refusal("token", "add", "04", "--account", "nobody@example.org")
    assert "charges on an account already" in refusal("token", "add", "04aabbcc", "--account", ANNA)
    assert "1 to 20 characters" in refusal("token", "add", "0" * 21, "--account", ANNA)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("account", "add", "@", "--name", "B", "--password", PASSWORD), "the e-mail address: "),
        (("account", "add", "b@example.org", "--name", "B", "--password", "x" * 1025), "--password: "),
        (("account", "add", "b@example.org", "--name", " ", "--password", PASSWORD), "--name: "),
        (("account", "add", "b@example.org", "--name", "B", "--party", "", "--password", PASSWORD), "--party: "),
        (("station", "add", "S-1", "--location", "Plein", "--party", "x" * 81), "--party: "),
    ],
)
def test_what_nobody_could_sign_in_with_or_read_is_one_line(home: Path, words: tuple[str, ...], said: str) -> None:
    assert said in refusal(*words)


def test_a_price_belongs_to_the_place_that_is_made_with_it(home: Path) -> None:
    done("station", "add", "S-1", "--location", "Plein", "--price", "0.39")
    assert "leave the price out" in refusal("station", "add", "S-2", "--location", "plein", "--price", "0.45")
    assert "at Plein (public place)" in done("station", "add", "S-2", "--location", "plein")


def test_a_public_price_may_be_another_at_night(home: Path) -> None:
    add_anna()
    at_night = ("--night-price", "0.29", "--night-from", "22:30", "--night-to", "06:00")
    done("station", "add", "S-1", "--location", "Plein", "--price", "0.49", *at_night)
    done("station", "add", "S-2", "--location", "Markt", "--price", "0.49", "--night-price", "0.39")

    async def check(tx: AsyncSession) -> None:
        steps, terms = {}, {}
        account = await sign_in.find(tx, ANNA)
        assert account is not None
        for place in await locations.public(tx):
            tariff = await contracts.public_tariff(tx, place.tariff_id)
            assert tariff is not None
            steps[place.name] = [(one.from_local, one.energy_micro_per_kwh) for one in day_steps(tariff)]
            contract = contract_here(await contracts.contract_at(tx, account.id, place.id), place, tariff)
            assert contract is not None
            terms[place.name] = contract.terms.kind
        assert steps == {
            "Plein": [("06:00", 490_000), ("22:30", 290_000)],
            "Markt": [("07:00", 490_000), ("23:00", 390_000)],
        }
        assert set(terms.values()) == {ContractKind.PUBLIC_TIMED}

    looked(home, check)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--night-price", "0.29"), "needs the price of the day"),
        (("--night-from", "22:00"), "needs the price of the day"),
        (("--price", "0.49", "--night-from", "22:00"), "need --night-price"),
        (("--price", "0.49", "--night-price", "dear"), "--night-price: EUR per kWh is wanted, such as 0.39, not dear"),
        (("--price", "49"), "looks like cents: did you mean 0.49?"),
        (("--price", "0.49", "--night-price", "29"), "looks like cents: did you mean 0.29?"),
        (("--price", "0.49", "--night-price", "0.490"), "cost the same"),
        (("--price", "0.49", "--night-price", "0.29", "--night-from", "11pm"), "--night-from: expected HH:MM"),
        (("--price", "0.49", "--night-price", "0.29", "--night-to", "06:10"), "at a quarter of an hour"),
        (("--price", "0.49", "--night-price", "0.29", "--night-to", "23:00"), "ends when it begins"),
        (("--owner", ANNA, "--price", "0.49", "--night-price", "0.29"), "the driver's tariff counts"),
    ],
)
def test_a_night_price_that_cannot_be_is_one_line(home: Path, words: tuple[str, ...], said: str) -> None:
    add_anna()
    assert said in refusal("station", "add", "S-1", "--location", "Plein", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("station", "add", "S-1", "--phases", "4"), "'--phases'"),
        (("station", "add", "S-1", "--phases", "three"), "'--phases'"),
        (("station", "add", "S-1", "--max-w", "lots"), "'--max-w'"),
        (("station", "add", "S-1", "--max-w", "100"), "$.max_w"),
        (("station", "add", "S-1", "--ocpps-port", "tls"), "'--ocpps-port'"),
        (("station", "add"), "'identity'"),
        (("account", "add", ANNA), "'--name'"),
        (("token", "add", "04AABBCC"), "'--account'"),
        (("feeder", "add", "Main", "--location", "Plein", "--limit-w", "much"), "'--limit-w'"),
        (("feeder", "change", "Main", "--location", "Plein", "--limit-w", "1.5"), "'--limit-w'"),
        (("up", "--port", "http"), "'--port'"),
    ],
)
def test_a_value_that_the_command_line_itself_refuses_is_one_line_that_names_it(
    home: Path, words: tuple[str, ...], said: str
) -> None:
    line = refusal(*words)
    assert line.startswith("dalstroom: ")
    assert said in line
    assert "an identity is" not in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ocpp-port", "70000"), "--ocpp-port must lie between 1 and 65535, not 70000"),
        (("--ocpp-port", "0"), "--ocpp-port must lie between 1 and 65535, not 0"),
        (("--ocpps-port", "-1"), "--ocpps-port must lie between 1 and 65535, not -1"),
        (("--host", "http://us.example"), "--host is a name or an address"),
        (("--host", "us.example:9000"), "--host is a name or an address"),
        (("--host", "a b"), "--host is a name or an address"),
    ],
)
def test_an_address_that_no_station_can_use_is_one_line_and_adds_nothing(
    home: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in refusal("station", "add", "S-1", "--location", "Plein", *words)
    assert "ws://[2001:db8::1]:9001/ocpp/S-1" in done(
        "station", "add", "S-1", "--location", "Plein", "--host", "2001:db8::1", "--ocpp-port", "9001"
    )


def test_a_database_that_cannot_be_used_is_one_line(home: Path) -> None:
    assert "sqlite:///FILE or postgresql://" in refusal("migrate", "--database", "mysql://somewhere")
    assert "no server answers there" in refusal("migrate", "--database", "postgresql://u:secret@127.0.0.1:1/dalstroom")
    assert "unable to open database file" in refusal("migrate", "--database", f"sqlite:///{home}/no/such/folder.db")
    for nameless in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
        assert "no file is named" in refusal("migrate", "--database", nameless)
    said = refusal("migrate", "--database", "postgresql://u:secret@127.0.0.1:secret/dalstroom")
    assert "its port is no number" in said
    assert "secret" not in said


def test_a_database_url_with_parameters_is_no_trace(home: Path) -> None:
    url = "postgresql://u:secret@127.0.0.1:1/dalstroom?sslmode=require"
    assert "no server answers there" in refusal("migrate", "--database", url)
    said = refusal("migrate", "--database", f"{url}&sslrout=/etc/root.crt")
    assert "--database: sslrout is not known here" in said
    assert "secret" not in said


def test_a_database_that_is_not_there_or_not_trusted_says_so() -> None:
    assert explain(TimeoutError()) == "--database: no server answers there (TimeoutError)"
    assert explain(FileNotFoundError(2, "No such file")) == "--database: no server answers there (No such file)"
    assert explain(FileNotFoundError(2, "No such file", "prices.csv")) == "prices.csv: No such file"
    assert "TLS with that server failed" in explain(ssl.SSLCertVerificationError(1, "self-signed certificate"))


@pytest.mark.parametrize(
    "words",
    [
        ("migrate",),
        ("station", "add", "S-1", "--location", "Plein"),
        ("feeder", "list", "--location", "Plein"),
        ("plan", "--again", "00000000-0000-4000-8000-000000000000"),
    ],
    ids=lambda words: words[0],
)
def test_a_file_that_is_no_database_is_one_line_in_every_command(home: Path, words: tuple[str, ...]) -> None:
    text = home / "text.db"
    text.write_text("this is no database\n" * 100)
    assert "--database: file is not a database" in refusal(*words, "--database", f"sqlite:///{text}")
    assert text.read_text().startswith("this is no database")


def test_a_broken_database_is_one_line_and_what_it_refuses_is_not(home: Path) -> None:
    done("migrate")
    file = home / "dalstroom.db"
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert "--database: database disk image is malformed" in refusal("migrate")
    with pytest.raises(sqlite3.IntegrityError):
        explain(sqlite3.IntegrityError("UNIQUE constraint failed"))


def test_an_unwritable_data_folder_is_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").touch()
    monkeypatch.setenv("DALSTROOM_HOME", str(home / "file"))
    assert "set DALSTROOM_HOME to a folder of yours" in refusal("migrate")


@pytest.mark.postgres
def test_postgresql_takes_the_same_commands(home: Path, fresh_postgres_url: str) -> None:
    where = ("--database", fresh_postgres_url)
    assert "(was empty)" in done("migrate", *where)
    add_anna(*where)
    done("station", "add", "HOME-1", "--owner", ANNA, *where)
    done("token", "add", "04AABBCC", "--account", ANNA, *where)
    assert "has this identity" in refusal("station", "add", "HOME-1", *where)
    assert "does not exist" in refusal("migrate", "--database", fresh_postgres_url + "_not_there")
