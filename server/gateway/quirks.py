"""What a station does that the standard does not allow, and that is let pass for it alone (by name, in its row)."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec

NO_SUBPROTOCOL = "no_subprotocol"
LONG_MESSAGE_IDS = "long_message_ids"
KWH_AS_WH = "kwh_as_wh"
CLOCK = "clock:"
NAMES = (NO_SUBPROTOCOL, LONG_MESSAGE_IDS, KWH_AS_WH)


class Quirks(msgspec.Struct, frozen=True):
    """One station's. All off is a station that keeps to the standard, as far as anybody's does."""

    no_subprotocol: bool = False  # offers none and expects to be served (Grizzl-E)
    long_message_ids: bool = False  # ids of up to 255 characters ("offline-" and a UUID)
    kwh_as_wh: bool = False  # says Wh in meter values and means kWh (Grizzl-E)
    clock: ZoneInfo | None = None  # its times without an offset, or marked Z, are of this zone (Growatt)


def named(names: Sequence[str]) -> Quirks:
    """The quirks by their names: those of NAMES, and `clock:Europe/Amsterdam`. Names that nobody knows do nothing."""
    zones = [name.removeprefix(CLOCK) for name in names if name.startswith(CLOCK)]
    return Quirks(
        no_subprotocol=NO_SUBPROTOCOL in names,
        long_message_ids=LONG_MESSAGE_IDS in names,
        kwh_as_wh=KWH_AS_WH in names,
        clock=ZoneInfo(zones[0]) if zones else None,
    )
