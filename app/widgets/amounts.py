"""Reading amounts as people type them, and noticing cents where euros were meant."""

from dataclasses import dataclass

from app.strings import Texts
from shared.tariffs import HomeKind, HomeTariffInput

LEAST_MICRO, MOST_MICRO = 20_000, 1_000_000
"""Prices per kWh including VAT and taxes; what lies outside was meant differently."""
MOST_MARKUP_MICRO = 200_000
EXAMPLE_MICRO = 285_000
CENTS = 100


def micro(text: str) -> int | None:
    """An amount such as 0,285 or 0.285 or € 0,29 as micro-units; None where it is none."""
    cleaned = text.strip().replace("€", "").replace(" ", "").replace(" ", "").replace(",", ".")
    try:
        value = float(cleaned)
    except ValueError:
        return None
    return round(value * 1e6) if abs(value) < 1e6 else None


def plain(amount: int | None, language: str) -> str:
    """Micro-units as one types them."""
    if amount is None:
        return ""
    text = f"{amount / 1e6:.5f}".rstrip("0")
    whole, _, rest = text.partition(".")
    joined = f"{whole}.{rest.ljust(2, '0')}"
    return joined if language == "en" else joined.replace(".", ",")


def clock(text: str) -> str | None:
    """A time of day such as 7, 7:30, 23.00 as HH:MM; None where it is none."""
    hour, _, minute = text.strip().replace(".", ":").replace("h", ":").partition(":")
    if not hour.isdigit() or (minute and not minute.isdigit()):
        return None
    hours, minutes = int(hour), int(minute or 0)
    return f"{hours:02d}:{minutes:02d}" if hours < 24 and minutes < 60 else None


@dataclass(frozen=True)
class Complaint:
    """What is wrong with a field, and the amount that was probably meant."""

    words: str
    meant_micro: int | None = None


def complaint(t: Texts, text: str, least: int, most: int) -> Complaint | None:
    """What is wrong with an entered price; None where nothing is."""
    amount = micro(text)
    if amount is None:
        example = EXAMPLE_MICRO if most >= EXAMPLE_MICRO else most // 10
        return Complaint(t("tariff.error.number", example=plain(example, t.language)))
    if least <= amount <= most:
        return None
    if least <= amount // CENTS <= most:
        return Complaint(t("tariff.error.cents", meant=t.form.price(amount // CENTS)), amount // CENTS)
    return Complaint(t("tariff.error.range", low=t.form.price(least), high=t.form.price(most)))


@dataclass(frozen=True)
class Draft:
    """The tariff form as typed."""

    kind: HomeKind = HomeKind.FIXED
    price: str = ""
    night_price: str = ""
    night_from: str = "23:00"
    night_to: str = "07:00"
    weekend: bool = True
    markup: str = ""

    def typed(self, name: str, text: str) -> "Draft":
        """The form after a change of one field."""
        return Draft(**{**vars(self), name: text})

    def complaints(self, t: Texts) -> dict[str, Complaint]:
        """What is wrong, by field."""
        found: dict[str, Complaint | None] = {}
        if self.kind is HomeKind.DYNAMIC:
            found["markup"] = complaint(t, self.markup, 0, MOST_MARKUP_MICRO)
        else:
            found["price"] = complaint(t, self.price, LEAST_MICRO, MOST_MICRO)
        if self.kind is HomeKind.NIGHT:
            found["night_price"] = complaint(t, self.night_price, LEAST_MICRO, MOST_MICRO)
            for name in ("night_from", "night_to"):
                ok = clock(getattr(self, name)) is not None
                found[name] = None if ok else Complaint(t("tariff.error.time"))
        return {name: one for name, one in found.items() if one is not None}

    def entered(self) -> HomeTariffInput:
        """The form as the API takes it; only without complaints."""
        if self.kind is HomeKind.DYNAMIC:
            return HomeTariffInput(kind=self.kind, markup_micro_per_kwh=micro(self.markup))
        if self.kind is HomeKind.FIXED:
            return HomeTariffInput(kind=self.kind, price_micro_per_kwh=micro(self.price))
        return HomeTariffInput(
            kind=self.kind,
            price_micro_per_kwh=micro(self.price),
            night_price_micro_per_kwh=micro(self.night_price),
            night_from=clock(self.night_from) or "23:00",
            night_to=clock(self.night_to) or "07:00",
            weekend_is_night=self.weekend,
        )


def draft_of(entered: HomeTariffInput, language: str) -> Draft:
    """A saved tariff in the form again."""
    return Draft(
        kind=entered.kind,
        price=plain(entered.price_micro_per_kwh, language),
        night_price=plain(entered.night_price_micro_per_kwh, language),
        night_from=entered.night_from,
        night_to=entered.night_to,
        weekend=entered.weekend_is_night,
        markup=plain(entered.markup_micro_per_kwh, language),
    )
