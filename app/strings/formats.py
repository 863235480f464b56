"""Money, prices, energy and time as a language writes them. Money is never rounded here: minor units come rounded."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SYMBOLS = {"EUR": "€", "GBP": "£", "CHF": "CHF", "DKK": "kr", "SEK": "kr", "NOK": "kr", "USD": "$"}
MINUS = "−"
NARROW = " "
"""No-break space: an amount and its unit stay on one line."""


class Formats:
    """The formats of one language for one driver: `zone` is an IANA time zone, `currency` an ISO 4217 code."""

    def __init__(self, language: str, texts: Mapping[str, str], zone: str, currency: str) -> None:
        self.language = language
        self.zone = ZoneInfo(zone)
        self.currency = currency
        self._texts = texts
        self._comma = "." if language == "en" else ","
        self._group = "," if language == "en" else "."

    def number(self, value: float, decimals: int = 0) -> str:
        """A number with the language's decimal sign; thousands are grouped from 10,000 on."""
        text = f"{abs(value):,.{decimals}f}" if abs(value) >= 10_000 else f"{abs(value):.{decimals}f}"
        text = text.translate({ord(","): self._group, ord("."): self._comma})
        return f"{MINUS}{text}" if value < 0 and float(f"{value:.{decimals}f}") else text

    def _with_symbol(self, value: float, decimals: int) -> str:
        symbol = SYMBOLS.get(self.currency, self.currency)
        sign = MINUS if value < 0 and float(f"{value:.{decimals}f}") else ""
        digits = self.number(abs(value), decimals)
        if self.language == "de":
            return f"{sign}{digits}{NARROW}{symbol}"
        if self.language == "nl":
            return f"{symbol}{NARROW}{sign}{digits}"
        return f"{sign}{symbol}{digits}" if len(symbol) == 1 else f"{sign}{symbol}{NARROW}{digits}"

    def money(self, minor: int, *, sign: bool = False) -> str:
        """Minor units (cents); `sign` puts a plus before what comes in."""
        text = self._with_symbol(minor / 100, 2)
        return f"+{text}" if sign and minor > 0 else text

    def span(self, low_minor: int, high_minor: int) -> tuple[str, str]:
        """From and to of a range of money."""
        return self.money(low_minor), self.money(high_minor)

    def nano(self, nano: int, decimals: int = 4) -> str:
        """Nano-units with more decimals than cents, for a receipt."""
        return self._with_symbol(nano / 1e9, decimals)

    def price(self, micro_per_kwh: int, decimals: int | None = None) -> str:
        """A price per kWh, with a third decimal only where there is one."""
        if decimals is None:
            decimals = 2 if micro_per_kwh % 10_000 == 0 else 3
        return self._with_symbol(micro_per_kwh / 1e6, decimals)

    def per_hour(self, micro_per_hour: int) -> str:
        """A price per minute, from micro-units per hour."""
        return self._with_symbol(micro_per_hour / 60e6, 3)

    def energy(self, wh: int) -> str:
        """Energy in kWh."""
        return f"{self.number(wh / 1000, 1)}{NARROW}kWh"

    def power(self, watt: int) -> str:
        """Power in kW."""
        return f"{self.number(watt / 1000, 1)}{NARROW}kW"

    def current(self, ma: int) -> str:
        """Current in A, on a phase."""
        return f"{self.number(ma / 1000, 0 if ma % 1000 == 0 else 1)}{NARROW}A"

    def local(self, moment: datetime) -> datetime:
        """A moment in the driver's time zone."""
        return moment.astimezone(self.zone)

    def time(self, moment: datetime) -> str:
        """The time of day, 24 hours."""
        return f"{self.local(moment):%H:%M}"

    def clock(self, moment: datetime) -> str:
        """A time of day to the second."""
        return self.local(moment).strftime("%H:%M:%S")

    def weekday(self, moment: datetime) -> str:
        """The short name of the day."""
        return self._texts[f"weekday.short.{self.local(moment).weekday()}"]

    def share(self, permille: int) -> str:
        """Thousandths as a percentage, with a decimal where there is one."""
        return self._texts["format.share"].format(value=self.number(permille / 10, 1 if permille % 10 else 0))

    def day(self, day: date) -> str:
        """A day of a place's own calendar."""
        return self.date(datetime.combine(day, time(12), self.zone))

    def date(self, moment: datetime) -> str:
        """Day and month with the short name of the day."""
        local = self.local(moment)
        values = {"weekday": self.weekday(moment), "day": local.day, "month": self._texts[f"month.short.{local.month}"]}
        return self._texts["format.date"].format(**values)

    def date_time(self, moment: datetime) -> str:
        """Day, month and time."""
        return f"{self.date(moment)}, {self.time(moment)}"

    def moment(self, moment: datetime, now: datetime) -> str:
        """A moment near now: only the time today, within six days the weekday too, else the date."""
        local, today = self.local(moment), self.local(now)
        if local.date() == today.date():
            return self.time(moment)
        if timedelta() < moment - now < timedelta(days=6):
            return f"{self.weekday(moment)} {self.time(moment)}"
        return self.date_time(moment)

    def soon(self, moment: datetime, now: datetime) -> str:
        """A moment of the coming twelve hours by its time alone."""
        return self.time(moment) if timedelta() <= moment - now < timedelta(hours=12) else self.moment(moment, now)

    def duration(self, seconds: float) -> str:
        """Hours and minutes."""
        minutes = round(seconds / 60)
        hours, rest = divmod(minutes, 60)
        return f"{hours}{NARROW}h {rest:02d}" if hours else f"{rest}{NARROW}min"
