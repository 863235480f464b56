"""The charge detail record: the power a baseline is drawn with, and the receipt of a settled session."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from msgspec.structs import replace

from server.core.contract import Payout
from server.core.eligibility import Reason
from server.core.meter import p95
from server.core.settlement import HELD_BACK, Settlement
from shared.cdrs import Receipt
from shared.ids import derive
from shared.units import power_w

CONNECTOR_MA = 32_000
"""The most that an AC socket of the kind in use gives per phase (IEC 62196-2 on a 32 A circuit)."""
HISTORY = 20
LEAST_HISTORY = 3

OWN = "savings = sum(driver_price * (baseline_wh - actual_wh))"
NOT_SHARED = "pool = 0"
"""Cases B and D: the whole value is on the driver's own bill, or nobody is there who would share it."""
SHARED = "pool = value - savings - fee if eligible, else 0"
POOLS = {
    "A": SHARED,
    "B": NOT_SHARED,
    "C": SHARED,
    "D": NOT_SHARED,
    "E": SHARED,
    "F": "pool = value - fee if eligible, else 0",
    "G": SHARED,
}
SHARES = (
    "value = sum(price * (baseline_wh - actual_wh)); {own}; {pool}; net = half_up(pool / 10000000); "
    "raw = max(0, pool) * share_driver_bps / 10000 / 10000000; {driver}; {paid}; {operator}; "
    "provider = net - driver - operator"
)
DRIVER = "driver = min(half_up(raw), max_payout)"
OPERATOR = "operator = half_up((net - driver) * operator_bps / (operator_bps + provider_bps))"
PAID = {
    Payout.ACCUMULATE.value: "paid = min(pending + driver, max_payout) if pending + driver >= min_payout, else 0",
    Payout.DROP.value: "paid = driver",
    Payout.AT_ONCE.value: "paid = pending + driver",
}


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt names beside what settlement reckons."""

    location_name: str
    evse_label: str
    time_zone: str
    price_source: str
    price_quality: str
    price_curve_id: str


def cdr_id(session_id: UUID, revision: int = 1) -> UUID:
    """The id of a session's CDR: it has one, and another for each correction."""
    return derive("cdr", session_id) if revision == 1 else derive("cdr", session_id, revision)


def usable_w(max_w: int, evse_phases: int, phases: int) -> int:
    """What an EVSE gives a car that uses `phases` of its phases, W: three phases of 11 kW leave a one-phase car 3.7."""
    return max_w * min(phases, evse_phases) // evse_phases


def reference_power(
    evse_max_w: int, vehicle_max_w: int | None, phases: int, past_p95_w: Sequence[int], cap_w: int | None
) -> tuple[int, str]:
    """The power that a baseline is drawn with, W, and what bound it (domain 1.2): never anything that the driver said.

    The least of the EVSE's maximum on `phases` (`usable_w`), 32 A on them, the vehicle model's AC maximum, the 95th
    percentile of what the meter showed in its last 20 sessions (`past_p95_w`, oldest first, one figure a session;
    fewer than three teach nothing), and the site's cap in force at plug-in.
    """
    bounds = [(evse_max_w, "evse"), (power_w(CONNECTOR_MA, phases), "phases")]
    if vehicle_max_w is not None:
        bounds.append((vehicle_max_w, "vehicle"))
    seen = [power for power in past_p95_w if power > 0][-HISTORY:]
    if len(seen) >= LEAST_HISTORY:
        bounds.append((p95(seen), "history"))
    if cap_w is not None:
        bounds.append((cap_w, "cap"))
    return min(bounds, key=lambda bound: bound[0])


def sentence(settled: Settlement) -> str:
    """The code of the one sentence that a receipt opens with; its numbers are fields of the receipt."""
    earned, saved = settled.split.driver_minor > 0, settled.saved_minor > 0
    if earned and saved:
        return "savings_and_cashback"
    if earned:
        return "cashback_paid" if settled.split.paid_minor else "cashback_pending"
    if saved:
        return "savings"
    if settled.delay not in HELD_BACK:
        return "charged_at_once"
    if Reason.NO_PARTNER in settled.reasons:
        return "nothing_payable"
    return "no_value" if settled.eligible or settled.reasons[0] is Reason.OWN_BILL else "not_eligible"


def formula(settled: Settlement) -> str:
    """How the receipt's figures follow from one another, in the receipt's own words; nano and minor units.

    It holds where nobody earns anything too: what stands behind each `=` is the receipt's figure of that name.
    """
    shares = settled.split
    return SHARES.format(
        own=f"employer_{OWN}" if settled.case == "F" else OWN,
        pool=POOLS[settled.case],
        driver=f"{DRIVER} if raw >= min_payout, else 0" if shares.policy == Payout.DROP.value else DRIVER,
        paid=PAID[shares.policy],
        operator=OPERATOR if shares.share_operator_bps + shares.share_provider_bps else "operator = 0",
    )


def receipt(settled: Settlement, labels: Labels, revision: int = 1) -> Receipt:
    """The receipt of a settled session: immutable, and enough to recompute cost, value and shares by hand.

    A correction is a receipt of the next `revision`; the one before stays as it was.
    """
    cost, at_once = settled.driver_cost, settled.driver_cost_at_once
    return Receipt(
        session_id=settled.session_id,
        cdr_id=cdr_id(settled.session_id, revision),
        case=settled.case,
        location_name=labels.location_name,
        evse_label=labels.evse_label,
        contract_kind=settled.kind.value,
        currency=settled.currency,
        time_zone=labels.time_zone,
        started_at=settled.started_at,
        ended_at=settled.ended_at,
        energy_wh=settled.energy_wh,
        reference_power_w=settled.reference_power_w,
        reference_power_source=settled.reference_power_source,
        slots=list(settled.slots),
        baseline_nano=settled.baseline_nano,
        actual_nano=settled.actual_nano,
        value_nano=settled.value_nano,
        savings_nano=settled.savings_nano,
        savings_minor=settled.savings_minor,
        fee_nano=settled.fee_nano,
        pool_nano=settled.pool_nano,
        split=settled.split,
        driver_cost_minor=cost.total_minor if cost else None,
        driver_cost_at_once_minor=at_once.total_minor if at_once else None,
        eligible=settled.eligible,
        reasons=[reason.value for reason in settled.reasons],
        overrides=list(settled.overrides),
        shortfall=settled.shortfall,
        price_source=labels.price_source,
        price_quality=labels.price_quality,
        price_curve_id=labels.price_curve_id,
        sentence=sentence(settled),
        formula=formula(settled),
        employer_savings_nano=settled.employer_savings_nano,
        driver_cost=cost,
        driver_cost_at_once=at_once,
        fee_terms=settled.fee_terms,
        goodwill_minor=settled.goodwill_minor,
        override_policy=settled.override_policy.value,
        overrides_undone=list(settled.overrides_undone),
        revision=revision,
    )


def says_the_same(before: Receipt, after: Receipt) -> bool:
    """Whether a later receipt of a session states what the one before does: energy by slot, money, reasons.

    Names that were changed meanwhile (of a place, of an EVSE) are no reason for another receipt.
    """
    named = replace(
        after,
        cdr_id=before.cdr_id,
        revision=before.revision,
        location_name=before.location_name,
        evse_label=before.evse_label,
        time_zone=before.time_zone,
    )
    return named == before
