"""What `dalstroom` understands. Each command imports its world when it runs, so that `--help` is quick."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from server import collector
from server.cli.feeder_commands import app as feeder_app
from server.cli.forward_commands import app as forward_app
from server.cli.one_line import OneLine, fail
from server.cli.simulate_command import simulate

app = typer.Typer(
    name="dalstroom",
    cls=OneLine,
    help="Charge in the price valley: server, demo town, planner and replay.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
account_app = typer.Typer(help="Accounts of drivers and of those who run things.", no_args_is_help=True)
station_app = typer.Typer(help="Stations.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens: cards that may charge.", no_args_is_help=True)
app.add_typer(account_app, name="account")
app.add_typer(station_app, name="station")
app.add_typer(token_app, name="token")
bench_app = typer.Typer(help="Measurements.", no_args_is_help=True)
app.add_typer(bench_app, name="bench")
ca_app = typer.Typer(help="Certificates of stations, and our own authority that signs them.", no_args_is_help=True)
app.add_typer(ca_app, name="ca")
app.add_typer(feeder_app, name="feeder")
app.add_typer(forward_app, name="forward")

Database = Annotated[str, typer.Option(help="sqlite:///FILE or postgresql://...; default: SQLite in $DALSTROOM_HOME.")]


def guarded(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a command's work; what a person can mend becomes one line, Ctrl-C ends it quietly."""
    from server.cli.mendable import explain, mendable

    try:
        runner()(work())
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except mendable() as error:
        fail(explain(error))


def runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """The faster event loop where there is one (not on Windows), in a process whose threads share their heaps."""
    collector.share_heaps()
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Run the demo town, for this machine only.")] = False,
    speed: Annotated[int, typer.Option(help="Demo: simulated seconds per second (0 pauses; 1, 60, 600).")] = 600,
    seed: Annotated[int | None, typer.Option(help="Demo: which town; default: the one that is here, else 1.")] = None,
    port: Annotated[int, typer.Option(help="The app and the API.")] = 8000,
    ocpp_port: Annotated[int, typer.Option(help="The stations.")] = 9000,
    host: Annotated[str, typer.Option(help="Where to listen; --demo: this machine only.")] = "127.0.0.1",
    database: Database = "",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the app in a browser.")] = True,
    ocpps_port: Annotated[int | None, typer.Option(help="Stations over TLS (security profiles 2 and 3).")] = None,
    mtls_port: Annotated[
        int | None, typer.Option(help="Stations over TLS with a certificate only (profile 3).")
    ] = None,
    plain: Annotated[bool, typer.Option("--plain/--no-plain", help="Stations without TLS too (profile 1).")] = True,
    tls_cert: Annotated[Path | None, typer.Option(help="Our certificate with its chain, PEM; none: our CA's.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    tls_host: Annotated[list[str] | None, typer.Option(help="Name or address that stations reach us by.")] = None,
    charger_ca: Annotated[Path | None, typer.Option(help="Who signs certificates of stations; none: our CA.")] = None,
    static_rsa: Annotated[bool, typer.Option("--static-rsa", help="Also ciphers without forward secrecy.")] = False,
    hold_unknown: Annotated[str, typer.Option(help="Party that may take in stations that nobody added.")] = "",
    ping: Annotated[float, typer.Option(min=0, help="Seconds between pings to stations; 0: none.")] = 60,
    pong: Annotated[float, typer.Option(min=0, help="Drop who answers no ping within so many seconds; 0: nobody.")] = 0,
) -> None:
    """Run the server: API, app, gateway and workers; with --demo also the town."""
    from server.cli.up import Wanted, run
    from server.settings import PingSettings, TlsSettings

    hosts = tuple(tls_host or ())
    tls = TlsSettings(ocpps_port, mtls_port, tls_cert, tls_key, charger_ca, hosts, static_rsa)
    wanted = Wanted(
        demo=demo,
        speed=speed,
        seed=seed,
        port=port,
        ocpp_port=ocpp_port,
        host=host,
        database=database,
        browser=browser,
        plain=plain,
        tls=tls,
        strangers_of=hold_unknown,
        pings=PingSettings(ping or None, pong or None),
    )
    guarded(lambda: run(wanted))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="One day, noon to noon, stepped; then a summary.")] = False,
    seed: Annotated[int, typer.Option(help="Which town and day.")] = 1,
    prices: Annotated[Path | None, typer.Option(help="Recorded prices: ts_utc, price_eur_mwh.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    log: Annotated[Path | None, typer.Option(help="Write every OCPP frame here, a JSON line each.")] = None,
) -> None:
    """Run the demo town through one day, without a screen."""
    if not once:
        fail("demo needs --once; to watch the town live: dalstroom up --demo")
    from server.cli.demo import run

    guarded(lambda: run(seed, prices, log, as_json=as_json))


@app.command()
def plan(
    source: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON, or NDJSON with one problem a line.")] = "",
    again: Annotated[UUID | None, typer.Option(metavar="ID", help="Make this stored plan again.")] = None,
    database: Database = "",
) -> None:
    """Plan: read charging problems, write plans; or make a stored plan again."""
    if again is not None:
        from server.cli.plan_again import run as run_again

        guarded(lambda: run_again(again, database, sys.stdout))
        return
    if not source:
        fail("plan needs a FILE, or - for standard input, or --again ID")
    from server.cli.plan import run

    raise typer.Exit(run(source, sys.stdout))


@app.command()
def replay(
    sessions: Annotated[Path, typer.Argument(help="CSV or Parquet with session_id, user_id, start_utc, end_utc, ...")],
    prices: Annotated[Path, typer.Option(help="CSV or Parquet with ts_utc, price_eur_mwh.")],
    policy: Annotated[str, typer.Option(help="perfect, forecast or uncontrolled.")] = "forecast",
    energy: Annotated[str, typer.Option(help="known or estimated.")] = "estimated",
    floor_kwh: Annotated[float, typer.Option(help="Charged first, at once.")] = 5.0,
    dial: Annotated[str | None, typer.Option(help="sure, balanced or cheap.")] = None,
    risk: Annotated[float | None, typer.Option(help="The dial's number itself.")] = None,
    rule: Annotated[str, typer.Option(help="best; slots, gap or quantile to compare.")] = "best",
    ask: Annotated[float | None, typer.Option(help="Share of sessions in which the driver is asked.")] = None,
    power_kw: Annotated[float | None, typer.Option(help="Power of every session.")] = None,
    location_type: Annotated[str | None, typer.Option(help="Only sessions of this type.")] = None,
    shift_weeks: Annotated[int, typer.Option(help="Move the sessions by whole weeks.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Replay real sessions against real prices, walk-forward: what the planner would have earned."""
    from server.cli.replay import run

    code = run(
        sessions,
        prices,
        policy=policy,
        energy=energy,
        floor_kwh=floor_kwh,
        dial=dial,
        risk=risk,
        rule=rule,
        ask=ask,
        power_kw=power_kw,
        location_type=location_type,
        shift_weeks=shift_weeks,
        as_json=as_json,
    )
    raise typer.Exit(code)


@app.command()
def migrate(database: Database = "") -> None:
    """Bring the database to the schema of this version."""
    from server.cli.admin import migrate as work

    guarded(lambda: work(database))


@app.command()
def doctor(database: Database = "", port: int = 8000, ocpp_port: int = 9000) -> None:
    """Say what is installed, reachable and missing, and what to do about it."""
    from server.cli.doctor import run

    guarded(lambda: run(database, port, ocpp_port))


@app.command()
def openapi() -> None:
    """Print the API's OpenAPI document."""
    import msgspec

    from server.api.app import schema

    typer.echo(msgspec.json.format(msgspec.json.encode(schema())).decode())


app.command()(simulate)


@account_app.command("add")
def account_add(
    email: str,
    name: Annotated[str, typer.Option(help="Full name.")],
    role: Annotated[str, typer.Option(help="driver, fleet_manager, operator, supplier or administrator.")] = "driver",
    party: Annotated[str, typer.Option(help="The party it belongs to; made if new.")] = "Dalstroom",
    password: Annotated[
        str, typer.Option(envvar="DALSTROOM_PASSWORD", prompt=True, hide_input=True, confirmation_prompt=True)
    ] = "",
    database: Database = "",
) -> None:
    """Add an account that can sign in."""
    from server.cli.admin import AccountWanted
    from server.cli.admin import account_add as work

    guarded(lambda: work(AccountWanted(email, name, role, party, password), database))


@account_app.command("close")
def account_close(email: str, database: Database = "") -> None:
    """Close an account: pending cashback is paid into its wallet, its cards and sign-ins end."""
    from server.cli.admin import account_close as work

    guarded(lambda: work(email, database))


@station_app.command("add")
def station_add(
    identity: str,
    location: Annotated[str, typer.Option(help="Name of the place; made if new.")] = "Home",
    owner: Annotated[str, typer.Option(help="E-mail of the driver whose home this is; none: a public place.")] = "",
    party: Annotated[str, typer.Option(help="Whose public place it is; made if new.")] = "Dalstroom",
    price: Annotated[str, typer.Option(help="EUR per kWh at a new public place; none: nobody pays there.")] = "",
    night_price: Annotated[str, typer.Option(help="EUR per kWh there at night, if it differs.")] = "",
    night_from: Annotated[str, typer.Option(help="Local time at which the night price begins.")] = "23:00",
    night_to: Annotated[str, typer.Option(help="Local time at which it ends.")] = "07:00",
    max_w: Annotated[int, typer.Option(help="Most that it gives, W.")] = 11_040,
    phases: Annotated[int, typer.Option(min=1, max=3)] = 3,
    host: Annotated[str, typer.Option(help="Host name that the station reaches this server by.")] = "127.0.0.1",
    ocpp_port: Annotated[int, typer.Option(help="The port without TLS.")] = 9000,
    ocpps_port: Annotated[int | None, typer.Option(help="The port for TLS, where the station uses that.")] = None,
    database: Database = "",
) -> None:
    """Add a station: prints its URL and its key, once."""
    from server.cli.admin import PriceWanted, StationWanted
    from server.cli.admin import station_add as work
    from server.settings import station_base

    priced = PriceWanted(price, night_price, night_from, night_to)
    wanted = StationWanted(identity, location, owner, max_w, phases, party, priced)
    guarded(lambda: work(wanted, station_base(host, ocpp_port, ocpps_port), database))


@token_app.command("add")
def token_add(
    uid: str,
    account: Annotated[str, typer.Option(help="E-mail of its account.")],
    master: Annotated[bool, typer.Option("--master", help="It ends any session at its 2.x stations.")] = False,
    database: Database = "",
) -> None:
    """Let a card charge on an account."""
    from server.cli.admin import token_add as work

    guarded(lambda: work(uid, account, database, master=master))


@ca_app.command("init")
def ca_init(organization: Annotated[str, typer.Option(help="Whose authority it is.")] = "Dalstroom") -> None:
    """Make the authority, in $DALSTROOM_HOME/ca."""
    from server.cli import ca

    guarded(lambda: ca.init(organization))


@ca_app.command("issue")
def ca_issue(
    identity: str,
    out: Annotated[Path, typer.Option(help="Folder for the key and the certificate.")] = Path(),
    database: Database = "",
) -> None:
    """Make a key and a certificate for a station that cannot ask for one itself."""
    from server.cli import ca

    guarded(lambda: ca.issue(identity, out, database))


@ca_app.command("sign-csr")
def ca_sign_csr(
    identity: str,
    request: Annotated[Path, typer.Argument(help="The station's request (PKCS #10, PEM).")],
    database: Database = "",
) -> None:
    """Sign a station's request; prints the certificate."""
    from server.cli import ca

    guarded(lambda: ca.sign_csr(identity, ca.text_of(request), database))


@ca_app.command("list")
def ca_list(database: Database = "") -> None:
    """The certificates of all stations, the newest first."""
    from server.cli import ca

    guarded(lambda: ca.show(database))


@ca_app.command("revoke")
def ca_revoke(serial: Annotated[str, typer.Argument(help="As `ca list` shows it.")], database: Database = "") -> None:
    """Refuse a certificate from now on."""
    from server.cli import ca

    guarded(lambda: ca.revoke(serial, database))


@bench_app.command("engine")
def bench_engine(
    rows: Annotated[str, typer.Option(help="Only these rows, with commas between them.")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Times are medians of so many; fewer where one takes long.")] = 5,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small problems, one round: does it run, not how fast.")
    ] = False,
    page: Annotated[Path | None, typer.Option(help="Also write the table here, as Markdown.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Measure the engine beside SciPy's HiGHS, on generated problems and on real stays."""
    from server.cli.bench.run import Wanted, fault, run

    names = tuple(name.strip() for name in rows.split(",") if name.strip())
    wanted = Wanted(names, rounds, quick, as_json, page)
    missing = fault(wanted)
    if missing is not None:
        fail(missing)
    run(wanted)


@bench_app.command("gateway")
def bench_gateway(
    rows: Annotated[str, typer.Option(help="Only these measures, with commas between them.")] = "",
    sizes: Annotated[str, typer.Option(help="Other sizes: idle=1000,storm=500 ...")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: does it run, not how fast.")] = False,
    postgres: Annotated[str, typer.Option(help="URL of an empty PostgreSQL database, to measure that too.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Measure a server of its own with thousands of stations on loopback: cost, latency, storms, kills, fuzz.

    Each figure stands beside its goal. Without options the full sizes run: about twenty minutes on two cores that
    do nothing else, and at most ten minutes a measure; --quick takes a minute.
    """
    from server.cli.bench.gateway.run import Wanted, fault, run, sizes_of

    asked = sizes_of(sizes, quick=quick)
    if isinstance(asked, str):
        fail(asked)
    names = tuple(name.strip() for name in rows.split(",") if name.strip())
    wanted = Wanted(names, asked, postgres, as_json)
    missing = fault(wanted)
    if missing is not None:
        fail(missing)
    run(wanted, runner())
