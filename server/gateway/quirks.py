"""What a station does that the standard does not allow, and that is let pass for it alone.

By name in its row, where an operator writes (`PATCH /api/stations/{id}/traits`), or because its make is known for it.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

from server.core.makes import (
    CLOCK,
    COMPRESSED_FRAMES,
    KWH_AS_WH,
    LONG_MESSAGE_IDS,
    NO_SUBPROTOCOL,
    NOT,
    OTHER_RESULT_IDS,
    of_make,
)
from server.core.reports import Credential


class Quirks(msgspec.Struct, frozen=True):
    """One station's. All off is a station that keeps to the standard, as far as anybody's does."""

    no_subprotocol: bool = False  # offers none and expects to be served (Grizzl-E)
    long_message_ids: bool = False  # ids of more than 36 characters ("offline-" and a UUID); answered in any case
    kwh_as_wh: bool = False  # says Wh in meter values and means kWh (Grizzl-E)
    other_result_ids: bool = False  # answers a call under another id than the call's (EN+)
    compressed_frames: bool = False  # deflates what it says though nobody agreed to it
    denied: frozenset[str] = frozenset()  # what its operator says that it does not do
    clock: ZoneInfo | None = None  # its times without an offset, or marked Z, are of this zone (Growatt)


def named(names: Sequence[str]) -> Quirks:
    """The quirks by their names: those of `core.makes`, and `clock:Europe/Amsterdam`. Any other name does nothing."""
    zones = [name.removeprefix(CLOCK) for name in names if name.startswith(CLOCK)]
    return Quirks(
        no_subprotocol=NO_SUBPROTOCOL in names,
        long_message_ids=LONG_MESSAGE_IDS in names,
        kwh_as_wh=KWH_AS_WH in names,
        other_result_ids=OTHER_RESULT_IDS in names,
        compressed_frames=COMPRESSED_FRAMES in names,
        clock=ZoneInfo(zones[0]) if zones else None,
    )


def of_station(credential: Credential) -> Quirks:
    """Those of a station's make and of its row; `not:` and a name in its row takes one of its make back."""
    taken_back = {name.removeprefix(NOT) for name in credential.quirks if name.startswith(NOT)}
    of_its_make = [name for name in of_make(credential.vendor, credential.model) if name not in taken_back]
    return msgspec.structs.replace(named([*of_its_make, *credential.quirks]), denied=frozenset(taken_back))
