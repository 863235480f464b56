"""Keys and certificates as workers tell them, said in the version that the station speaks."""

from uuid import UUID

from server.gateway.languages import Command
from server.gateway.link import CallStatus
from server.gateway.listener import CallOutcome, Gateway
from server.gateway.v16 import commands as c16
from server.gateway.v16 import security as s16
from server.gateway.v201 import commands as c201
from server.gateway.v201 import upkeep
from server.gateway.versions import Version
from server.workers.ports import Heard

CALL_SECONDS = 30.0
WORDS = {CallStatus.OFFLINE: "offline", CallStatus.TIMED_OUT: "timed_out", CallStatus.ERROR: "error"}
TAKEN = ("Accepted", "RebootRequired")
NOT_KNOWN = ("NotSupported", "NotImplemented", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType")
KINDS = {"station": "ChargingStationCertificate", "v2g": "V2GCertificate"}
PASSWORD = (c201.Component("SecurityCtrlr"), c201.Variable("BasicAuthPassword"))
REQUEST_201 = "SignChargingStationCertificate"


class GatewaySecurity:
    """Translates, calls, and says in one word what the station said."""

    def __init__(self, gateway: Gateway) -> None:
        """The gateway that holds the stations' connections."""
        self._gateway = gateway

    async def set_key(self, station_id: UUID, key_hex: str) -> Heard:
        """A new key, in hexadecimal digits."""
        if self._speaks_16(station_id):
            return await self._say(station_id, c16.ChangeConfiguration(s16.AUTHORIZATION_KEY, key_hex))
        return await self._say(station_id, c201.SetVariables((c201.SetVariableData(key_hex, *PASSWORD),)))

    async def set_profile(self, station_id: UUID, profile: int) -> Heard:
        """A higher security profile, from the next connection on; in 2.x it is part of a network profile."""
        if self._speaks_16(station_id):
            return await self._say(station_id, c16.ChangeConfiguration(s16.SECURITY_PROFILE, str(profile)))
        return Heard("not_supported", "in this version a security profile is part of a network profile")

    async def send_certificate(self, station_id: UUID, chain_pem: str, kind: str) -> Heard:
        """A signed chain; OCPP 1.6 knows one kind."""
        if self._speaks_16(station_id):
            return await self._say(station_id, s16.CertificateSigned(chain_pem))
        return await self._say(station_id, upkeep.CertificateSigned(chain_pem, KINDS[kind]))

    async def ask_for_request(self, station_id: UUID) -> Heard:
        """Ask for a request for a new certificate."""
        if self._speaks_16(station_id):
            return await self._say(station_id, s16.ExtendedTriggerMessage(s16.REQUEST))
        return await self._say(station_id, c201.TriggerMessage(REQUEST_201))

    def _speaks_16(self, station_id: UUID) -> bool:
        """One that is away is asked in 1.6, and does not hear it."""
        return self._gateway.version(station_id) in {None, Version.V16}

    async def _say(self, station_id: UUID, request: Command) -> Heard:
        return _heard(await self._gateway.call(station_id, request, CALL_SECONDS))


def _heard(outcome: CallOutcome) -> Heard:
    if outcome.status is CallStatus.ERROR and outcome.error_code in ("NotImplemented", "NotSupported"):
        return Heard("not_supported", outcome.error_code)
    if outcome.status is not CallStatus.ANSWERED:
        return Heard(WORDS[outcome.status], outcome.detail or outcome.error_code)
    status = getattr(outcome.answer, "status", "")
    if status in TAKEN:
        return Heard("accepted", status)
    return Heard("not_supported" if status in NOT_KNOWN else "rejected", status)
