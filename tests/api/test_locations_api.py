"""Places on the map and in the list."""

import pytest
import small_town
from small_town import BERTS_HOME, HOME, NOW, STREET, STREET_EVSE_1, STREET_STATION_1

from server.core.tariff import EnergyWindow, PublicTariffTerms
from server.flows import locations
from server.storage import stations
from shared.locations import EvseState
from shared.tariffs import PriceStep


async def test_a_driver_sees_public_places_and_his_own_home(api, anna, sue):
    places = (await api.get("/api/locations", headers=anna)).json()
    assert {place["id"] for place in places} == {str(HOME), str(STREET)}
    public = (await api.get("/api/locations?public=true", headers=anna)).json()
    assert [place["name"] for place in public] == ["Lootsstraat"]
    assert [place["id"] for place in (await api.get("/api/locations?public=false", headers=anna)).json()] == [str(HOME)]
    assert [place["id"] for place in (await api.get("/api/locations", headers=sue)).json()] == [str(STREET)]
    assert (await api.get(f"/api/locations/{BERTS_HOME}", headers=anna)).status_code == 404


async def test_a_place_comes_with_state_price_and_operator(api, anna):
    street = (await api.get(f"/api/locations/{STREET}", headers=anna)).json()
    assert street["operator_name"] == "Lootspaal"
    first, second = street["evses"]
    assert (first["state"], first["online"]) == ("AVAILABLE", True)
    assert (second["state"], second["online"]) == ("UNKNOWN", False)
    assert first["price"]["energy_micro_per_kwh"] == first["price"]["energy_high_micro_per_kwh"] == 420_000


async def test_ones_own_session_is_marked_and_a_strangers_is_not(api, context, anna, bert):
    session_id = await small_town.plug_in(context.db, NOW, STREET_STATION_1)
    for who, mark in ((anna, str(session_id)), (bert, None)):
        evse = (await api.get(f"/api/locations/{STREET}", headers=who)).json()["evses"][0]
        assert (evse["state"], evse["mine"]) == ("CHARGING", mark)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Available", "AVAILABLE"),
        ("Preparing", "AVAILABLE"),
        ("Charging", "CHARGING"),
        ("SuspendedEV", "CHARGING"),
        ("SuspendedEVSE", "CHARGING"),
        ("Finishing", "BLOCKED"),
        ("Reserved", "RESERVED"),
        ("Unavailable", "INOPERATIVE"),
        ("Faulted", "OUTOFORDER"),
        ("Dreaming", "UNKNOWN"),
    ],
)
async def test_what_a_connector_says_is_told_in_ocpis_words(said, shown):
    assert locations.state_of(said, online=True) == shown
    assert locations.state_of(said, online=False) is EvseState.UNKNOWN


async def test_a_broken_evse_is_shown_out_of_order(api, context, anna):
    async with context.db.begin() as tx:
        await stations.set_status(tx, STREET_EVSE_1, "Faulted", "GroundFailure", NOW)
    assert (await api.get(f"/api/locations/{STREET}", headers=anna)).json()["evses"][0]["state"] == "OUTOFORDER"


def test_a_price_that_varies_by_time_has_a_low_and_a_high():
    windows = (EnergyWindow("07:00", "23:00", 450_000), EnergyWindow("23:00", "07:00", 290_000))
    terms = PublicTariffTerms(STREET, "EUR", windows, idle_micro_per_hour=6_000_000, idle_after_minutes=30)
    price = locations.price_of(terms)
    assert (price.energy_micro_per_kwh, price.energy_high_micro_per_kwh) == (290_000, 450_000)
    assert (price.idle_micro_per_hour, price.idle_after_minutes) == (6_000_000, 30)
    assert price.steps == [PriceStep("07:00", 450_000), PriceStep("23:00", 290_000)]
    flat = PublicTariffTerms(STREET, "EUR", (EnergyWindow("00:00", "24:00", 450_000),))
    assert locations.price_of(flat).steps == []
    assert locations.price_of(None) is None
