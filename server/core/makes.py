"""What makes of stations are known for that the standard does not allow, by the name of each quirk.

What a quirk changes is in `server/gateway/quirks.py`.
"""

import re
from zoneinfo import available_timezones

import msgspec

NO_SUBPROTOCOL = "no_subprotocol"
LONG_MESSAGE_IDS = "long_message_ids"
KWH_AS_WH = "kwh_as_wh"
OTHER_RESULT_IDS = "other_result_ids"
COMPRESSED_FRAMES = "compressed_frames"
CLOCK = "clock:"
NOT = "not:"
NAMES = (NO_SUBPROTOCOL, LONG_MESSAGE_IDS, KWH_AS_WH, OTHER_RESULT_IDS, COMPRESSED_FRAMES)


class Known(msgspec.Struct, frozen=True):
    """What a make is known for: the number of the quirk (ocpp.md §6 on the shelf), in words, and its switches.

    `vendor`, `model`: as found anywhere in what a boot said, in small letters. Without a switch any station may do it.
    """

    number: int
    vendor: str
    says: str
    quirks: tuple[str, ...] = ()
    model: str = ""


KNOWN = (
    Known(1, r"grizzl|united chargers", "offers no subprotocol", (NO_SUBPROTOCOL,)),  # lbbrhzn/ocpp#442
    Known(4, r"jigu|wegood", "does not come back after a closing handshake"),  # lbbrhzn/ocpp#1975
    Known(6, r"webasto|ampure", "sends no BootNotification when it comes back", model=r"next"),  # evcc#31192
    Known(6, r"wallbox", "sends no BootNotification until it is asked for one", model=r"pulsar pro"),  # evcc#28540
    Known(7, r"wallbox", "reboots for ever where it is asked anything before its boot is answered"),  # lbbrhzn#1503
    Known(10, r"growatt", "writes local time without a zone: set clock: and its time zone"),  # evcc#10399
    Known(12, r"mennekes", "answers no ping"),  # mobilityhouse/ocpp#338, evcc#33099
    Known(13, r"legrand", "says Error where an error code belongs"),  # lbbrhzn/ocpp#1248
    Known(13, r"charge ?amps", "says Hz where a unit belongs"),  # lbbrhzn/ocpp#1576
    Known(13, r"alfen", "says the wrong context of meter values"),  # mobilityhouse/ocpp#54
    Known(15, r"vestel", "sends meter values without samples"),  # lbbrhzn/ocpp#466
    Known(15, r"heidelberg", "leaves the rate unit of a schedule empty"),  # evcc#17836
    Known(16, r"en\+|en-plus|enplus", "answers under other message ids", (OTHER_RESULT_IDS,)),  # mobilityhouse#297
    Known(17, r"etrel", "names transactions that are none"),  # lbbrhzn/ocpp#1000
    Known(17, r"alfen", "names transactions that are none"),  # ocpp-go#188
    Known(17, r"go-e", "names transactions that are none"),  # go-eCharger-API-v2#106
    Known(18, r"en\+|en-plus|enplus", "goes on naming a transaction that has ended"),  # evcc#14673
    Known(18, r"ocular", "sends meter values after the end of a transaction"),  # lbbrhzn/ocpp#2075
    Known(19, r"webasto|ampure", "sends its meter values again each time it comes back"),  # sap ev-dashboard#1686
    Known(20, r"wallbox", "ends transactions that nobody saw begin"),  # connectorio-addons#199
    Known(21, r"ocular", "gives back cards of 20 characters with two more"),  # lbbrhzn/ocpp#2075
    Known(21, r"alfen", "takes only cards of hexadecimal digits"),  # lbbrhzn/ocpp#514
    Known(22, r"huawei", "begins a transaction one Wh below where it stood"),  # citrineos#123
    Known(22, r"grizzl|united chargers", "says Wh and means kWh", (KWH_AS_WH,)),  # lbbrhzn/ocpp#1838
    Known(23, r"\babb\b", "refuses the highest stack level that it names"),  # lbbrhzn/ocpp#1737
    Known(23, r"go-e", "accepts profiles and ignores them"),  # go-eCharger#249
    Known(24, r"growatt", "refuses a TriggerMessage for connector 0"),  # lbbrhzn/ocpp#1452
    Known(25, r"micro-?ocpp", "says listVersion for versionNumber in 2.0.1"),  # as we ran it
)
"""What is a matter of one firmware or of where a station stands (its zone) is not known by its make."""


def of_make(vendor: str, model: str) -> tuple[str, ...]:
    """The switches that a make is known to need, by name."""
    return tuple(name for one in _about(vendor, model) for name in one.quirks)


def told_of_make(vendor: str, model: str) -> tuple[str, ...]:
    """What a make is known for, in words, with the number of the quirk."""
    return tuple(f"{one.says} (quirk {one.number})" for one in _about(vendor, model))


def _about(vendor: str, model: str) -> list[Known]:
    return [one for one in KNOWN if _in(one.vendor, vendor) and _in(one.model, model)]


def is_name(name: str) -> bool:
    """Whether a name may stand in a station's row: a quirk, `clock:` and a zone, or `not:` and a quirk of its make."""
    plain = name.removeprefix(NOT)
    return plain in NAMES or (name.startswith(CLOCK) and name.removeprefix(CLOCK) in available_timezones())


def _in(pattern: str, said: str) -> bool:
    return not pattern or re.search(pattern, said.lower()) is not None
