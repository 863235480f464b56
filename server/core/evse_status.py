"""The status of an EVSE in one set of words (OCPP 1.6 ChargePointStatus), whatever version its station speaks."""

from collections.abc import Mapping

OCCUPIED = "Occupied"
AVAILABLE = "Available"
IN_USE = ("Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing")
ENDED = "Ended"
"""No word of a station's: what a transaction's end says of its EVSE. It charges no longer, whoever stands there."""
SOCKETS_MAX = 16
"""An EVSE has few; a station that names more is not believed."""
_FIRST = (OCCUPIED, "Faulted", "Reserved", "Unavailable", AVAILABLE)
_BY_STATE = {"Charging": "Charging", "SuspendedEV": "SuspendedEV", "SuspendedEVSE": "SuspendedEVSE"}


def of_charging_state(state: str | None, kind: str) -> str | None:
    """What a chargingState says of the EVSE, None where it says nothing (OCPP 2.0.1 ChargingStateEnumType).

    `kind`: Started, Updated or Ended. A car that is only connected is about to charge; an end says by itself that
    nothing charges any more, whatever it says of the cable.
    """
    if kind == "Ended":
        return ENDED
    if state is None:
        return None
    return _BY_STATE.get(state, "Preparing")


def after(known: str, said: str) -> str:
    """The status after a station's word: 2.x says only Occupied, of which its transactions tell more."""
    if said == ENDED:
        return "Finishing" if known in IN_USE else known
    if said != OCCUPIED:
        return said
    return known if known in IN_USE else IN_USE[0]


def heard(before: Mapping[int, str] | None, socket: int | None, said: str) -> dict[int, str] | None:
    """The last word of each socket (2.x: connector) of an EVSE, after one more; None where none is known.

    `socket` None: the EVSE as a whole spoke, and where it is free nothing that a socket said before stands against it.
    """
    if socket is None:
        return dict(before) if before and said != AVAILABLE else None
    known = dict(before or {})
    if socket in known or len(known) < SOCKETS_MAX:
        known[socket] = said
    return known


def of_sockets(words: Mapping[int, str]) -> str:
    """An EVSE by its sockets' words (2.x): in use where one is, and free only where all are, for one car at a time."""
    return next(one for one in _FIRST if one in words.values())
