"""What stands in the fake town: prices, sessions, stations and a receipt, written down once for all tests."""

import math
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from shared.cdrs import CostParts, Receipt, ReceiptSlot, Split
from shared.ids import derive
from shared.locations import EvseState, EvseView, LocationView
from shared.plans import PlanSlot, PlanView
from shared.sessions import Delay, Headline, MoneyRange, SessionState, SessionView
from shared.tariffs import PublicPrice

NOW = datetime(2026, 11, 23, 20, 40, tzinfo=UTC)
"""Monday evening, 21:40 in Amsterdam."""
ZONE = "Europe/Amsterdam"
SLOT = timedelta(minutes=15)
PLUGGED = NOW.replace(hour=17, minute=15)
READY = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


def an_id(*parts: object) -> UUID:
    return derive("fake-town", *parts)


SESSION = an_id("session")
SETTLED = an_id("session", "settled")


def price(moment: datetime) -> int:
    """A market price in micro-units per kWh: dear in the evening, a valley after midnight, dear in the morning."""
    hour = moment.hour + moment.minute / 60
    evening = 90_000 * math.exp(-(((hour - 17.5) / 2.6) ** 2))
    morning = 55_000 * math.exp(-(((hour - 7.5) / 1.7) ** 2))
    night = -58_000 * math.exp(-((((hour + 12) % 24 - 14.2) / 2.6) ** 2))
    noon = -50_000 * math.exp(-(((hour - 12.5) / 2.2) ** 2))
    return round((92_000 + evening + morning + night + noon) / 10) * 10


def slots(start: datetime, end: datetime) -> list[datetime]:
    return [start + number * SLOT for number in range(int((end - start) / SLOT))]


def plan(*, override: bool = False, ready: datetime | None = READY, quality: str = "FINAL") -> PlanView:
    """20 kWh: at once from 18:15 local, by plan in the eight cheapest quarter hours."""
    end = ready or READY
    moments = slots(PLUGGED, end)
    future = [one for one in moments if one >= NOW.replace(minute=30)]
    cheap = set(future[:8] if override else sorted(future, key=price)[:8])
    rows = [
        PlanSlot(
            start=one,
            seconds=900,
            price_micro_per_kwh=price(one),
            quality=quality,
            charged_wh=0,
            planned_wh=2_500 if one in cheap else 0,
            baseline_wh=2_500 if number < 8 else 0,
        )
        for number, one in enumerate(moments)
    ]
    return PlanView(
        id=an_id("plan", override, str(ready)),
        made_at=NOW,
        slots=rows,
        starts_at=min(cheap),
        ready_at=max(cheap) + SLOT,
        shortfall=None,
        followed="followed",
        not_followed_reason=None,
        price_source="energy-charts",
    )


def a_session(**change: object) -> SessionView:
    whole = SessionView(
        id=SESSION,
        state=SessionState.OPEN,
        headline=Headline.CHARGES_FROM,
        delay=Delay.MANAGED,
        location_id=an_id("home"),
        location_name="Wilgenlaan 12",
        evse_label="Oprit",
        public=False,
        contract_kind="home_fixed",
        currency="EUR",
        time_zone=ZONE,
        vehicle_name="Volkswagen ID.3",
        plugged_at=PLUGGED,
        ended_at=None,
        ready_by=READY,
        ready_by_source="habit",
        target_pct=80,
        soc_pct=46,
        energy_wh=0,
        need_wh=20_000,
        power_w=0,
        override=False,
        cashback=MoneyRange(110, 150),
        savings=None,
        cost_minor=None,
        plan=plan(),
    )
    return msgspec.structs.replace(whole, **change)


def a_price() -> PublicPrice:
    return PublicPrice(
        tariff_id=an_id("tariff"),
        currency="EUR",
        energy_micro_per_kwh=390_000,
        energy_high_micro_per_kwh=390_000,
        time_micro_per_hour=0,
        session_minor=35,
        idle_micro_per_hour=3_000_000,
        idle_after_minutes=240,
    )


def street(mine: UUID | None = None) -> LocationView:
    states = [EvseState.AVAILABLE, EvseState.CHARGING, EvseState.AVAILABLE, EvseState.OUTOFORDER, EvseState.CHARGING]
    evses = [
        EvseView(
            id=an_id("evse", number),
            label=f"Lootspaal {number + 1}",
            state=EvseState.CHARGING if mine and number == 0 else state,
            max_w=11_040,
            phases=3,
            online=number != 4,
            price=a_price(),
            mine=mine if number == 0 else None,
        )
        for number, state in enumerate(states)
    ]
    return LocationView(
        id=an_id("street"),
        name="Lootsstraat",
        address="Lootsstraat 31, Amsterdam",
        latitude=52.3676,
        longitude=4.8671,
        time_zone=ZONE,
        public=True,
        operator_name="Lootspaal",
        evses=evses,
    )


def locations() -> list[LocationView]:
    far = [
        ("Kinkerplein", "Kinkerstraat 200, Amsterdam", 52.3661, 4.8688, 3),
        ("Jacob van Lennepkade", "Jacob van Lennepkade 4, Amsterdam", 52.3645, 4.8722, 0),
    ]
    out = [street()]
    for name, address, latitude, longitude, free in far:
        evses = [
            EvseView(
                id=an_id("evse", name, number),
                label=f"{name} {number + 1}",
                state=EvseState.AVAILABLE if number < free else EvseState.CHARGING,
                max_w=22_080,
                phases=3,
                online=True,
                price=msgspec.structs.replace(a_price(), energy_micro_per_kwh=425_000),
            )
            for number in range(4)
        ]
        out.append(
            LocationView(
                id=an_id(name),
                name=name,
                address=address,
                latitude=latitude,
                longitude=longitude,
                time_zone=ZONE,
                public=True,
                operator_name="Lootspaal",
                evses=evses,
            )
        )
    return out


def receipt() -> Receipt:
    """20 kWh moved from the evening into the night; half of the value to the driver."""
    start = PLUGGED - timedelta(days=1)
    moments = slots(start, READY - timedelta(days=1))
    late = sorted(sorted(moments, key=price)[:8])
    rows = []
    for number, one in enumerate(moments):
        baseline, actual = (2_500 if number < 8 else 0), (2_500 if one in late else 0)
        rows.append(
            ReceiptSlot(
                start=one,
                seconds=900,
                baseline_wh=baseline,
                actual_wh=actual,
                price_micro_per_kwh=price(one),
                driver_price_micro_per_kwh=285_000,
                value_nano=price(one) * (baseline - actual),
                quality="FINAL",
            )
        )
    return _receipt_of(rows, start)


def timed_receipt() -> Receipt:
    """The same night in public, at a price that varies: EUR 0.50 by day, 0.46 by night, and what is left is shared."""
    plain, saved = receipt(), 800_000_000
    pool = 440_000_000
    return msgspec.structs.replace(
        plain,
        case="G",
        contract_kind="public_timed",
        savings_nano=saved,
        savings_minor=80,
        pool_nano=pool,
        split=_split_of(pool),
        driver_cost_minor=920,
        driver_cost_at_once_minor=1_000,
        driver_cost=CostParts(9_200_000_000, 0, 0, 0, 920),
        driver_cost_at_once=CostParts(10_000_000_000, 0, 0, 0, 1_000),
        sentence="savings_and_cashback",
    )


def _split_of(value: int) -> Split:
    net = round(value / 1e7)
    driver = round(value / 2e7)
    operator = round((net - driver) * 0.6)
    return Split(
        share_driver_bps=5_000,
        share_operator_bps=3_000,
        share_provider_bps=2_000,
        net_minor=net,
        driver_raw_nano=value // 2,
        driver_minor=driver,
        operator_minor=operator,
        provider_minor=net - driver - operator,
        min_payout_minor=20,
        max_payout_minor=1_000,
        policy="ACCUMULATE",
        paid_minor=driver,
        pending_before_minor=0,
        pending_after_minor=0,
        capped=False,
    )


def _receipt_of(rows: list[ReceiptSlot], start: datetime) -> Receipt:
    base = sum(one.price_micro_per_kwh * one.baseline_wh for one in rows)
    value = sum(one.value_nano for one in rows)
    cost = CostParts(energy_nano=285_000 * 20_000, time_nano=0, session_nano=0, idle_nano=0, total_minor=570)
    return Receipt(
        session_id=SETTLED,
        cdr_id=an_id("cdr"),
        case="C",
        location_name="Wilgenlaan 12",
        evse_label="Oprit",
        contract_kind="home_fixed",
        currency="EUR",
        time_zone=ZONE,
        started_at=start,
        ended_at=READY - timedelta(days=1),
        energy_wh=20_000,
        reference_power_w=10_000,
        reference_power_source="vehicle",
        slots=rows,
        baseline_nano=base,
        actual_nano=base - value,
        value_nano=value,
        savings_nano=0,
        savings_minor=0,
        fee_nano=0,
        pool_nano=value,
        split=_split_of(value),
        driver_cost_minor=570,
        driver_cost_at_once_minor=570,
        eligible=True,
        reasons=[],
        overrides=[],
        shortfall=None,
        price_source="energy-charts",
        price_quality="FINAL",
        price_curve_id="nl-2026-11-22",
        sentence="cashback_paid",
        formula="value = sum(price * (baseline_wh - actual_wh)); pool = value - savings - fee",
        driver_cost=cost,
        driver_cost_at_once=cost,
    )
