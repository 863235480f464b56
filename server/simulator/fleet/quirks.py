"""What real stations do that the standard does not allow, by name: numbers of the field quirks that the tests know.

A name that the gateway has a trait for is the same here. `--quirk list` prints this table.
"""

import msgspec

V16, V201 = "1.6", "2.0.1"
BOTH = (V16, V201)
EACH = "each"
"""Instead of names: every station gets another one."""


class Quirk(msgspec.Struct, frozen=True):
    """A quirk. `trait`: what the server must know of such a station, "" where it must cope without.

    `dealt`: whether `each` deals it; not where a session ends only minutes later, when the server sees it by itself.
    """

    number: int
    name: str
    says: str
    versions: tuple[str, ...] = BOTH
    trait: str = ""
    dealt: bool = True


_ONLY_16, _ONLY_201 = (V16,), (V201,)
QUIRKS = (
    Quirk(1, "no_subprotocol", "Offers no subprotocol and expects to be served.", _ONLY_16, "no_subprotocol"),
    Quirk(2, "odd_connection", "Leaves Connection: Upgrade out of its handshake."),
    Quirk(3, "compressed_frames", "Deflates its frames though nobody agreed to it.", BOTH, "compressed_frames"),
    Quirk(4, "gone_after_close", "Does not come back after a closing handshake."),
    Quirk(5, "second_socket", "Opens a second socket before it closes the first."),
    Quirk(6, "never_boots", "Says no BootNotification unless it is triggered."),
    Quirk(7, "boots_again", "Starts anew whenever it is asked before its boot is answered."),
    Quirk(8, "odd_identity", "Has an identity that must be percent-encoded, below one more path segment."),
    Quirk(9, "key_as_bytes", "Sends its hex key as the bytes that it stands for."),
    Quirk(10, "local_time", "Says local time without a zone.", BOTH, "clock:Europe/Amsterdam"),
    Quirk(10, "local_as_utc", "Says local time and marks it Z.", BOTH, "clock:Europe/Amsterdam"),
    Quirk(10, "short_offset", "Says an offset without minutes, such as +02."),
    Quirk(11, "strict_time", "Boots again if it is told a time with fractions or an offset."),
    Quirk(12, "no_pong", "Answers no ping."),
    Quirk(12, "deaf", "Answers no call while it beats on."),
    Quirk(13, "odd_words", "Uses words for errors, units, measurands and contexts that the standard does not have."),
    Quirk(14, "long_strings", "Says strings that are longer than allowed."),
    Quirk(15, "empty_values", "Sends empty samples, values and dates between its readings."),
    Quirk(16, "other_result_ids", "Answers calls under another message id.", BOTH, "other_result_ids"),
    Quirk(17, "odd_transaction_ids", "Says 0, -1 or 2^63-1 for its transaction in MeterValues.", _ONLY_16),
    Quirk(17, "odd_stop_ids", "Says 0, -1 or 2^63-1 in StopTransaction; not dealt by `each`.", _ONLY_16, dealt=False),
    Quirk(18, "talks_after_end", "Goes on with readings of a transaction that has ended.", _ONLY_16),
    Quirk(19, "everything_twice", "Says everything again, with the same message id and with a new one."),
    Quirk(20, "stop_of_nobody", "Stops a transaction that nobody saw begin.", _ONLY_16),
    Quirk(21, "spoilt_card", "Starts with its card's number spoilt by two more characters."),
    Quirk(21, "hex_cards", "Takes cards from the server only if their numbers are hexadecimal.", _ONLY_16),
    Quirk(22, "kwh_as_wh", "Says Wh and means kWh.", BOTH, "kwh_as_wh"),
    Quirk(22, "in_kwh", "Sends its register in kWh."),
    Quirk(22, "per_phase", "Sends its register per phase only."),
    Quirk(22, "register_per_session", "Begins its register at 0 with each session."),
    Quirk(22, "begin_among_periodic", "Repeats Transaction.Begin among its periodic readings."),
    Quirk(22, "zero_dropouts", "Says 0 for its register now and then."),
    Quirk(22, "stop_below_start", "Stops with the register of its start, less one.", _ONLY_16),
    Quirk(23, "ignores_profiles", "Accepts profiles and does not follow them."),
    Quirk(23, "only_watts", "Takes profiles in W only."),
    Quirk(23, "no_top_level", "Refuses a profile at its own highest stack level."),
    Quirk(23, "no_station_profile", "Knows no profile for the whole station."),
    Quirk(24, "long_message_ids", "Says message ids of 44 characters.", BOTH, "long_message_ids"),
    Quirk(24, "early_security_event", "Says a SecurityEventNotification before its boot."),
    Quirk(24, "unknown_options", "Knows none of the options that it is asked to set."),
    Quirk(24, "no_triggers", "Knows no TriggerMessage."),
    Quirk(24, "no_station_trigger", "Refuses a TriggerMessage for connector 0.", _ONLY_16),
    Quirk(25, "no_card", "Charges without a card: NoAuthorization and an empty token.", _ONLY_201),
    Quirk(25, "no_connector", "Says its EVSE without a connector.", _ONLY_201),
    Quirk(25, "offline_as_live", "Does not mark as offline what it says out of its queue.", _ONLY_201),
    Quirk(25, "wrong_result_field", "Answers GetLocalListVersion with a field of another name.", _ONLY_201),
)
BY_NAME = {quirk.name: quirk for quirk in QUIRKS}


def fault(names: tuple[str, ...], versions: tuple[str, ...]) -> str:
    """What is wrong with quirks that somebody named, for stations of these versions; "" where nothing is."""
    if names == (EACH,):
        return ""
    for name in names:
        quirk = BY_NAME.get(name)
        if quirk is None:
            return f"{name} is no quirk: see --quirk list"
        if not set(versions) & set(quirk.versions):
            return f"{name} is of OCPP {' and '.join(quirk.versions)} only"
    return ""


def dealt_to(version: str) -> list[str]:
    """What `each` deals to stations of a version, in turn."""
    return [quirk.name for quirk in QUIRKS if version in quirk.versions and quirk.dealt]


def of_station(names: tuple[str, ...], number: int, version: str) -> frozenset[str]:
    """The quirks of one station: those that were named and its version can show, or with `each` one of all, in turn."""
    fitting = [quirk.name for quirk in QUIRKS if version in quirk.versions]
    if names == (EACH,):
        dealt = dealt_to(version)
        return frozenset({dealt[number % len(dealt)]})
    return frozenset(fitting) & frozenset(names)


def traits(names: frozenset[str]) -> tuple[str, ...]:
    """What a server must be told of a station with these quirks."""
    return tuple(quirk.trait for quirk in QUIRKS if quirk.name in names and quirk.trait)
