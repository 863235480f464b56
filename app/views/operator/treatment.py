"""How a station is treated: what was found out about it, its oddities, and the form to correct them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import flet as ft
import msgspec

from app import theme
from app.strings import Texts
from app.views.desk import use_console, use_desk, use_texts
from app.views.operator import care
from app.widgets.cards import card, failed, pair, rule, skeleton, stack
from app.widgets.keyed import keyed
from shared.stations import StationView
from shared.traits import StationTraits, TraitsUpdate

NOT, ZONE = "not:", "clock:"
QUIRKS = ("no_subprotocol", "long_message_ids", "kwh_as_wh", "other_result_ids", "compressed_frames")
"""The oddities that this app has words for; others are shown by their names."""
ASK = "ask"
UNITS: dict[str, Literal["A", "W"] | None] = {"A": "A", "W": "W", ASK: None}
BUDGET = range(10, 10_001)


class Put(Protocol):
    """Changes fields of the draft."""

    def __call__(self, **fields: object) -> None:
        """By their names."""


@ft.component
def Treatment(station: StationView) -> ft.Control:
    """A station's traits, loaded with the page."""
    desk, t, console = use_desk(), use_texts(), use_console()

    async def load() -> None:
        await care.load_traits(desk, station.id)

    ft.use_effect(load, [str(station.id)])
    traits = console.traits_of(station.id)
    if traits is None and console.traits.problem is not None:
        return card([failed(t, console.traits.problem, load)])
    if traits is None:
        return card([skeleton(t, 44, 44, 44)])
    return card([*_known(t, traits), rule(), keyed(_Form, f"treat-{station.id}", traits)], key="traits")


def _known(t: Texts, traits: StationTraits) -> list[ft.Control | None]:
    """What was found out, and cannot be written."""
    follows = "op.unknown" if traits.follows is None else "op.yes" if traits.follows else "op.no"
    steps = t("op.unknown") if traits.periods_max is None else str(traits.periods_max)
    writes = t("op.trait.writes.of", n=traits.writes_today, most=traits.flash_writes_a_day)
    return [
        theme.heading(t("op.traits")),
        theme.small(t("op.traits.what")),
        _line(t("op.trait.takes"), _purposes(t, traits.purposes)),
        _line(t("op.trait.refuses"), _purposes(t, traits.refused)) if traits.refused else None,
        pair(t("op.trait.periods"), steps),
        pair(t("op.trait.follows"), t(follows)),
        pair(t("op.trait.writes"), writes),
    ]


def _line(label: str, value: str) -> ft.Control:
    """As `pair`, for a value that may be long."""
    return ft.Semantics(container=True, content=stack([theme.body(label), theme.strong(value, size=14)], 0))


def _purposes(t: Texts, names: Sequence[str]) -> str:
    said = [t(f"op.purpose.{name.lower()}") if t.knows("op.purpose", name) else name for name in names]
    return ", ".join(dict.fromkeys(said)) or t("op.unknown")


def has(traits: StationTraits, name: str) -> bool:
    """Whether a station is treated as having an oddity: by its row, or by its make unless its row says otherwise."""
    return name in traits.quirks or (name in traits.of_its_make and NOT + name not in traits.quirks)


def row_of(traits: StationTraits, chosen: AbstractSet[str], zone: str) -> list[str]:
    """What is written into a station's row: what its make is not known for, and what of its make is taken back."""
    own = sorted(chosen - set(traits.of_its_make))
    back = sorted(NOT + name for name in set(traits.of_its_make) - chosen)
    return [*own, *back, *([ZONE + zone] if zone else [])]


def _names(traits: StationTraits) -> list[str]:
    others = [name.removeprefix(NOT) for name in (*traits.quirks, *traits.of_its_make)]
    return list(dict.fromkeys([*QUIRKS, *(name for name in others if not name.startswith(ZONE))]))


def _zone(traits: StationTraits) -> str:
    return next((name.removeprefix(ZONE) for name in traits.quirks if name.startswith(ZONE)), "")


@dataclass(frozen=True)
class Draft:
    """What the form says; `budget` as it was typed."""

    unit: str
    chosen: frozenset[str]
    zone: str
    auto: bool
    listed: bool
    budget: str

    @property
    def most(self) -> int | None:
        """The writes a day, where the field holds a number that may be."""
        said = self.budget.strip()
        return int(said) if said.isdecimal() and int(said) in BUDGET else None

    def update(self, traits: StationTraits) -> TraitsUpdate:
        """What is to be written. The unit only where it was changed: saying it again would find it out anew."""
        assert self.most is not None, "the button is off"
        said = TraitsUpdate(
            quirks=row_of(traits, self.chosen, self.zone.strip()),
            auto_configure=self.auto,
            local_list=self.listed,
            flash_writes_a_day=self.most,
        )
        return said if self.unit == (traits.unit or ASK) else msgspec.structs.replace(said, unit=UNITS[self.unit])


def draft_of(traits: StationTraits) -> Draft:
    """The form as it is before anybody types."""
    chosen = frozenset(name for name in _names(traits) if has(traits, name))
    unit = traits.unit or ASK
    return Draft(unit, chosen, _zone(traits), traits.auto_configure, traits.local_list, str(traits.flash_writes_a_day))


@ft.component
def _Form(traits: StationTraits) -> ft.Control:
    desk, t = use_desk(), use_texts()
    draft, set_draft = ft.use_state(draft_of(traits))
    busy, set_busy = ft.use_state(initial=False)

    def put(**fields: object) -> None:
        set_draft(lambda before: replace(before, **fields))

    async def save() -> None:
        set_busy(True)
        await care.change_traits(desk, traits.station_id, draft.update(traits))
        set_busy(False)

    wrong = None if draft.most is not None else t("op.trait.budget.wrong")
    button = ft.FilledButton(t("op.save"), on_click=save, disabled=busy or draft.most is None, key="save-traits")
    return stack(
        [
            _units(t, draft, put),
            _switch(t("op.trait.auto"), "auto", put, on=draft.auto),
            _switch(t("op.trait.list"), "listed", put, on=draft.listed),
            _field(t("op.trait.budget"), "budget", draft.budget, put, wrong),
            theme.strong(t("op.quirks")),
            theme.small(t("op.quirks.what")),
            *[_quirk(t, traits, name, draft, put) for name in _names(traits)],
            _field(t("op.quirk.zone"), "zone", draft.zone, put, None),
            ft.Row([button]),
        ],
        12,
    )


def _units(t: Texts, draft: Draft, put: Put) -> ft.Control:
    """A list to choose from: three words side by side are wider than a phone."""
    label = t("op.trait.unit")
    options = [ft.DropdownOption(key=name, text=t(f"op.trait.unit.{name.lower()}")) for name in UNITS]
    pick = ft.Dropdown(
        value=draft.unit,
        options=options,
        label=label,
        on_select=lambda event: put(unit=event.control.value or draft.unit),
        expand=True,
        key="unit",
    )
    return ft.Semantics(label=label, content=ft.Row([pick]))


def _switch(label: str, name: str, put: Put, *, on: bool) -> ft.Control:
    """A switch behind its words, which may take two lines on a phone."""
    switch = ft.Switch(
        value=on, tooltip=label, on_change=lambda event: put(**{name: bool(event.control.value)}), key=f"switch-{name}"
    )
    words = ft.Container(theme.body(label), expand=True)
    return ft.Semantics(label=label, content=ft.Row([words, switch], spacing=12))


def _field(label: str, name: str, value: str, put: Put, wrong: str | None) -> ft.Control:
    field = ft.TextField(
        value=value,
        border=theme.FIELD,
        dense=True,
        error=wrong,
        error_max_lines=3,
        on_change=lambda event: put(**{name: event.control.value or ""}),
        key=f"field-{name}",
    )
    return ft.Semantics(label=label, content=stack([theme.small(label), field], 4))


def _quirk(t: Texts, traits: StationTraits, name: str, draft: Draft, put: Put) -> ft.Control:
    what = t(f"op.quirk.{name}") if t.knows("op.quirk", name) else name
    label = t("op.quirk.of_make", what=what) if name in traits.of_its_make else what

    def tick(event: ft.Event[ft.Checkbox]) -> None:
        put(chosen=draft.chosen | {name} if event.control.value else draft.chosen - {name})

    box = ft.Checkbox(value=name in draft.chosen, tooltip=label, on_change=tick, key=f"quirk-{name}")
    words = ft.Container(theme.body(label), expand=True)
    return ft.Semantics(label=label, content=ft.Row([box, words], spacing=4))
