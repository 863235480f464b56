"""Whether home is cheaper than a public place, from what is known of the driver's own nights there."""

import statistics
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from server.core import advice as core
from server.core.advice import Here, Home
from server.core.demand import FLOOR_WH
from server.core.tariff import home_prices, home_terms
from server.core.timegrid import covering
from server.flows import facts
from server.flows.facts import SessionFacts
from server.flows.outlooks import Outlook
from server.storage import contracts, locations, past_sessions, stations
from server.storage.drivers import Driver
from shared.sessions import HomeAdvice

HOME_STAYS = 30


async def of_session(tx: AsyncSession, seen: SessionFacts, ahead: Outlook) -> HomeAdvice | None:
    """Advice for a public session that is running; none while nothing is to come, or at one's own place."""
    session, wanted = seen.session, sum(ahead.planned_wh)
    prices = seen.driver_prices(ahead.run.grid, ahead.run.market)
    if seen.driver is None or seen.same_account or not seen.location.public or prices is None or not wanted:
        return None
    cost = sum(price * energy for price, energy in zip(prices, ahead.planned_wh, strict=True))
    capacity = seen.car.capacity_wh if seen.car else None
    enough = core.enough_wh(session.energy_wh, FLOOR_WH, capacity, session.soc_pct)
    back = ahead.settled.split.driver_minor if ahead.settled.eligible else 0
    per_kwh = core.back_micro(back, session.energy_wh + wanted)
    return await advice(tx, seen.driver, Here(cost // wanted, enough, per_kwh, wanted), ahead.now)


async def advice(tx: AsyncSession, driver: Driver, here: Here, now: datetime) -> HomeAdvice | None:
    """Advice for energy at a public place, None where home is not cheaper or nothing is known of it."""
    home = await _home(tx, driver, now)
    return None if home is None else core.advise(here, home)


async def _home(tx: AsyncSession, driver: Driver, now: datetime) -> Home | None:
    """What the coming night at home costs, by the driver's own stays there and tariff."""
    contract = await contracts.home_contract(tx, driver.id)
    if contract is None or contract.location_id is None:
        return None
    place = await locations.get(tx, contract.location_id)
    tariff = await contracts.home_tariff(tx, driver.id, now)
    evses = await stations.evses_at(tx, [contract.location_id])
    stays = await past_sessions.stays(tx, driver.id, contract.location_id, HOME_STAYS)
    night = core.night_at_home(stays, now, driver.time_zone)
    if place is None or tariff is None or not evses or night is None:
        return None
    energies = await past_sessions.energies(tx, [driver.id], contract.location_id)
    usual = round(statistics.median(energies.get(driver.id, (0,))))
    grid = covering(*night)
    market = [slot.price_micro_per_kwh for slot in await facts.market(tx, place, grid)]
    prices = home_prices(home_terms(tariff.entered), grid, market, place.time_zone)
    slot_wh = max(evse.max_w for evse in evses) * grid.slot_seconds // 3600
    return Home(core.cheapest_micro(prices, usual, slot_wh), usual)
