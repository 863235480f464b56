""" "Charge now": its price is said before, holds to the cent, and never buys more than the limit gives."""

from journey_stage import HandMadePrices, clock_time, on_stage, person, three_phase_drivers, town_of, visit

from shared.sessions import Delay, Headline

PLUGGED, READY, GONE = clock_time(0, "18:05"), clock_time(1, "07:15"), clock_time(1, "07:20")
PRESSED = clock_time(0, "21:30")
SHORT_VALLEY = [150, 150, 20, 20, *[150] * 20]


def benefit(receipt):
    """What a settled session brought its driver over charging at once: paid, given and kept."""
    fees = 0
    if receipt.fee_terms is not None:
        fees = receipt.driver_cost_at_once.total_minor - receipt.driver_cost.total_minor - receipt.savings_minor
    return receipt.split.driver_minor + receipt.savings_minor + receipt.goodwill_minor + fees


async def night(home, who, station, *, press, undo=None, **stay):
    """A night with or without "charge now"; returns what was said before, and the receipt."""
    quote = None
    async with on_stage(town_of(visit(station, PLUGGED, GONE, 40, who=who, ready_by=READY, **stay)), home) as stage:
        await stage.until(PRESSED)
        if press:
            quote = await stage.quote(who)
            seen = await stage.see(who)
            after = await stage.ask(who, "POST", f"/api/sessions/{seen.id}/override")
            assert (after["override"], after["delay"]) == (True, seen.delay.value)
            await stage.until(clock_time(0, "21:31"))
            seen = await stage.see(who)
            assert (seen.headline, seen.delay) == (Headline.CHARGING_NOW, Delay.OVERRIDDEN)
            assert seen.power_w == who.car.max_ac_w
        if undo:
            await stage.until(undo)
            await stage.ask(who, "DELETE", f"/api/sessions/{seen.id}/override")
            await stage.until(undo.replace(second=30))
            seen = await stage.see(who)
            assert (seen.delay, seen.power_w) == (Delay.MANAGED, 0)
        await stage.until(GONE)
        (session,) = await stage.sessions()
        receipt = await stage.receipt(who, session.id)
        assert await stage.books() == (0, 0)
        assert receipt.shortfall is None
        return quote, receipt


async def assert_the_price_holds(tmp_path, who, station, **stay):
    (tmp_path / "kept").mkdir()
    (tmp_path / "pressed").mkdir()
    _, kept = await night(tmp_path / "kept", who, station, press=False, **stay)
    quote, hurried = await night(tmp_path / "pressed", who, station, press=True, **stay)
    assert abs(kept.energy_wh - hurried.energy_wh) <= 30  # a profile in steps of 0.1 A never ends on the Wh
    assert benefit(kept) - benefit(hurried) == quote.cost_minor
    assert quote.cost_minor > 50
    assert (quote.cashback_before_minor, quote.cashback_after_minor) == (
        kept.split.driver_minor,
        hurried.split.driver_minor,
    )
    assert (quote.savings_before_minor, quote.savings_after_minor) == (kept.savings_minor, hurried.savings_minor)
    assert quote.limited_by is None
    assert hurried.eligible == kept.eligible, "an override takes nothing away that was earned"
    assert (len(hurried.overrides), kept.overrides) == (1, [])
    return quote, kept, hurried


async def test_it_costs_to_the_cent_what_was_said_at_a_home_with_a_fixed_price(tmp_path):
    who = person("HOME-2")
    quote, kept, hurried = await assert_the_price_holds(tmp_path, who, "HOME-2", energy_wh=24_000)
    assert kept.split.driver_minor > hurried.split.driver_minor
    assert quote.ready_after < quote.ready_before


async def test_it_costs_to_the_cent_what_was_said_on_a_dynamic_tariff(tmp_path):
    quote, kept, _ = await assert_the_price_holds(tmp_path, person("HOME-1"), "HOME-1")
    assert (kept.case, quote.cashback_before_minor) == ("B", 0)


async def test_it_costs_to_the_cent_what_was_said_on_the_street(tmp_path):
    who = person("LOOTS/2")
    _, kept, _ = await assert_the_price_holds(tmp_path, who, "LOOTS/2", energy_wh=24_000)
    assert kept.case == "A"


async def test_undone_it_goes_back_to_the_valley_with_what_it_has(tmp_path):
    who = person("HOME-2")
    _, receipt = await night(tmp_path, who, "HOME-2", press=True, undo=clock_time(0, "22:00"), energy_wh=24_000)
    evening = sum(slot.actual_wh for slot in receipt.slots if PRESSED <= slot.start < clock_time(0, "22:00"))
    valley = sum(slot.actual_wh for slot in receipt.slots if slot.start >= clock_time(1, "02:00"))
    assert evening == 11_040 // 2
    assert evening + valley + 5_000 >= receipt.energy_wh - 900
    assert receipt.eligible
    assert receipt.split.driver_minor > 0
    assert (receipt.overrides, receipt.overrides_undone) == ([PRESSED], [clock_time(0, "22:00")])


async def test_everybody_presses_at_once_and_the_street_keeps_its_limit(tmp_path):
    who = three_phase_drivers()
    evening, morning, ready = clock_time(0, "19:00"), clock_time(1, "08:00"), clock_time(1, "07:30")
    stays = [visit(f"LOOTS/{n}", evening, morning, 20, who=who[n], ready_by=ready) for n in range(1, 7)]
    async with on_stage(town_of(*stays), tmp_path, [HandMadePrices(hours=SHORT_VALLEY)]) as stage:
        await stage.until(clock_time(0, "22:00"))
        for one in who[1:7]:
            seen = await stage.see(one)
            await stage.ask(one, "POST", f"/api/sessions/{seen.id}/override")
        await stage.until(clock_time(0, "22:20"))
        busiest = max(sum(one.feeder_ma[phase] for one in stage.runner.stations) for phase in range(3))
        assert 60_000 < busiest <= 63_000
        await stage.until(clock_time(1, "03:00"))
        assert stage.report().violations == ()


async def test_pulling_the_plug_and_putting_it_back_means_charge_now(tmp_path):
    who = person("HOME-2")
    out, back = clock_time(0, "21:00"), clock_time(0, "21:03")
    first = visit("HOME-2", PLUGGED, out, 40, who=who)
    again = visit("HOME-2", back, GONE, 40, who=who, continues=True)
    async with on_stage(town_of(first, again), tmp_path) as stage:
        await stage.until(clock_time(0, "20:59"))
        assert (await stage.see(who)).headline is Headline.PAUSED
        await stage.until(clock_time(0, "21:05"))
        seen = await stage.see(who)
        assert (seen.override, seen.delay, seen.power_w) == (True, Delay.OVERRIDDEN, 11_040)
        await stage.ask(who, "PATCH", f"/api/sessions/{seen.id}", {"energy_wh": 20_000})
        await stage.ask(who, "DELETE", f"/api/sessions/{seen.id}/override")
        await stage.until(clock_time(0, "21:06"))
        assert (await stage.see(who)).delay is Delay.MANAGED, "it can be undone like the other one"
        await stage.until(stage.town.end)
        assert len(await stage.sessions()) == 2
        assert await stage.books() == (0, 0)


async def test_six_minutes_are_a_new_stay(tmp_path):
    who = person("HOME-2")
    first = visit("HOME-2", PLUGGED, clock_time(0, "21:00"), 40, who=who)
    again = visit("HOME-2", clock_time(0, "21:06"), GONE, 40, who=who, continues=True)
    async with on_stage(town_of(first, again), tmp_path) as stage:
        await stage.until(clock_time(0, "21:08"))
        seen = await stage.see(who)
        assert (seen.override, seen.delay is Delay.OVERRIDDEN) == (False, False)
