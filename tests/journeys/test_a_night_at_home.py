"""A car comes home, charges in the valley of the night, and its driver gets the difference back."""

from collections.abc import Sequence

import pytest
from journey_stage import clock_time, on_stage, person, town_of, visit

from shared.cdrs import Receipt, ReceiptSlot
from shared.sessions import Delay, Headline
from shared.units import minor_half_up

FREYA = person("HOME-2")  # a fixed price per kWh, from a supplier that shares the valley's value
PLUGGED, UNPLUGGED = clock_time(0, "18:05"), clock_time(1, "07:40")
VALLEY_FROM, VALLEY_TO = clock_time(1, "02:00"), clock_time(1, "07:00")
FLOOR_WH = 5_000


@pytest.fixture
def evening():
    return town_of(visit("HOME-2", PLUGGED, UNPLUGGED, 40))


def worth(receipt: Receipt, energy: Sequence[int]) -> int:
    """Price times energy over the receipt's slots, with nothing but the receipt."""
    return sum(slot.price_micro_per_kwh * wh for slot, wh in zip(receipt.slots, energy, strict=True))


def charged_at_once(receipt: Receipt) -> list[int]:
    """The baseline as the receipt describes it: the same energy at the reference power from plug-in."""
    left, out, reach = receipt.energy_wh, [], 0
    for slot in receipt.slots:
        before, reach = reach, reach + receipt.reference_power_w * slot.seconds
        out.append(min(left, reach // 3600 - before // 3600))
        left -= out[-1]
    return out


def in_valley(slot: ReceiptSlot) -> bool:
    return VALLEY_FROM <= slot.start < VALLEY_TO


async def tell(evening, home, database=""):
    async with on_stage(evening, home, database=database) as stage:
        await stage.until(clock_time(0, "18:06"))
        plugged = await stage.see(FREYA)
        await stage.until(clock_time(1, "00:30"))
        waiting = await stage.see(FREYA)
        await stage.until(clock_time(1, "02:20"))
        charging = await stage.see(FREYA)
        await stage.until(evening.end)
        (session,) = await stage.sessions()
        receipt = await stage.receipt(FREYA, session.id)
        wallet = await stage.wallet(FREYA)
        entries = await stage.ask(FREYA, "GET", "/api/wallet/entries")
        assert await stage.books() == (0, 0)
        assert await stage.idle()
        return (plugged, waiting, charging), receipt, wallet, entries["items"], stage.report()


async def assert_the_night_went_well(evening, home, database=""):
    (plugged, waiting, charging), receipt, wallet, entries, report = await tell(evening, home, database)

    # The floor first, because nobody knows how full the battery is; then the valley, ready by habit.
    assert (plugged.headline, plugged.delay) == (Headline.CHARGING_NOW, Delay.MANAGED), "not in the valley"
    assert (plugged.ready_by, plugged.ready_by_source) == (clock_time(1, "07:45"), "habit")
    assert sum(slot.planned_wh for slot in plugged.plan.slots if slot.start < VALLEY_FROM) == pytest.approx(
        5_000, abs=900
    )
    assert (plugged.plan.price_source, plugged.advice) == ("energy_charts", None)
    assert (waiting.headline, waiting.plan.starts_at, waiting.power_w) == (Headline.PAUSED, VALLEY_FROM, 0)
    assert waiting.plan.followed == "followed"
    assert (charging.headline, charging.power_w) == (Headline.CHARGING, 11_040)

    # What the meter saw is what was settled, and nearly all of it beyond the floor flowed in the valley.
    (seen,) = report.sessions
    assert receipt.energy_wh == seen.energy_wh == seen.need_wh
    inside = sum(slot.actual_wh for slot in receipt.slots if in_valley(slot))
    assert inside >= receipt.energy_wh - FLOOR_WH - 900
    assert (report.trouble, report.violations) == ((), ())

    # The receipt can be recomputed from itself.
    actual = [slot.actual_wh for slot in receipt.slots]
    assert [slot.baseline_wh for slot in receipt.slots] == charged_at_once(receipt)
    assert receipt.baseline_nano == worth(receipt, charged_at_once(receipt))
    assert receipt.value_nano == receipt.baseline_nano - worth(receipt, actual) == receipt.pool_nano
    assert receipt.split.net_minor == minor_half_up(receipt.value_nano)
    assert receipt.split.driver_minor == minor_half_up(receipt.value_nano * 5_000 // 10_000)
    shares = receipt.split
    assert shares.driver_minor + shares.operator_minor + shares.provider_minor == shares.net_minor
    assert (receipt.eligible, receipt.shortfall, receipt.sentence) == (True, None, "cashback_paid")

    # It was promised as a range before, and it is in the wallet now.
    assert plugged.cashback.low_minor <= shares.driver_minor
    assert (wallet.balance_minor, wallet.pending_minor) == (shares.driver_minor, 0)
    assert [(entry["kind"], entry["amount_minor"]) for entry in entries] == [("cashback", shares.driver_minor)]
    assert entries[0]["session_id"] == str(receipt.session_id)


async def test_the_car_charges_in_the_valley_and_the_cashback_arrives(evening, tmp_path):
    await assert_the_night_went_well(evening, tmp_path)


@pytest.mark.postgres
async def test_it_goes_the_same_way_on_postgresql(evening, tmp_path, fresh_postgres_url):
    await assert_the_night_went_well(evening, tmp_path, fresh_postgres_url)


async def test_a_car_that_says_how_full_it_is_needs_no_floor_and_waits(tmp_path):
    dana = person("HOME-1")  # a dynamic tariff, and a car that tells its state of charge
    ready = clock_time(1, "07:15")
    town = town_of(visit("HOME-1", PLUGGED, clock_time(1, "07:20"), 50, ready_by=ready))
    async with on_stage(town, tmp_path) as stage:
        await stage.until(clock_time(0, "18:10"))
        view = await stage.see(dana)
        assert (view.headline, view.soc_pct, view.ready_by_source) == (Headline.CHARGES_FROM, 50, "stated")
        assert view.plan.starts_at == clock_time(1, "02:00")
        assert view.cashback is None
        await stage.until(town.end)
        (session,) = await stage.sessions()
        receipt = await stage.receipt(dana, session.id)
        wallet = await stage.wallet(dana)
        assert stage.report().missed == ()
    # Her own bill is lower by the whole difference; nothing is paid on top, and the wallet keeps the two apart.
    assert receipt.case == "B"
    assert (receipt.savings_nano, receipt.pool_nano) == (
        sum(s.driver_price_micro_per_kwh * (s.baseline_wh - s.actual_wh) for s in receipt.slots),
        0,
    )
    assert receipt.savings_minor > 100
    assert (wallet.balance_minor, wallet.earnings_minor, wallet.savings_minor) == (0, 0, receipt.savings_minor)
