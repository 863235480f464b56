"""The versions of OCPP that stations speak here, and which one a station gets."""

from collections.abc import Sequence
from enum import StrEnum


class Version(StrEnum):
    """A version, by the name of its WebSocket subprotocol; the best comes first."""

    V21 = "ocpp2.1"
    V201 = "ocpp2.0.1"
    V16 = "ocpp1.6"


def best(offered: Sequence[str]) -> Version | None:
    """The best version that both speak, whatever the station likes most; None where there is none."""
    return next((version for version in Version if version in offered), None)
