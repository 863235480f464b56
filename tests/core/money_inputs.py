"""Sessions to settle, in the fewest words: what a test does not say is the plain night of the golden cases."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from server.core.contract import ContractKind, ContractTerms, Payout
from server.core.settlement import SettlementInput
from server.core.tariff import EnergyWindow, PublicTariffTerms
from server.core.timegrid import Grid, covering
from shared.sessions import Delay

EVENING = datetime(2026, 1, 14, 17, 0, tzinfo=UTC)  # 18:00 in Amsterdam
QUARTER = timedelta(minutes=15)
NIGHT = [[12, 160], [8, 110], [12, 80], [16, 40], [4, 120]]
SESSION = UUID("00000000-0000-0000-0000-000000000001")
DRIVER = UUID("00000000-0000-0000-0000-0000000000d1")
OPERATOR = UUID("00000000-0000-0000-0000-0000000000c1")
PROVIDER = UUID("00000000-0000-0000-0000-0000000000a1")
FUNDER = UUID("00000000-0000-0000-0000-0000000000f1")
EUR = 10**9
FULL_LOAD = [2750] * 7 + [750]


def micro(blocks):
    """[[quarters, EUR/MWh], ...] as micro per kWh by quarter."""
    return [round(price * 1000) for quarters, price in blocks for _ in range(quarters)]


def charged(slots, first, energies):
    """Energy by slot: `energies` from slot `first` on."""
    return [0] * first + list(energies) + [0] * (slots - first - len(energies))


def terms(kind=ContractKind.PUBLIC_FIXED, payout=Payout.ACCUMULATE, **changes):
    return ContractTerms(kind=kind, payout=payout, **changes)


def session(**changes):
    """The plain night: 20 kWh at 11 kW, all in the valley from 02:00, an accepted plan, a willing driver."""
    market = changes.pop("market", micro(NIGHT))
    slots = len(market) if market else 52
    start = changes.pop("started_at", EVENING)
    end = changes.pop("ended_at", EVENING + slots * QUARTER)
    grid = changes.pop("grid", None) or Grid(EVENING, slots) if market else covering(start, end)
    plain = SettlementInput(
        session_id=SESSION,
        grid=grid,
        started_at=start,
        ended_at=end,
        metered_wh=charged(grid.slots, 32, FULL_LOAD) if grid.slots == 52 else [0] * grid.slots,
        market=market,
        terms=terms(),
        reference_power_w=11_000,
        reference_power_source="evse",
        consent=True,
        plan_accepted=True,
        delay=Delay.MANAGED,
    )
    return replace(plain, **changes)


def public_tariff(*windows, **fees):
    """A public tariff: windows of (from, to, cents per kWh), by default 0.50 all day."""
    energy = tuple(EnergyWindow(*window[:2], window[2] * 10_000) for window in windows or [("00:00", "24:00", 50)])
    return PublicTariffTerms(id=SESSION, currency="EUR", energy=energy, **fees)


PRICES = st.lists(st.integers(-200_000, 900_000), min_size=8, max_size=24)
KINDS = st.sampled_from(ContractKind)
POLICIES = st.sampled_from(Payout)


@st.composite
def stays(draw):
    """A managed stay with random prices, metering, tariff, power and policy."""
    market = draw(PRICES)
    slots = len(market)
    metered = draw(st.lists(st.integers(0, 2_750), min_size=slots, max_size=slots))
    late = draw(st.integers(0, 899))
    early = draw(st.integers(0, 899))
    kind = draw(KINDS)
    own = draw(st.none() | st.lists(st.integers(0, 600_000), min_size=slots, max_size=slots))
    fees = {"time_micro_per_hour": draw(st.integers(0, 500_000)), "idle_micro_per_hour": draw(st.integers(0, 500_000))}
    public = kind in (ContractKind.PUBLIC_FIXED, ContractKind.PUBLIC_TIMED)
    return session(
        market=market,
        grid=Grid(EVENING, slots),
        started_at=EVENING + timedelta(seconds=late),
        ended_at=EVENING + slots * QUARTER - timedelta(seconds=early),
        metered_wh=metered,
        driver_prices=own,
        public_tariff=public_tariff(("19:00", "21:00", 20), ("00:00", "24:00", 40), **fees) if public else None,
        reference_power_w=draw(st.integers(0, 22_000)),
        terms=terms(kind, draw(POLICIES), platform_fee_nano=draw(st.integers(0, EUR))),
        pending_before_minor=draw(st.integers(0, 19)),
    )
