"""All texts of the app, in three languages with the same keys; numbers and times as the language writes them."""

from app.strings.de import TEXTS as DE
from app.strings.en import TEXTS as EN
from app.strings.formats import Formats
from app.strings.nl import TEXTS as NL

LANGUAGES: dict[str, dict[str, str]] = {"en": EN, "nl": NL, "de": DE}
NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch"}


class Texts:
    """The texts of one language: `t("home.title")`, with `{name}` filled from the arguments."""

    def __init__(self, language: str, zone: str = "Europe/Amsterdam", currency: str = "EUR") -> None:
        self.language = language if language in LANGUAGES else "en"
        self._texts = LANGUAGES[self.language]
        self.form = Formats(self.language, self._texts, zone, currency)

    def __call__(self, key: str, **values: object) -> str:
        text = self._texts[key]
        return text.format(**values) if values else text

    def code(self, family: str, code: str, **values: object) -> str:
        """The sentence for a code of the server; `family.other` where this app does not know the code yet."""
        key = f"{family}.{code.lower()}"
        return self(key if key in self._texts else f"{family}.other", **values)

    def knows(self, family: str, code: str) -> bool:
        """Whether there is a sentence for exactly this code."""
        return f"{family}.{code.lower()}" in self._texts

    def source(self, name: str) -> str:
        """Where prices come from: names of companies stay as they are."""
        return self(f"source.{name}") if self.knows("source", name) else name

    def count(self, key: str, number: int) -> str:
        """A text that depends on a number: `key.one` or `key.many`, with `{n}`."""
        return self(f"{key}.one" if number == 1 else f"{key}.many", n=number)


def preferred(locales: list[str]) -> str:
    """The first language of a device's list that the app speaks, else English. Locales look like `nl`, `de-AT`."""
    for locale in locales:
        language = locale.replace("_", "-").split("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"
