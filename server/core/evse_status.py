"""The status of an EVSE in one set of words (OCPP 1.6 ChargePointStatus), whatever version its station speaks."""

OCCUPIED = "Occupied"
IN_USE = ("Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing")
_BY_STATE = {"Charging": "Charging", "SuspendedEV": "SuspendedEV", "SuspendedEVSE": "SuspendedEVSE"}


def of_charging_state(state: str | None, kind: str) -> str | None:
    """What a chargingState says of the EVSE, None where it says nothing (OCPP 2.0.1 ChargingStateEnumType).

    `kind`: Started, Updated or Ended. A car that is only connected is about to charge, or has done so.
    """
    if state is None:
        return None
    if kind == "Ended":
        return "Finishing" if state != "Idle" else None
    return _BY_STATE.get(state, "Preparing")


def after(known: str, said: str) -> str:
    """The status after a station's word: 2.x says only Occupied, of which its transactions tell more."""
    if said != OCCUPIED:
        return said
    return known if known in IN_USE else IN_USE[0]
