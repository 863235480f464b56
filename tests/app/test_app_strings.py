import ast
import re
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.strings import LANGUAGES, Texts, preferred

APP = Path(__file__).parents[2] / "app"
WHEN = datetime(2026, 11, 23, 20, 40, tzinfo=UTC)


def fields(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


@pytest.mark.parametrize("language", ["nl", "de"])
def test_every_language_says_everything_with_the_same_values(language: str) -> None:
    english, other = LANGUAGES["en"], LANGUAGES[language]
    assert set(english) == set(other)
    assert {key: fields(text) for key, text in english.items()} == {key: fields(text) for key, text in other.items()}


FORMAL = {"nl": r"\b(U|u|Uw|uw)\b", "de": r"(?<=[\w,;:] )(Sie|Ihr|Ihre[mnrs]?|Ihnen)\b"}


@pytest.mark.parametrize("language", list(FORMAL))
def test_who_reads_is_spoken_to_in_one_way(language: str) -> None:
    formal = [key for key, text in LANGUAGES[language].items() if re.search(FORMAL[language], text)]
    assert formal == []


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_no_text_is_empty_or_holds_a_sign_that_the_font_lacks(language: str) -> None:
    for key, text in LANGUAGES[language].items():
        assert text.strip(), key
        assert not set(text) & set("→←✓✗⚡₂…"), key


def test_every_text_that_the_pages_ask_for_by_name_is_there() -> None:
    asked = set()
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t"
            if called and node.args and isinstance(node.args[0], ast.Constant):
                asked.add(node.args[0].value)
    assert len(asked) > 150
    assert asked <= set(LANGUAGES["en"])


def test_every_family_of_codes_has_a_sentence_for_codes_that_are_still_to_come() -> None:
    for family in ("problem", "story", "state", "start", "reason", "shortfall", "followed", "delay", "entry"):
        for language in LANGUAGES:
            assert Texts(language).code(family, "invented_tomorrow")


@pytest.mark.parametrize(
    ("language", "money", "price", "energy", "date"),
    [
        ("en", "€1.10", "€0.285", "20.5 kWh", "Mon 23 Nov, 21:40"),
        ("nl", "€ 1,10", "€ 0,285", "20,5 kWh", "ma 23 nov, 21:40"),
        ("de", "1,10 €", "0,285 €", "20,5 kWh", "Mo 23. Nov., 21:40"),
    ],
)
def test_amounts_and_times_are_written_as_the_language_does(
    language: str, money: str, price: str, energy: str, date: str
) -> None:
    form = Texts(language).form
    plain = [form.money(110), form.price(285_000), form.energy(20_500), form.date_time(WHEN)]
    assert [one.replace("\N{NO-BREAK SPACE}", " ") for one in plain] == [money, price, energy, date]


def test_money_keeps_its_sign_and_never_shows_a_minus_zero() -> None:
    form = Texts("en").form
    assert form.money(-5) == "\N{MINUS SIGN}€0.05"
    assert form.money(131, sign=True) == "+€1.31"
    assert form.nano(-1_000) == "€0.0000"
    assert form.money(1_234_567) == "€12,345.67"


def test_times_are_in_the_drivers_zone_on_both_sides_of_a_clock_change() -> None:
    form = Texts("en", "Europe/Amsterdam").form
    assert form.time(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)) == "02:30"
    assert form.time(datetime(2026, 10, 25, 1, 30, tzinfo=UTC)) == "02:30"
    assert Texts("en", "Europe/Lisbon").form.time(WHEN) == "20:40"


def test_a_moment_is_said_as_briefly_as_it_can_be_understood() -> None:
    form = Texts("en").form
    assert form.moment(WHEN + timedelta(hours=1), WHEN) == "22:40"
    assert form.moment(WHEN + timedelta(hours=9), WHEN) == "Tue 06:40"
    assert form.soon(WHEN + timedelta(hours=9), WHEN) == "06:40"
    assert form.moment(WHEN + timedelta(days=8), WHEN) == "Tue 1 Dec, 21:40"


def test_the_app_speaks_the_first_language_of_the_device_that_it_knows() -> None:
    assert preferred(["fr-FR", "nl_BE", "en"]) == "nl"
    assert preferred(["de-AT"]) == "de"
    assert preferred(["fr"]) == "en"
    assert preferred([]) == "en"


def test_no_field_cuts_off_what_it_says_below() -> None:
    """A field's note or complaint takes one line, and the rest of it is gone, unless it may take more."""
    cut, told = [], 0
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "TextField":
                given = {word.arg for word in node.keywords}
                wanted = {f"{name}_max_lines" for name in ("helper", "error") if name in given}
                told += len(wanted)
                cut += [f"{path.name}:{node.lineno}"] if wanted - given else []
    assert told >= 8
    assert cut == []
