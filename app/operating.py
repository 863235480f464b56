"""What an operator asks of the API about single stations and lists of them, as typed calls."""

from types import NoneType
from typing import Protocol, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

import msgspec

from shared.feeders import FeederView
from shared.forwarding import (
    ForwardedStationChange,
    ForwardingAdd,
    ForwardingAnswer,
    ForwardingChange,
    ForwardingUndo,
    ForwardingUndone,
    ForwardingView,
)
from shared.operating import InventoryLine
from shared.reservations import ReservationView
from shared.stations import Admission, SignedChain, StationCertificate
from shared.traits import StationTraits, TraitsUpdate
from shared.wire import Page

T = TypeVar("T")
LISTS = "/api/forwardings"
CERTIFICATES = "/api/stations/certificates"


class Call(Protocol):
    """One request of `Api`: signed in, its refusals as `ApiProblem`."""

    async def __call__(self, method: str, path: str, answer: type[T], body: msgspec.Struct | None = None) -> T:
        """The answer, of the type that is named."""
        ...


class Operating:
    """An operator's calls beyond lists, health and messages; raises `ApiProblem`."""

    def __init__(self, call: Call) -> None:
        """`call`: the machinery of `Api`."""
        self._call = call

    async def traits(self, station_id: UUID) -> StationTraits:
        """What a station takes and does."""
        return await self._call("GET", f"/api/stations/{station_id}/traits", StationTraits)

    async def change_traits(self, station_id: UUID, said: TraitsUpdate) -> StationTraits:
        """Say how a station is to be treated."""
        return await self._call("PATCH", f"/api/stations/{station_id}/traits", StationTraits, said)

    async def admit(self, station_id: UUID, said: Admission) -> Admission:
        """What a station's boot is answered."""
        return await self._call("PUT", f"/api/stations/{station_id}/admission", Admission, said)

    async def reservations(self, station_id: UUID) -> list[ReservationView]:
        """What is kept free at a station."""
        return await self._call("GET", f"/api/stations/{station_id}/reservations", list[ReservationView])

    async def cancel_reservation(self, station_id: UUID, reservation_id: int) -> None:
        """Keep it free no longer."""
        await self._call("DELETE", f"/api/stations/{station_id}/reservations/{reservation_id}", NoneType)

    async def feeders(self, location_id: UUID) -> list[FeederView]:
        """The shared limits of a place, outer before inner."""
        return await self._call("GET", f"/api/locations/{location_id}/feeders", list[FeederView])

    async def inventory(self, identity: str, wanted: dict[str, str]) -> Page[InventoryLine]:
        """What a station reported of itself. `wanted`: `kind`, `text` and `cursor`, each where it is asked for."""
        path = f"/api/stations/{quote(identity, safe='')}/inventory"
        return await self._call("GET", f"{path}?{urlencode(wanted)}", Page[InventoryLine])

    async def certificates(self) -> list[StationCertificate]:
        """Certificates of my party's stations, the newest first."""
        return await self._call("GET", CERTIFICATES, list[StationCertificate])

    async def paste_chain(self, certificate_id: UUID, said: SignedChain) -> None:
        """What another authority signed."""
        await self._call("POST", f"{CERTIFICATES}/{certificate_id}/chain", NoneType, said)

    async def revoke(self, certificate_id: UUID) -> None:
        """Refuse a certificate from now on."""
        await self._call("POST", f"{CERTIFICATES}/{certificate_id}/revoke", NoneType)

    async def forwardings(self) -> list[ForwardingView]:
        """My party's lists of forwarded stations."""
        return await self._call("GET", LISTS, list[ForwardingView])

    async def put_forwarding(self, said: ForwardingAdd) -> ForwardingAnswer:
        """Enter a list, or add to one."""
        return await self._call("POST", LISTS, ForwardingAnswer, said)

    async def change_forwarding(self, list_id: UUID, said: ForwardingChange) -> ForwardingView:
        """Change a list."""
        return await self._call("PATCH", f"{LISTS}/{list_id}", ForwardingView, said)

    async def undo_forwarding(self, list_id: UUID, said: ForwardingUndo) -> ForwardingUndone:
        """End a list's forwarding: where each station goes back to."""
        return await self._call("POST", f"{LISTS}/{list_id}/undo", ForwardingUndone, said)

    async def delete_forwarding(self, list_id: UUID) -> None:
        """Forget a list."""
        await self._call("DELETE", f"{LISTS}/{list_id}", NoneType)

    async def switch_forwarded(self, list_id: UUID, station_id: UUID, said: ForwardedStationChange) -> ForwardingView:
        """Forward one station of a list, or not."""
        return await self._call("PATCH", f"{LISTS}/{list_id}/stations/{station_id}", ForwardingView, said)
