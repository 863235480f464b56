"""Lists of tokens as workers send them, said in the version that the station speaks."""

from uuid import UUID

from server.core.local_list import Listed, Update
from server.gateway import moments
from server.gateway.languages import Command
from server.gateway.link import CallStatus
from server.gateway.listener import CallOutcome, Gateway
from server.gateway.v16 import upkeep as u16
from server.gateway.v16.messages import IdTagInfo
from server.gateway.v201 import upkeep as u201
from server.gateway.v201.messages import IdToken, IdTokenInfo
from server.main.heard import speaks_16, unanswered
from server.workers.ports import Heard, ListVersion

CALL_SECONDS = 30.0
UNKNOWN = ("NotSupported", "NotImplemented")
NO_LISTS = -1
"""The version of a 1.6 station that keeps no lists (OCPP 1.6 §5.10)."""


class GatewayLists:
    """Translates, calls, and says in one word what the station said."""

    def __init__(self, gateway: Gateway) -> None:
        """The gateway that holds the stations' connections."""
        self._gateway = gateway

    async def version(self, station_id: UUID) -> ListVersion:
        """The version of a station's list; 0: it holds none."""
        old = speaks_16(self._gateway, station_id)
        request: Command = u16.GetLocalListVersion() if old else u201.GetLocalListVersion()
        outcome = await self._gateway.call(station_id, request, CALL_SECONDS)
        if (lost := _lost(outcome)) is not None:
            return ListVersion(lost.status)
        said = getattr(outcome.answer, "version_number", None)
        said = getattr(outcome.answer, "list_version", None) if said is None else said  # MicroOcpp's 2.0.1 too
        if said is None:
            return ListVersion("error")
        return ListVersion("not_supported") if said <= NO_LISTS else ListVersion("accepted", said)

    async def send(self, station_id: UUID, update: Update) -> Heard:
        """Send a list, or what changes in it; the detail of a refusal is the station's word."""
        words = _words_16 if speaks_16(self._gateway, station_id) else _words_201
        outcome = await self._gateway.call(station_id, words(update), CALL_SECONDS)
        if (lost := _lost(outcome)) is not None:
            return lost
        status = getattr(outcome.answer, "status", "")
        if status == "Accepted":
            return Heard("accepted")
        return Heard("not_supported" if status in UNKNOWN else "rejected", status)


def _lost(outcome: CallOutcome) -> Heard | None:
    if outcome.status is CallStatus.ERROR and outcome.error_code in UNKNOWN:
        return Heard("not_supported", outcome.error_code)
    return unanswered(outcome)


def _kind(update: Update) -> str:
    return "Full" if update.full else "Differential"


def _words_16(update: Update) -> u16.SendLocalList:
    gone = [u16.ListedTag(uid) for uid in update.gone]
    rows = (*gone, *(u16.ListedTag(one.uid, _info_16(one)) for one in update.tokens))
    return u16.SendLocalList(update.version, _kind(update), rows or None)


def _info_16(one: Listed) -> IdTagInfo:
    return IdTagInfo(one.status, moments.write(one.expires_at) if one.expires_at else None, one.group or None)


def _words_201(update: Update) -> u201.SendLocalList:
    """What a token that leaves was is not known any more: cards are the most."""
    gone = [u201.ListedToken(_token(Listed(uid))) for uid in update.gone]
    rows = (*gone, *(u201.ListedToken(_token(one), _info_201(one)) for one in update.tokens))
    return u201.SendLocalList(update.version, _kind(update), rows or None)


def _token(one: Listed) -> IdToken:
    return IdToken(one.uid, "ISO14443" if one.card else "Central")


def _info_201(one: Listed) -> IdTokenInfo:
    group = IdToken(one.group, "Central") if one.group else None
    return IdTokenInfo(one.status, group, moments.write(one.expires_at) if one.expires_at else None)
