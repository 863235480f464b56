"""A session as the settlement code sees it: as it was, or as it would go on."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import ledger
from server.core.contract import ContractKind, ContractTerms
from server.core.meter import MeterSpan, energy_by_slot, gap_share, is_valid, stay_grid
from server.core.pricecurve import PriceSlot
from server.core.session import Session
from server.core.settlement import HELD_BACK, SettlementInput
from server.core.timegrid import Grid
from server.flows import facts
from server.flows.facts import SessionFacts
from server.storage import sessions, wallets
from server.storage.sessions import SessionEvent
from shared.plans import Shortfall
from shared.sessions import Delay

NOBODY_PAYS = ContractTerms(kind=ContractKind.PUBLIC_FIXED, partner=False)
"""A session on no contract: nothing is shared, and the receipt says so."""


class Course(msgspec.Struct, frozen=True):
    """A session's energy by slot: what the meter said so far and what is planned from now on, with market prices."""

    one: SessionFacts
    grid: Grid
    curve: list[PriceSlot]
    charged_wh: list[int]
    events: list[SessionEvent]
    pending_minor: int
    gap_bps: int
    meter_valid: bool

    @property
    def market(self) -> list[int]:
        """The market price by slot."""
        return [slot.price_micro_per_kwh for slot in self.curve]


def span(session: Session, until: datetime) -> MeterSpan:
    """The registers at both ends of a stay, or of what has passed of it."""
    end = session.ended_at or max(until, session.started_at)
    last = session.meter_stop_wh if session.meter_stop_wh is not None else session.register_wh
    return MeterSpan(session.started_at, end, session.meter_start_wh, max(last, session.meter_start_wh))


async def course(tx: AsyncSession, one: SessionFacts, until: datetime, end: datetime) -> Course:
    """What a session has taken by `until`, on a grid that reaches to `end`."""
    seen = span(one.session, until)
    grid = stay_grid(msgspec.structs.replace(seen, ended_at=max(end, until, seen.ended_at)))
    readings = await sessions.readings(tx, one.session.id)
    account_id = one.session.account_id
    return Course(
        one=one,
        grid=grid,
        curve=await facts.market(tx, one.location, grid),
        charged_wh=energy_by_slot(readings, grid, seen),
        events=await sessions.events(tx, one.session.id),
        pending_minor=await wallets.balance(tx, ledger.pending(account_id)) if account_id else 0,
        gap_bps=gap_share(readings, seen),
        meter_valid=is_valid(readings, seen),
    )


def settlement_input(
    run: Course, energy_wh: Sequence[int], ended_at: datetime, shortfall: Shortfall | None = None
) -> SettlementInput:
    """The settlement's question for a course with this energy by slot."""
    one, session = run.one, run.one.session
    public = one.public_tariff if one.location.public else None
    pressed = _overrides(run.events)
    own = None if public is not None else one.driver_prices(run.grid, run.market)
    return SettlementInput(
        session_id=session.id,
        grid=run.grid,
        started_at=session.started_at,
        ended_at=ended_at,
        metered_wh=list(energy_wh),
        market=run.market,
        terms=one.contract.terms if one.contract else NOBODY_PAYS,
        reference_power_w=session.reference_power_w,
        reference_power_source=session.reference_power_source,
        consent=one.consent or session.held_back,
        plan_accepted=session.plan_accepted,
        delay=Delay.WOULD_COST_MORE if session.held_back and session.delay not in HELD_BACK else session.delay,
        driver_prices=own,
        public_tariff=public,
        qualities=[slot.quality.value for slot in run.curve],
        overrides=[began for began, _ in pressed],
        overrides_undone=[undone for _, undone in pressed],
        pending_before_minor=max(0, run.pending_minor),
        shortfall=shortfall,
        meter_valid=run.meter_valid,
        gap_share_bps=run.gap_bps,
        same_account=one.same_account,
    )


def _overrides(events: Sequence[SessionEvent]) -> list[tuple[datetime, datetime | None]]:
    """When charging now was asked for, and when that was undone: by the order of what happened, not by its times.

    A station's clock says when a plug was put back, ours when a button was pressed.
    """
    found: list[tuple[datetime, datetime | None]] = []
    for event in events:
        if event.kind == "override":
            found.append((event.at, None))
        elif event.kind == "override_undone" and found:
            found[-1] = (found[-1][0], event.at)
    return found
