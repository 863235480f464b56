"""The versions of OCPP that stations speak here, and which one a station gets."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from uuid import UUID


class Version(StrEnum):
    """A version, by the name of its WebSocket subprotocol; the best comes first."""

    V21 = "ocpp2.1"
    V201 = "ocpp2.0.1"
    V16 = "ocpp1.6"


def best(offered: Sequence[str]) -> Version | None:
    """The best version that both speak, whatever the station likes most; None where there is none."""
    return next((version for version in Version if version in offered), None)


class Choice:
    """Which version a station gets of those that it offers: the best, unless `prefers` names another one for it."""

    def __init__(self) -> None:
        self.prefers: Callable[[UUID], Version | None] = lambda _station_id: None
        self._offered: dict[UUID, tuple[Version, ...]] = {}

    def of(self, station_id: UUID | None, offered: Sequence[str]) -> Version | None:
        """The version for a station (None: a stranger); None where there is none."""
        if station_id is None:
            return best(offered)
        self._offered[station_id] = tuple(version for version in Version if version in offered)
        wanted = self.prefers(station_id)
        return wanted if wanted in self._offered[station_id] else best(offered)

    def offered(self, station_id: UUID) -> tuple[Version, ...]:
        """What a station offered when it connected last, the best first."""
        return self._offered.get(station_id, ())
