"""Keys and certificates as workers tell them, said in the version that the station speaks."""

from collections.abc import Callable
from uuid import UUID

from server.gateway.languages import Command
from server.gateway.link import CallStatus
from server.gateway.listener import CallOutcome, Gateway
from server.gateway.v16 import security as s16
from server.gateway.v16.commands import ChangeConfiguration
from server.gateway.v201 import security as s201
from server.main.heard import speaks_16, unanswered
from server.workers.ports import Heard

CALL_SECONDS = 30.0
TAKEN = ("Accepted", "RebootRequired", "Scheduled")
UNKNOWN = ("NotSupported", "NotImplemented", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType")


class GatewaySecurity:
    """Translates, calls, and says in one word what the station said."""

    def __init__(self, gateway: Gateway, secure_url: Callable[[], str] = str) -> None:
        """The gateway that holds the stations' connections; where they connect over TLS, "" where they cannot."""
        self._gateway, self._secure_url = gateway, secure_url

    async def set_key(self, station_id: UUID, key_hex: str) -> Heard:
        """A new key, in hexadecimal digits."""
        old = ChangeConfiguration(s16.AUTHORIZATION_KEY, key_hex)
        return await self._say(station_id, old if self._speaks_16(station_id) else s201.set_key(key_hex))

    async def set_profile(self, station_id: UUID, profile: int) -> Heard:
        """A higher security profile, from the next connection on."""
        if self._speaks_16(station_id):
            return await self._say(station_id, ChangeConfiguration(s16.SECURITY_PROFILE, str(profile)))
        url = self._secure_url()
        if not url:
            return Heard("not_supported", "there is no port for TLS")
        heard = Heard("accepted")
        for request in s201.raise_profile(url, profile):
            heard = await self._say(station_id, request)
            if not heard.accepted:
                return heard
        return heard

    async def send_certificate(self, station_id: UUID, chain_pem: str, kind: str) -> Heard:
        """A signed chain; OCPP 1.6 knows one kind."""
        old = s16.CertificateSigned(chain_pem)
        return await self._say(
            station_id, old if self._speaks_16(station_id) else s201.send_certificate(chain_pem, kind)
        )

    async def ask_for_request(self, station_id: UUID) -> Heard:
        """Ask for a request for a new certificate."""
        old = s16.ExtendedTriggerMessage(s16.REQUEST)
        return await self._say(station_id, old if self._speaks_16(station_id) else s201.ask_for_request())

    def hang_up(self, station_id: UUID) -> bool:
        """Let go of its socket."""
        return self._gateway.drop(station_id)

    def _speaks_16(self, station_id: UUID) -> bool:
        return speaks_16(self._gateway, station_id)

    async def _say(self, station_id: UUID, request: Command) -> Heard:
        return _heard(await self._gateway.call(station_id, request, CALL_SECONDS))


def _heard(outcome: CallOutcome) -> Heard:
    if outcome.status is CallStatus.ERROR and outcome.error_code in UNKNOWN:
        return Heard("not_supported", outcome.error_code)
    if (lost := unanswered(outcome)) is not None:
        return lost
    status = getattr(outcome.answer, "status", "")
    if status in TAKEN:
        return Heard("accepted", status)
    return Heard("not_supported" if status in UNKNOWN else "rejected", status)
