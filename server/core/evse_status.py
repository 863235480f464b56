"""The status of an EVSE in one set of words (OCPP 1.6 ChargePointStatus), whatever version its station speaks."""

OCCUPIED = "Occupied"
IN_USE = ("Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing")
ENDED = "Ended"
"""No word of a station's: what a transaction's end says of its EVSE. It charges no longer, whoever stands there."""
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
