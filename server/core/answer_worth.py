"""What it is worth to a driver to say when the car leaves, and from how much on that is asked for."""

from server.core.contract import OWN_BILL, ContractTerms
from server.core.objective import BPS

ASK_FROM_MINOR = 10
"""Nobody is asked for less than this."""
ASK_SHARE = 0.2
"""In at most so many of the sessions whose departure is forecast the driver is asked."""
MINOR = 100


def drivers_minor(worth: float, terms: ContractTerms) -> int:
    """What an answer that is worth so much (major units) brings the driver in the mean, minor units, never negative."""
    # On the own bill planning prices are the driver's benefit already; else it is a share of the market's value.
    share = BPS if terms.kind in OWN_BILL else terms.share_driver_bps
    return max(0, round(worth * MINOR * share / BPS))
