"""What a delay brings whoever pays for the energy, and whether it is worth it: the driver never pays for waiting."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from server.core.contract import ContractTerms
from server.core.projection import carried_out
from server.core.settlement import SettlementInput, settle
from server.core.tariff import PublicTariffTerms
from server.core.timegrid import Grid
from shared.sessions import Delay
from shared.units import minor_half_up

UNSETTLED = UUID(int=0)


class Gain(msgspec.Struct, frozen=True):
    """What delaying by a plan brings over charging at once, minor units; fees and own price are in `saved_minor`.

    `employer_saved_minor` counts where an employer pays for the energy (case F), and only then.
    """

    cashback_minor: int
    saved_minor: int
    employer_saved_minor: int

    @property
    def total_minor(self) -> int:
        """How far the net cost under the plan lies below charging at once; negative where it lies above."""
        return self.cashback_minor + self.saved_minor + self.employer_saved_minor


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan would do with a session from now on: energy by slot of the planning grid, which holds `now`.

    `delivered_wh` is what flowed before: it counts towards the least energy of a session, and for nothing else.
    """

    grid: Grid
    now: datetime
    planned_wh: Sequence[int]
    market: Sequence[int]
    driver_prices: Sequence[int] | None
    terms: ContractTerms
    public_tariff: PublicTariffTerms | None
    reference_power_w: int
    leaves_at: datetime
    delivered_wh: int = 0
    same_account: bool = False


def gain(plan: SettlementInput) -> Gain:
    """What a plan brings, as if it were carried out: `plan.metered_wh` is metered plus planned.

    The comparison is with the baseline over the same stay, time and idle fees included (domain 1.2, driver neutrality).
    """
    settled = settle(carried_out(plan))
    return Gain(settled.split.driver_minor, settled.saved_minor, minor_half_up(settled.employer_savings_nano))


def verdict(plan: SettlementInput) -> Delay:
    """Whether to move a car by a plan, or why not: consent and control first, then what it brings.

    WOULD_COST_MORE where the net cost would exceed charging at once, NOTHING_TO_GAIN where it would be the same.
    """
    if not plan.consent:
        return Delay.NO_CONSENT
    if plan.delay is Delay.NOT_CONTROLLABLE:
        return Delay.NOT_CONTROLLABLE
    total_minor = gain(plan).total_minor
    if total_minor < 0:
        return Delay.WOULD_COST_MORE
    return Delay.MANAGED if total_minor else Delay.NOTHING_TO_GAIN


def decide(outlook: Outlook) -> Delay:
    """The verdict on what is still to come of a willing driver's session."""
    return verdict(_as_session(outlook))


def _as_session(outlook: Outlook) -> SettlementInput:
    grid = outlook.grid
    last = max((slot for slot, energy in enumerate(outlook.planned_wh) if energy), default=-1)
    return SettlementInput(
        session_id=UNSETTLED,
        grid=grid,
        started_at=outlook.now,
        ended_at=min(grid.end, max(outlook.now, outlook.leaves_at, grid.at(last + 1))),
        metered_wh=outlook.planned_wh,
        market=outlook.market,
        terms=outlook.terms,
        reference_power_w=outlook.reference_power_w,
        reference_power_source="",
        consent=True,
        plan_accepted=True,
        delay=Delay.MANAGED,
        driver_prices=outlook.driver_prices,
        public_tariff=outlook.public_tariff,
        delivered_before_wh=outlook.delivered_wh,
        same_account=outlook.same_account,
    )
