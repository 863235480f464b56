"""The split of a session's net value between driver, operator and provider: shares always add up to the cent."""

from server.core.contract import ContractTerms, Payout
from shared.cdrs import Split
from shared.units import NANO_PER_MINOR, minor_half_up


def split(pool_nano: int, terms: ContractTerms, pending_before_minor: int) -> Split:
    """Who gets what of a pool (domain 1.2), `pool_nano` being the net value N, which may be negative.

    The driver's share is rounded half up to the cent and capped; operator and provider share what remains. A negative
    pool costs the driver nothing. DROP: a raw share below the least payout is 0. ACCUMULATE: it is credited as pending,
    and pending is paid once its sum reaches the least payout; one payment is never above the cap, and what exceeds it
    stays pending. AT_ONCE: nothing stays pending.
    """
    assert pending_before_minor >= 0, "pending is owed to the driver, never by the driver"
    raw_nano = max(pool_nano, 0) * terms.share_driver_bps // 10_000
    net_minor = minor_half_up(pool_nano)
    driver_minor = _driver(raw_nano, terms)
    operator_minor = _operator(net_minor - driver_minor, terms)
    paid_minor = _paid(driver_minor, terms, pending_before_minor)
    return Split(
        share_driver_bps=terms.share_driver_bps,
        share_operator_bps=terms.share_operator_bps,
        share_provider_bps=terms.share_provider_bps,
        net_minor=net_minor,
        driver_raw_nano=raw_nano,
        driver_minor=driver_minor,
        operator_minor=operator_minor,
        provider_minor=net_minor - driver_minor - operator_minor,
        min_payout_minor=terms.min_payout_minor,
        max_payout_minor=terms.max_payout_minor,
        policy=terms.payout.value,
        paid_minor=paid_minor,
        pending_before_minor=pending_before_minor,
        pending_after_minor=pending_before_minor + driver_minor - paid_minor,
        capped=raw_nano > terms.max_payout_minor * NANO_PER_MINOR,
    )


def is_below_least(share: Split) -> bool:
    """Whether the driver's raw share, before rounding, stayed below the least payout."""
    return share.driver_raw_nano < share.min_payout_minor * NANO_PER_MINOR


def _driver(raw_nano: int, terms: ContractTerms) -> int:
    # Whole nano-units and whole cents have no half between them: raw may be floored before it is compared and rounded.
    if terms.payout is Payout.DROP and raw_nano < terms.min_payout_minor * NANO_PER_MINOR:
        return 0
    return min(minor_half_up(raw_nano), terms.max_payout_minor)


def _operator(rest_minor: int, terms: ContractTerms) -> int:
    both_bps = terms.share_operator_bps + terms.share_provider_bps
    if not both_bps:
        return 0
    return (2 * rest_minor * terms.share_operator_bps + both_bps) // (2 * both_bps)


def _paid(driver_minor: int, terms: ContractTerms, pending_before_minor: int) -> int:
    if terms.payout is Payout.DROP:
        return driver_minor
    due_minor = pending_before_minor + driver_minor
    if terms.payout is Payout.AT_ONCE:
        return due_minor
    return min(due_minor, terms.max_payout_minor) if due_minor >= terms.min_payout_minor else 0
