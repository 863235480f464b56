import pytest

from app.strings import Texts
from app.widgets.amounts import Draft, clock, complaint, draft_of, micro, plain
from shared.tariffs import HomeKind

T = Texts("en")


@pytest.mark.parametrize(
    ("typed", "amount"),
    [("0.285", 285_000), ("0,285", 285_000), (" € 0,29 ", 290_000), ("28.5", 28_500_000), ("-0.01", -10_000)],
)
def test_amounts_are_read_as_people_type_them(typed: str, amount: int) -> None:
    assert micro(typed) == amount


@pytest.mark.parametrize("typed", ["", "abc", "1.2.3", "1e999", "nan"])
def test_what_is_no_amount_is_not_taken_for_one(typed: str) -> None:
    assert micro(typed) is None


def test_an_amount_survives_being_shown_and_read_again() -> None:
    for language in ("en", "nl", "de"):
        for amount in (285_000, 20_000, 123_450, 0):
            assert micro(plain(amount, language)) == amount
    assert plain(290_000, "nl") == "0,29"


@pytest.mark.parametrize(("typed", "time"), [("7", "07:00"), ("7:5", "07:05"), ("23.30", "23:30"), ("7h30", "07:30")])
def test_times_are_read_as_people_type_them(typed: str, time: str) -> None:
    assert clock(typed) == time


@pytest.mark.parametrize("typed", ["", "24:00", "12:60", "noon", "-1:00"])
def test_what_is_no_time_is_not_taken_for_one(typed: str) -> None:
    assert clock(typed) is None


def test_cents_are_noticed_and_the_price_that_was_meant_is_offered() -> None:
    found = complaint(T, "28,5", 20_000, 1_000_000)
    assert found is not None
    assert found.meant_micro == 285_000
    assert "€0.285" in found.words


def test_a_price_that_makes_no_sense_in_any_unit_gets_the_range() -> None:
    found = complaint(T, "5000", 20_000, 1_000_000)
    assert found is not None
    assert found.meant_micro is None
    assert "€0.02" in found.words


def test_each_kind_asks_only_for_its_own_fields() -> None:
    assert set(Draft(HomeKind.FIXED).complaints(T)) == {"price"}
    assert set(Draft(HomeKind.DYNAMIC).complaints(T)) == {"markup"}
    assert set(Draft(HomeKind.NIGHT, night_from="x").complaints(T)) == {"price", "night_price", "night_from"}


def test_a_form_becomes_the_apis_words_and_back() -> None:
    draft = Draft(HomeKind.NIGHT, price="0.31", night_price="0.24", night_from="22", night_to="6:30", weekend=False)
    entered = draft.entered()
    assert (entered.price_micro_per_kwh, entered.night_price_micro_per_kwh) == (310_000, 240_000)
    assert (entered.night_from, entered.night_to, entered.weekend_is_night) == ("22:00", "06:30", False)
    assert draft_of(entered, "en").entered() == entered
