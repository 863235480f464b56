"""What makes of stations are known for that the standard does not allow, by the name of each quirk.

What a quirk changes is in `server/gateway/quirks.py`.
"""

import re
from zoneinfo import available_timezones

NO_SUBPROTOCOL = "no_subprotocol"
LONG_MESSAGE_IDS = "long_message_ids"
KWH_AS_WH = "kwh_as_wh"
OTHER_RESULT_IDS = "other_result_ids"
COMPRESSED_FRAMES = "compressed_frames"
CLOCK = "clock:"
NOT = "not:"
NAMES = (NO_SUBPROTOCOL, LONG_MESSAGE_IDS, KWH_AS_WH, OTHER_RESULT_IDS, COMPRESSED_FRAMES)
KNOWN = (
    (r"grizzl|united chargers", r"", (NO_SUBPROTOCOL, KWH_AS_WH)),  # lbbrhzn/ocpp#442, #1838
    (r"en\+|en-plus|enplus", r"", (OTHER_RESULT_IDS,)),  # mobilityhouse/ocpp#297
)
"""Vendor, model (as found anywhere in what a boot said, in small letters), and what they are known for.

What is a matter of one firmware or of where a station stands (its zone) is not known by its make.
"""


def of_make(vendor: str, model: str) -> tuple[str, ...]:
    """What a make is known for, by name."""
    found = [names for maker, kind, names in KNOWN if _in(maker, vendor) and _in(kind, model)]
    return tuple(name for names in found for name in names)


def is_name(name: str) -> bool:
    """Whether a name may stand in a station's row: a quirk, `clock:` and a zone, or `not:` and a quirk of its make."""
    plain = name.removeprefix(NOT)
    return plain in NAMES or (name.startswith(CLOCK) and name.removeprefix(CLOCK) in available_timezones())


def _in(pattern: str, said: str) -> bool:
    return not pattern or re.search(pattern, said.lower()) is not None
