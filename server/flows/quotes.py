"""What something would cost or bring, said before it is done: an override, and charging at a public EVSE."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import external_limit, override, projection
from server.core.advice import Here, back_micro, energy_micro
from server.core.contract import OWN_BILL, ContractKind, ContractTerms
from server.core.demand import FLOOR_WH
from server.core.objective import planning_prices
from server.core.session import Session
from server.core.settlement import SettlementInput
from server.core.tariff import HomeTariffTerms, PublicTariffTerms, home_prices, home_terms, public_prices
from server.core.timegrid import Grid, covering
from server.core.valley.problem import Answer, Problem
from server.flows import advising, facts, outlooks, plans
from server.flows.outlooks import Outlook, doubt
from server.flows.plans import Question
from server.storage import contracts, drivers, locations, stations, vehicles
from server.storage.drivers import Driver
from server.storage.locations import Location
from server.storage.stations import Evse
from shared.sessions import Delay, OverrideQuote, StayEstimate

TYPICAL_STAY = timedelta(hours=10)
TYPICAL_NEED_WH = 20_000
FULL_POWER = 0.95
"""From this share on a car is not held back: plans are whole Wh."""
IN_PUBLIC = (ContractKind.PUBLIC_FIXED, ContractKind.PUBLIC_TIMED)
AT_HOME = (ContractKind.HOME_FIXED, ContractKind.HOME_NIGHT, ContractKind.HOME_DYNAMIC)
PAYING = (*IN_PUBLIC, ContractKind.HOME_FIXED, ContractKind.HOME_NIGHT)
"""Where somebody else's price is what moves: he shares it with the driver, at home where he is a partner."""


class OverrideQuestion(msgspec.Struct, frozen=True):
    """What an override would do: the session as it goes on, and the place's plan with it overridden.

    `problem` None: nothing is planned that could be hastened, so an override costs nothing.
    """

    session_id: UUID
    ahead: Outlook
    question: Question | None

    @property
    def problem(self) -> Problem | None:
        """What to ask the engine."""
        return self.question.problem if self.question is not None else None


async def prepare_override(tx: AsyncSession, session: Session, now: datetime) -> OverrideQuestion:
    """Load both courses of a session: kept, and overridden now."""
    ahead = await outlooks.outlook(tx, await facts.of_session(tx, session), now)
    question = await plans.prepare(tx, session.location_id, now, overridden=session.id)
    asked = {wish.session_id for wish in question.wishes} if question is not None else set()
    return OverrideQuestion(session.id, ahead, question if session.id in asked else None)


def answer_override(asked: OverrideQuestion, answer: Answer | None) -> OverrideQuote:
    """The difference of two settlements under the same prices (to the cent, when nothing else changes)."""
    ahead = asked.ahead
    hurried, end = _hurried(asked, answer)
    cost = override.override_cost(ahead.asked, hurried)
    first = _first_power(asked, answer)
    return OverrideQuote(
        session_id=asked.session_id,
        cost_minor=cost.cost_minor,
        cashback_before_minor=cost.cashback_before_minor,
        cashback_after_minor=cost.cashback_after_minor,
        savings_before_minor=cost.savings_before_minor,
        savings_after_minor=cost.savings_after_minor,
        ready_before=ahead.ready_at,
        ready_after=end,
        limited_by=None if first is None else _limited_by(asked, first),
    )


def _limited_by(asked: OverrideQuestion, first_w: int) -> str | None:
    """What keeps it below full power in the first whole slot, None where nothing does."""
    assert asked.question is not None
    number, wish = next(
        (number, wish) for number, wish in enumerate(asked.question.wishes) if wish.session_id == asked.session_id
    )
    if first_w >= wish.max_w * FULL_POWER:
        return None
    here, place = asked.question.asked[number], asked.question.place
    limits, sockets = here.station.external_limits or (), (external_limit.WHOLE, wish.connector_no)
    free = external_limit.by_slot(limits, sockets, place.grid, place.now)[1]
    return "external_limit" if free is not None and free < wish.max_w * FULL_POWER else "site_limit"


def _first_power(asked: OverrideQuestion, answer: Answer | None) -> int | None:
    """What the overridden car gets in the first whole slot, W; None where it needs less than one."""
    if answer is None:
        return None
    energy = next(plan.energy_wh for plan in answer.plans if plan.id == str(asked.session_id))
    return energy[1] * 4 if len(energy) > 2 and energy[2] else None


def _hurried(asked: OverrideQuestion, answer: Answer | None) -> tuple[SettlementInput, datetime | None]:
    ahead = asked.ahead
    if answer is None or asked.question is None:
        return ahead.asked, ahead.ready_at
    grid, place = ahead.run.grid, asked.question.place.grid
    energy_wh = next(plan.energy_wh for plan in answer.plans if plan.id == str(asked.session_id))
    to_come = [0] * grid.slots
    left = sum(ahead.planned_wh)  # the same energy on both sides
    for slot, energy in enumerate(energy_wh):
        there = grid.index(place.at(slot))
        if 0 <= there < grid.slots:
            to_come[there] = min(energy, left)
            left -= to_come[there]
    total = [done + more for done, more in zip(ahead.run.charged_wh, to_come, strict=True)]
    used = [slot for slot, energy in enumerate(to_come) if energy]
    end = grid.at(used[-1] + 1) if used else None
    return msgspec.structs.replace(ahead.asked, metered_wh=total), end


async def estimate(tx: AsyncSession, account_id: UUID, evse: Evse, now: datetime) -> StayEstimate | None:
    """What a typical stay at an EVSE would bring this driver in its cheapest slots, and whether home is cheaper.

    None where neither can be said: it is not delayed here, and nothing is known of a cheaper home.
    """
    place = await locations.get(tx, evse.location_id)
    driver = (await drivers.by_id(tx, [account_id])).get(account_id)
    if place is None or driver is None:
        return None
    public = await contracts.public_tariff(tx, place.tariff_id) if place.public else None
    brings = await _brings(tx, driver, evse, place, now)
    home = None
    if public is not None:
        grid = covering(now, now + TYPICAL_STAY)
        back = brings.cashback.high_minor if brings is not None and brings.cashback is not None else 0
        price = energy_micro(public_prices(public, grid))
        here = Here(price, FLOOR_WH, back_micro(back, TYPICAL_NEED_WH))
        home = await advising.advice(tx, driver, here, now)
    if brings is None:
        return None if home is None else StayEstimate(None, home=home)
    return msgspec.structs.replace(brings, home=home)


async def at_home(tx: AsyncSession, account_id: UUID, now: datetime) -> StayEstimate | None:
    """What a typical stay that begins now would bring a driver at the own home.

    None where there is no home, it is not delayed, or it brings nothing to anybody there.
    """
    place = await locations.home_of(tx, account_id)
    driver = (await drivers.by_id(tx, [account_id])).get(account_id)
    evses = [] if place is None else await stations.evses_at(tx, [place.id])
    if place is None or driver is None or not evses:
        return None
    return await _brings(tx, driver, evses[0], place, now)


async def _brings(tx: AsyncSession, driver: Driver, evse: Evse, place: Location, now: datetime) -> StayEstimate | None:
    """Money back and savings of a typical stay, None where it is not delayed, or could bring neither."""
    if driver.consent_at is None:
        return None
    public = await contracts.public_tariff(tx, place.tariff_id) if place.public else None
    contract = facts.contract_here(await contracts.contract_at(tx, driver.id, place.id), place, public)
    if contract is None or not (place.public or place.account_id == driver.id):
        return None
    kind = contract.terms.kind
    if kind not in (IN_PUBLIC if place.public else AT_HOME):
        return None
    paid = kind in PAYING and (place.public or contract.terms.partner)
    row = None if place.public else await contracts.home_tariff(tx, driver.id, now)
    saved = kind in OWN_BILL and (place.public or row is not None)
    if (kind in OWN_BILL and not saved) or not (paid or saved):  # nobody entered the own price; or it brings nothing
        return None
    home = None if row is None else home_terms(row.entered)
    asked = await _supposed(tx, Stay(driver, contract.terms, evse, place, public, home), now)
    found = projection.estimate(asked, doubt(now, settled=False))
    return StayEstimate(found.cashback if paid else None, found.savings if saved else None)


class Stay(msgspec.Struct, frozen=True):
    """A stay that somebody thinks of: who, on which terms, where, at what price of his own."""

    driver: Driver
    terms: ContractTerms
    evse: Evse
    place: Location
    public: PublicTariffTerms | None
    home: HomeTariffTerms | None = None


async def _supposed(tx: AsyncSession, stay: Stay, now: datetime) -> SettlementInput:
    """The settlement's question for a stay from now on, charged in the slots that a plan would choose."""
    station, cars = await stations.get(tx, stay.evse.station_id), await vehicles.of(tx, stay.driver.id)
    grid = covering(now, now + TYPICAL_STAY)
    curve = await facts.market(tx, stay.place, grid)
    market = [slot.price_micro_per_kwh for slot in curve]
    own = public_prices(stay.public, grid) if stay.public is not None else None
    at_home = home_prices(stay.home, grid, market, stay.place.time_zone) if stay.home is not None else None
    own = at_home if own is None else own
    power = min([stay.evse.max_w, station.max_w, *[car.max_ac_w for car in cars[:1]]])
    return SettlementInput(
        session_id=stay.evse.id,
        grid=grid,
        started_at=now,
        ended_at=grid.end,
        metered_wh=_as_planned(grid, planning_prices(stay.terms, market, own), power, now),
        market=market,
        terms=stay.terms,
        reference_power_w=power,
        reference_power_source="evse",
        consent=True,
        plan_accepted=True,
        delay=Delay.MANAGED,
        public_tariff=stay.public,
        driver_prices=at_home,
        qualities=[slot.quality.value for slot in curve],
        same_account=facts.is_same_account(stay.driver, stay.place),
    )


def _as_planned(grid: Grid, prices: list[int], power: int, now: datetime) -> list[int]:
    """A typical need as a plan would place it: a floor at once, for nobody knows how full the car is, then the rest."""
    seconds = grid.overlap_seconds(now, grid.end)
    cheapest = sorted(range(grid.slots), key=lambda slot: (prices[slot], slot))
    out = [0] * grid.slots
    for slots, wanted_wh in ((range(grid.slots), FLOOR_WH), (cheapest, TYPICAL_NEED_WH - FLOOR_WH)):
        left = wanted_wh
        for slot in slots:
            more = min(left, power * seconds[slot] // 3600 - out[slot])
            out[slot], left = out[slot] + more, left - more
    return out
