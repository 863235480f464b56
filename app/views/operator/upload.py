"""The form that enters a list of stations to be forwarded."""

from collections import Counter
from dataclasses import dataclass, replace

import flet as ft

from app import theme
from app.strings import Texts
from app.views.desk import use_desk, use_texts
from app.views.operator import care
from app.views.operator.treatment import Put
from app.widgets.cards import Tone, card, notice, stack
from shared.forwarding import ForwardingAdd, ForwardingAnswer
from shared.problems import Problem

HEAD = "identity,key,location\n"


@dataclass(frozen=True)
class Draft:
    """What the form says."""

    name: str = ""
    url: str = "wss://"
    stations: str = HEAD
    allowed: str = ""
    their_cards: bool = True
    public: bool = False

    @property
    def whole(self) -> bool:
        """Whether there is anything to send."""
        return bool(self.name.strip() and self.stations.strip() not in ("", HEAD.strip()) and "://" in self.url[:-1])

    def add(self) -> ForwardingAdd:
        """As the API takes it."""
        names = self.allowed.replace(",", " ").split()
        fields = (self.name.strip(), self.url.strip(), self.stations.strip() + "\n")
        return ForwardingAdd(*fields, allowed=names, their_cards=self.their_cards, public=self.public)


@ft.component
def Upload() -> ft.Control:
    """A name, the other system, a table of stations, and what the other system may do."""
    desk, t = use_desk(), use_texts()
    draft, set_draft = ft.use_state(Draft())
    busy, set_busy = ft.use_state(initial=False)
    nothing: ForwardingAnswer | Problem | None = None
    said, set_said = ft.use_state(nothing)

    def put(**fields: object) -> None:
        set_draft(lambda before: replace(before, **fields))

    async def send() -> None:
        set_busy(True)
        set_said(await care.put_forwarding(desk, draft.add()))
        set_busy(False)

    button = ft.FilledButton(
        t("op.forwarding.upload"),
        icon=ft.Icons.UPLOAD,
        on_click=send,
        disabled=busy or not draft.whole,
        key="upload-send",
    )
    return card(
        [
            theme.heading(t("op.forwarding.add")),
            theme.small(t("op.forwarding.add.what")),
            *_fields(t, draft, put),
            ft.Row([button]),
            _said(t, said),
        ],
        key="upload",
    )


def _fields(t: Texts, draft: Draft, put: Put) -> list[ft.Control]:
    allowed = _field(draft, put, "allowed", t("op.forwarding.allowed"))
    table = _field(draft, put, "stations", t("op.forwarding.csv"), lines=4)
    return [
        _field(draft, put, "name", t("op.forwarding.name")),
        _field(draft, put, "url", t("op.forwarding.system")),
        stack([table, theme.small(t("op.forwarding.csv.hint"))], 4),
        stack([allowed, theme.small(t("op.forwarding.allowed.what"))], 4),
        _switch(draft, put, "their_cards", t("op.forwarding.cards")),
        _switch(draft, put, "public", t("op.forwarding.public")),
    ]


def _field(draft: Draft, put: Put, name: str, label: str, *, lines: int = 1) -> ft.Control:
    return ft.TextField(
        value=getattr(draft, name),
        label=label,
        border=theme.FIELD,
        multiline=lines > 1,
        min_lines=lines,
        max_lines=12 if lines > 1 else 1,
        text_style=ft.TextStyle(font_family="monospace", size=13) if lines > 1 else None,
        on_change=lambda event: put(**{name: event.control.value or ""}),
        key=f"upload-{name}",
    )


def _switch(draft: Draft, put: Put, name: str, label: str) -> ft.Control:
    turn = ft.Switch(
        value=getattr(draft, name),
        tooltip=label,
        on_change=lambda event: put(**{name: bool(event.control.value)}),
        key=f"upload-{name}",
    )
    words = ft.Container(theme.body(label), expand=True)
    return ft.Semantics(label=label, content=ft.Row([words, turn], spacing=12))


def _said(t: Texts, said: ForwardingAnswer | Problem | None) -> ft.Control | None:
    if said is None:
        return None
    if isinstance(said, Problem):
        faults = [theme.small(f"{one.field}: {one.message}") for one in said.errors]
        return stack([notice(Tone.BAD, said.detail or said.title, None if faults else said.hint), *faults], 6)
    counted = sorted(Counter(said.outcomes.values()).items())
    what = ", ".join(t.code("op.forwarding.entered", kind, n=count) for kind, count in counted)
    return notice(Tone.GOOD, t("op.forwarding.uploaded", what=what))
