"""What a session is planned for: whether it may be delayed at all, and on which price it looks for its valley."""

from collections.abc import Sequence

from server.core.contract import ContractKind, ContractTerms
from server.core.demand import NeedSource
from server.core.session import Session
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


def told_no_limit(delay: Delay, need_source: str, *, shared: bool, asleep: bool = False) -> bool:
    """Whether a charge at once is told no limit at all: on a limit of its own a car that is not ours to delay is free.

    So is one that nothing woke and that never took anything: it may have a timer of its own.

    An override is held to the energy that the driver asked for: its price was said for that much and no more.
    """
    if asleep and not shared:
        return True
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


def at_once_prices(slots: int) -> list[int]:
    """Prices that rise so steeply that the earliest slots win."""
    return [slot * AT_ONCE_STEP_MICRO for slot in range(slots)]
