"""The home tariff and the market prices over the API."""

from datetime import timedelta

import pytest
from small_town import LONG_AGO, NOW

from server.core.pricecurve import PriceSlot, Quality
from server.core.timegrid import Grid
from server.flows import prices

FIXED = {"kind": "fixed", "price_micro_per_kwh": 310_000}
NIGHT = {"kind": "night", "price_micro_per_kwh": 320_000, "night_price_micro_per_kwh": 240_000}
DYNAMIC = {"kind": "dynamic", "markup_micro_per_kwh": 20_000}


async def test_a_saved_tariff_is_the_one_in_force_from_now_on(api, anna):
    saved = (await api.put("/api/tariffs/home", json=NIGHT, headers=anna)).json()
    assert saved["input"]["night_price_micro_per_kwh"] == 240_000
    assert saved["valid_from"] == "2025-01-15T18:00:00Z"
    assert (await api.get("/api/tariffs/home", headers=anna)).json() == saved


async def test_a_tariff_is_saved_twice_while_the_clock_stands(api, anna):
    await api.put("/api/tariffs/home", json=NIGHT, headers=anna)
    saved = (await api.put("/api/tariffs/home", json=FIXED, headers=anna)).json()
    assert (await api.get("/api/tariffs/home", headers=anna)).json() == saved


async def test_who_has_no_tariff_is_told_how_to_set_one(api, bert):
    answer = await api.get("/api/tariffs/home", headers=bert)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_home_tariff")
    assert answer.json()["hint"] == "Set one with PUT /api/tariffs/home."
    assert (await api.put("/api/tariffs/home", json=FIXED, headers=bert)).json()["supplier_partner"] is False


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_euros_for_cents_are_named_in_words_before_anything_is_saved(api, anna, method):
    path = "/api/tariffs/home" if method == "PUT" else "/api/tariffs/preview"
    answer = await api.request(method, path, json={"kind": "fixed", "price_micro_per_kwh": 31_000_000}, headers=anna)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "price_micro_per_kwh"
    assert "did you mean EUR 0.31" in error["message"]
    kept = (await api.get("/api/tariffs/home", headers=anna)).json()
    assert kept["valid_from"] == LONG_AGO.isoformat().replace("+00:00", "Z")


async def test_a_preview_saves_nothing_and_says_what_the_tariff_means(api, anna):
    before = (await api.get("/api/tariffs/home", headers=anna)).json()
    night = (await api.post("/api/tariffs/preview", json=NIGHT, headers=anna)).json()
    assert (night["now_micro_per_kwh"], night["tonight_low_micro_per_kwh"]) == (320_000, 240_000)
    assert night["quality"] == "FINAL"
    dynamic = (await api.post("/api/tariffs/preview", json=DYNAMIC, headers=anna)).json()
    assert dynamic["notices"] == ["estimated_prices"]
    assert len(dynamic["points"]) == (5 + 24) * 4  # 19:00 to midnight, and tomorrow, in Amsterdam
    assert (await api.get("/api/tariffs/home", headers=anna)).json() == before


async def test_a_named_supplier_that_runs_here_is_a_partner_and_another_is_not(api, anna):
    other = (await api.put("/api/tariffs/home", json={**FIXED, "supplier": "Elders"}, headers=anna)).json()
    assert (other["input"]["supplier"], other["supplier_partner"]) == ("Elders", False)
    ours = {**FIXED, "supplier": " wiekenpolder energie "}
    assert (await api.put("/api/tariffs/home", json=ours, headers=anna)).json()["supplier_partner"] is True


async def test_a_supplier_that_is_not_named_stays_who_it_was(api, anna):
    saved = (await api.put("/api/tariffs/home", json=FIXED, headers=anna)).json()
    assert (saved["input"]["supplier"], saved["supplier_partner"]) == ("Wiekenpolder Energie", True)


# --- prices -------------------------------------------------------------------


async def test_without_published_prices_the_typical_curve_is_shown_as_what_it_is(api, anna):
    curve = (await api.get("/api/prices?hours=3", headers=anna)).json()
    assert (curve["zone"], curve["currency"], len(curve["slots"])) == ("NL", "EUR", 12)
    assert {(slot["quality"], slot["source"]) for slot in curve["slots"]} == {("ESTIMATED", "typical")}


async def test_published_prices_come_first_and_sources_that_differ_raise_a_notice(api, context, anna):
    hours = Grid(NOW, 2, 3600)

    def said(source, micro):
        return [PriceSlot(start, 3600, micro, source, Quality.PRELIMINARY, 1, NOW) for start in hours.starts()]

    async with context.db.begin() as tx:
        await prices.take(tx, "NL", said("entsoe", 80_000), hours, NOW)
        await prices.take(tx, "NL", said("energy_charts", 90_000), hours, NOW)
    curve = (await api.get("/api/prices?hours=3", headers=anna)).json()
    assert [slot["source"] for slot in curve["slots"]] == ["entsoe"] * 8 + ["typical"] * 4
    assert curve["slots"][0]["price_micro_per_kwh"] == 80_000
    assert curve["notices"] == ["sources_differ"]


async def test_the_curve_begins_with_the_slot_at_hand(api, context, anna):
    context.clock.advance_to(NOW + timedelta(minutes=20))
    curve = (await api.get("/api/prices", headers=anna)).json()
    assert curve["slots"][0]["start"] == "2025-01-15T18:15:00Z"
    assert len(curve["slots"]) == 36 * 4
