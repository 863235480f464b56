"""What cars say by way of their stations (ISO 15118): what they need (OCPP 2.0.1 K15, K17), what they mean to draw."""

from datetime import timedelta

from server.core.car_needs import CarNeeds, CarStep
from server.core.reports import CarSchedule
from server.gateway import moments
from server.gateway.caller import ACCEPTED, Answer, Caller
from server.gateway.v201.external import STEPS_MAX, Schedule
from server.gateway.v201.messages import Message, No, Status

Number = int | float
TEXT_MAX = 50
LONG = timedelta(days=7)
INT_MAX = 2**31 - 1


class AcNeeds(Message, frozen=True):
    """Wh, and A on each phase."""

    energy_amount: Number | None = None
    ev_max_current: Number | None = None


class DcNeeds(Message, frozen=True):
    """Wh, W, %."""

    energy_amount: Number | None = None
    ev_max_power: Number | None = None
    state_of_charge: Number | None = None


class ChargingNeeds(Message, frozen=True):
    """What a car needs, of what it said."""

    requested_energy_transfer: str = ""
    departure_time: str | None = None
    ac_charging_parameters: AcNeeds | None = None
    dc_charging_parameters: DcNeeds | None = None


class NotifyEVChargingNeeds(Message, frozen=True):
    """A car says what it needs."""

    evse_id: No
    charging_needs: ChargingNeeds = ChargingNeeds()


class NotifyEVChargingSchedule(Message, frozen=True):
    """What a car means to draw from `time_base` on."""

    evse_id: No
    charging_schedule: Schedule
    time_base: str | None = None


async def needs(caller: Caller, request: NotifyEVChargingNeeds) -> Answer:
    """Accepted: its plan is on its way; Processing: it will be made; Rejected: nobody charges there."""
    said = request.charging_needs
    ac, dc = said.ac_charging_parameters or AcNeeds(), said.dc_charging_parameters or DcNeeds()
    energy = ac.energy_amount if ac.energy_amount is not None else dc.energy_amount
    now = await caller.flows.heartbeat(caller.station_id)
    told = CarNeeds(
        said_at=now,
        mode=said.requested_energy_transfer.replace("\x00", "")[:TEXT_MAX],
        ready_by=moments.read(said.departure_time, caller.quirks.clock) if said.departure_time else None,
        energy_wh=_whole(energy),
        max_a=_whole(ac.ev_max_current),
        max_w=_whole(dc.ev_max_power),
        soc_pct=_whole(dc.state_of_charge),
    )
    return Status(await caller.flows.needs(caller.station_id, request.evse_id, told))


async def schedule(caller: Caller, request: NotifyEVChargingSchedule) -> Answer:
    """Rejected where the car means to draw more than it may (K16, K17); then it is told its plan once more."""
    said = request.charging_schedule
    now = await caller.flows.heartbeat(caller.station_id)
    base = moments.read(said.start_schedule, caller.quirks.clock) or moments.read(
        request.time_base, caller.quirks.clock
    )
    start = base or now
    periods = sorted(said.charging_schedule_period, key=lambda one: one.start_period)[:STEPS_MAX]
    steps = tuple(
        CarStep(start + timedelta(seconds=one.start_period), one.limit, said.charging_rate_unit, one.number_phases)
        for one in periods
        if one.limit is not None and 0 <= one.start_period < LONG.total_seconds()
    )
    lasts = min(max(said.duration or LONG.total_seconds(), 0), LONG.total_seconds())
    told = CarSchedule(request.evse_id, steps, start + timedelta(seconds=lasts))
    within = await caller.flows.intends(caller.station_id, told)
    return Status(ACCEPTED if within else "Rejected")


def _whole(number: Number | None) -> int | None:
    return None if number is None or not -INT_MAX < number < INT_MAX else int(number)
