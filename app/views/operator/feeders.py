"""The shared limits of a station's place, as a tree: what each may carry, and what hangs on it."""

from collections.abc import Sequence

import flet as ft

from app import theme
from app.strings import Texts
from app.views.desk import use_desk, use_prefs, use_texts
from app.views.operator.fetched import use_fetched
from app.widgets.cards import card, failed, rule, skeleton, stack
from shared.feeders import FeederView, LoadWindow
from shared.stations import StationView

STEP = 20
"""Pixels that a limit inside of another one stands to the right of it."""
NAMES_MAX = 6


@ft.component
def Feeders(station: StationView) -> ft.Control:
    """The limits above this station and beside it."""
    desk, t, prefs = use_desk(), use_texts(), use_prefs()
    found, load = use_fetched(lambda: desk.api.operating.feeders(station.location_id), [str(station.location_id)])
    head = theme.heading(t("op.feeders", place=station.location_name))
    if found.value is None and found.problem is not None:
        return card([head, failed(t, found.problem, load)])
    if found.value is None:
        return card([head, skeleton(t, 44)])
    if not found.value:
        return card([head, theme.small(t("op.feeders.none")), theme.small(t("op.feeders.none.do"))], key="feeders")
    rows: list[ft.Control] = [head, theme.small(t("op.feeders.what"))]
    for one in found.value:
        left = STEP * depth(one, found.value)
        row = _feeder(t, one, station.identity, wide=prefs.wide)
        rows += [rule(), ft.Container(row, padding=ft.Padding.only(left=left), key=f"feeder-{one.name}")]
    return card(rows, key="feeders")


def depth(one: FeederView, found: Sequence[FeederView]) -> int:
    """How many limits a limit lies inside of."""
    known, above = {other.id: other.parent_id for other in found}, 0
    parent = one.parent_id
    while parent is not None and above < len(found):
        parent, above = known.get(parent), above + 1
    return above


def _feeder(t: Texts, one: FeederView, here: str, *, wide: bool) -> ft.Control:
    cars = t.count("op.feeder.sockets", one.sockets)
    share = t("op.feeder.share", current=t.form.current(one.safe_share_ma))
    share = share if one.safe_share_ma else t("op.feeder.share.none")
    load = load_of(t, one.base_load)
    names = ", ".join(one.stations[:NAMES_MAX])
    if len(one.stations) > NAMES_MAX:
        names = t("op.feeder.more", names=names, n=len(one.stations) - NAMES_MAX)
    mine = here in one.stations
    name = [ft.Container(theme.strong(one.name or t("op.feeder.nameless")), expand=True)]
    limit = theme.strong(limit_of(t, one))
    top = ft.Row([*name, limit], spacing=12) if wide else stack([*name, limit], 2)
    return stack(
        [
            top,
            theme.small(f"{cars} · {share}" if one.stations else cars),
            theme.small(load) if load else None,
            theme.small(t("op.feeder.stations", names=names)) if names else None,
            theme.small(t("op.feeder.here"), theme.VALLEY) if mine else None,
        ],
        2,
    )


def limit_of(t: Texts, one: FeederView) -> str:
    """What it may carry: A on each phase, kW, or both."""
    said = []
    if one.limit_ma:
        alike = len(set(one.limit_ma)) == 1
        values = one.limit_ma[:1] if alike else one.limit_ma
        currents = " / ".join(t.form.current(value) for value in values)
        said.append(t("op.feeder.each" if alike else "op.feeder.phases", current=currents))
    if one.limit_w is not None:
        said.append(t.form.power(one.limit_w))
    return " · ".join(said)


def load_of(t: Texts, windows: Sequence[LoadWindow]) -> str:
    """What the building takes at most, "" for nothing."""
    most = max((one.load_w for one in windows), default=0)
    return t("op.feeder.load", power=t.form.power(most)) if most else ""
