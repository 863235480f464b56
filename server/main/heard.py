"""What became of a call to a station, in the words of workers; the same for plans and for security."""

from uuid import UUID

from server.gateway.link import CallStatus
from server.gateway.listener import CallOutcome, Gateway
from server.gateway.versions import Version
from server.workers.ports import Heard

WORDS = {CallStatus.OFFLINE: "offline", CallStatus.TIMED_OUT: "timed_out", CallStatus.ERROR: "error"}


def speaks_16(gateway: Gateway, station_id: UUID) -> bool:
    """Whether a station is spoken to in 1.6; one that is away is asked in any version, and does not hear it."""
    return gateway.version(station_id) in {None, Version.V16}


def unanswered(outcome: CallOutcome) -> Heard | None:
    """What is said of a call without an answer; None where there is one."""
    if outcome.status is CallStatus.ANSWERED:
        return None
    return Heard(WORDS[outcome.status], outcome.detail or outcome.error_code)
