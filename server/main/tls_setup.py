"""Which files the gateway's TLS uses: given ones, or those of our own authority."""

import ssl
from pathlib import Path

import msgspec

from server.addresses import at_host
from server.clock import RealClock
from server.feeds.charger_ca import FOLDER, OwnCa
from server.feeds.null import NoSigner
from server.feeds.ports import Signer
from server.gateway import tls
from server.gateway.listener import Gateway, GatewaySettings
from server.gateway.tls import Clients, Tls
from server.settings import BadSetting, Settings

NO_CA = "there is no certificate for stations: make an authority (dalstroom ca init), or give --tls-cert and --tls-key"


def gateway_settings(settings: Settings) -> GatewaySettings:
    """The gateway's ports and files. Raises BadSetting where TLS is wanted and a file is missing or wrong."""
    wanted = settings.tls
    pings = settings.pings
    plain = GatewaySettings(
        host="" if settings.host == "::" else settings.host,  # else the event loop would take it for IPv6 alone
        port=settings.ocpp_port,
        ping_interval_s=pings.every_s,
        ping_timeout_s=pings.pong_within_s,
    )
    if not wanted.on:
        if settings.ocpp_port is None:
            raise BadSetting("no port is left for stations: give --ocpps-port, or leave --no-plain out")
        return plain
    files = _files(settings)
    try:
        tls.context(files, Clients.ASKED)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(f"TLS: {error.strerror or error}: check --tls-cert, --tls-key and --charger-ca") from error
    if wanted.mtls_port is not None and files.charger_ca is None:
        raise BadSetting("--mtls-port needs to know who signs chargers: dalstroom ca init, or --charger-ca")
    return msgspec.structs.replace(plain, tls_port=wanted.port, mtls_port=wanted.mtls_port, tls=files)


def own_ca(home: Path) -> OwnCa | None:
    """Our own authority, where there is one."""
    return OwnCa(home / FOLDER) if (home / FOLDER / "ca.key").exists() else None


def signer(settings: Settings) -> Signer:
    """Who signs requests of stations: our own authority, unless there is none or another one was named."""
    ours = None if settings.tls.charger_ca is not None else own_ca(settings.home)
    return NoSigner() if ours is None else ours


def secure_url(settings: Settings, gateway: Gateway) -> str:
    """Where stations connect over TLS, less their identity; "" where they cannot."""
    if not settings.tls.on:
        return ""
    host = (settings.tls.hosts or (settings.reached_at,))[0]
    port = gateway.tls_port if settings.tls.port is not None else gateway.mtls_port
    return at_host(f"wss://:{port}/ocpp", host)


def station_url(settings: Settings, gateway: Gateway) -> str:
    """Where stations connect, less their identity: without TLS where that is possible."""
    if settings.ocpp_port is not None:
        return at_host(f"ws://:{gateway.port}/ocpp", settings.reached_at)
    return secure_url(settings, gateway)


def _files(settings: Settings) -> Tls:
    wanted, ours = settings.tls, own_ca(settings.home)
    charger_ca = wanted.charger_ca or (ours.root_path if ours is not None else None)
    if (wanted.certificate is None) != (wanted.key is None):
        raise BadSetting("--tls-cert and --tls-key belong together")
    if wanted.certificate is not None and wanted.key is not None:
        return Tls(wanted.certificate, wanted.key, charger_ca, wanted.static_rsa)
    if ours is None:
        raise BadSetting(NO_CA)
    hosts = wanted.hosts or tuple(dict.fromkeys((settings.reached_at, "localhost")))
    certificate, key = ours.server_files(hosts, RealClock().now())
    return Tls(certificate, key, charger_ca, wanted.static_rsa)
