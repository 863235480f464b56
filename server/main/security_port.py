"""Keys and certificates as workers tell them, said in the version that the station speaks (OCPP 1.6)."""

from uuid import UUID

from server.gateway.link import CallStatus
from server.gateway.listener import CallOutcome, Gateway
from server.gateway.v16 import security
from server.gateway.v16.commands import ChangeConfiguration, Command
from server.workers.ports import Heard

CALL_SECONDS = 30.0
WORDS = {CallStatus.OFFLINE: "offline", CallStatus.TIMED_OUT: "timed_out", CallStatus.ERROR: "error"}
TAKEN = ("Accepted", "RebootRequired")


class GatewaySecurity:
    """Translates, calls, and says in one word what the station said."""

    def __init__(self, gateway: Gateway) -> None:
        """The gateway that holds the stations' connections."""
        self._gateway = gateway

    async def set_key(self, station_id: UUID, key_hex: str) -> Heard:
        """A new key, in hexadecimal digits."""
        return await self._say(station_id, ChangeConfiguration(security.AUTHORIZATION_KEY, key_hex))

    async def set_profile(self, station_id: UUID, profile: int) -> Heard:
        """A higher security profile, from the next connection on."""
        return await self._say(station_id, ChangeConfiguration(security.SECURITY_PROFILE, str(profile)))

    async def send_certificate(self, station_id: UUID, chain_pem: str, kind: str) -> Heard:
        """A signed chain; OCPP 1.6 knows one kind."""
        del kind
        return await self._say(station_id, security.CertificateSigned(chain_pem))

    async def ask_for_request(self, station_id: UUID) -> Heard:
        """Ask for a request for a new certificate."""
        return await self._say(station_id, security.ExtendedTriggerMessage(security.REQUEST))

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
    return Heard("not_supported" if status in ("NotSupported", "NotImplemented") else "rejected", status)
