"""What a session is planned for: whether it may be delayed at all, and on which price it looks for its valley."""

from collections.abc import Sequence

from server.core.contract import ContractKind, ContractTerms
from server.core.demand import NeedSource
from server.core.dial import FIRST_RISK_EUR
from server.core.dial import Dial as Stop
from server.core.session import Session
from shared.accounts import Dial
from shared.sessions import Delay

AT_ONCE_STEP_MICRO = 1_000_000
"""A charge at once pays this much more each slot later: more than any market price differs, so it wins over price."""
BPS = 10_000


def may_delay(session: Session, terms: ContractTerms | None, *, consent: bool) -> Delay:
    """Whether a session is moved into the valley before any price is looked at.

    A car is delayed only where its driver agreed, and only where somebody who shares it gains by it.
    """
    if session.override_since is not None:
        return Delay.OVERRIDDEN
    if terms is None:
        return Delay.NOTHING_TO_GAIN
    if not consent:
        return Delay.NO_CONSENT
    pays_nobody = terms.kind in (ContractKind.HOME_FIXED, ContractKind.PUBLIC_FIXED) and not terms.partner
    return Delay.NOTHING_TO_GAIN if pays_nobody else Delay.MANAGED


def told_no_limit(delay: Delay, need_source: str, *, shared: bool) -> bool:
    """Whether a charge at once is told no limit at all: on a limit of its own a car that is not ours to delay is free.

    An override is held to the energy that the driver asked for: its price was said for that much and no more.
    """
    if shared or delay is Delay.MANAGED:
        return False
    return delay is not Delay.OVERRIDDEN or need_source not in (NeedSource.SOC, NeedSource.STATED)


def planning_prices(terms: ContractTerms, market: Sequence[int], driver: Sequence[int] | None) -> list[int]:
    """The price by slot, micro per kWh, that makes driver and payer best off together.

    Where the driver's own price varies too (night, timed), the driver's benefit is the own saving plus the share of
    what is left: S + s (V - S) = (1 - s) S + s V, so the plan looks at (1 - s) x own price + s x market price.
    """
    if terms.kind is ContractKind.HOME_DYNAMIC:
        assert driver is not None
        return list(driver)
    if terms.kind in (ContractKind.HOME_NIGHT, ContractKind.PUBLIC_TIMED):
        assert driver is not None
        share = terms.share_driver_bps if terms.partner else 0
        return [((BPS - share) * own + share * spot) // BPS for own, spot in zip(driver, market, strict=True)]
    return list(market)


USUAL_KWH = 12
"""What a session takes in the mean: the dial's price of a session left short is spread over so much energy."""


def missing_micro_per_kwh(chosen: Dial) -> int:
    """What a kWh missing at departure is worth beyond charging at once (engine A3: delta), by the driver's dial."""
    return round(FIRST_RISK_EUR[Stop(chosen)] * 1_000_000 / USUAL_KWH)


def worth_micro(prices: Sequence[int], slots_needed: int, chosen: Dial) -> int:
    """The sum b + delta of engine A3: the mean price of charging at once, and what a missing kWh is worth beyond it."""
    return at_once_micro(prices, slots_needed) + missing_micro_per_kwh(chosen)


def at_once_micro(prices: Sequence[int], slots_needed: int) -> int:
    """The mean price of charging at once, micro per kWh."""
    first = prices[: max(1, slots_needed)]
    return sum(first) // len(first)


def at_once_prices(slots: int) -> list[int]:
    """Prices that rise so steeply that the earliest slots win."""
    return [slot * AT_ONCE_STEP_MICRO for slot in range(slots)]
