"""Where home is cheaper tonight: how little is enough here, in one sentence."""

import flet as ft

from app.strings import Texts
from app.widgets.cards import Tone, notice
from shared.sessions import HomeAdvice


def advice_words(t: Texts, said: HomeAdvice) -> str:
    """The sentence, as in: If 5 kWh get you home, the other 15 kWh cost about €1.80 there tonight instead of €6.75."""
    values = {
        "rest": t.form.energy(said.rest_wh),
        "home": t.form.money(said.rest_home_minor),
        "here": t.form.money(said.rest_here_minor),
    }
    if not said.enough_wh:
        return t("advice.home_full", **values)
    return t("advice.home", enough=t.form.energy(said.enough_wh), **values)


def home_advice(t: Texts, said: HomeAdvice | None) -> ft.Control | None:
    """A calm notice; nothing where nothing is advised."""
    return None if said is None else notice(Tone.CALM, advice_words(t, said), t("advice.home.do"))
