"""The receipt: a sentence, a picture, who gets what, every slot, and how to recompute it with a pocket calculator."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from itertools import zip_longest
from typing import cast
from uuid import UUID

import flet as ft
import msgspec

from app import theme
from app.failures import ApiProblem
from app.strings import Texts
from app.views.desk import use_desk, use_prefs, use_texts
from app.views.driver.session import missing, place_words
from app.widgets.cards import Tone, card, columns, empty, failed, notice, page, pair, rule, skeleton, stack
from app.widgets.price_curve import Bar, Marks, Picture, PriceCurve, legend
from app.widgets.slot_table import SlotTable
from shared.cdrs import CostParts, Receipt, Split
from shared.problems import Problem

NOT_SETTLED = "not_settled"
"""The API's code for: the session is yours, its receipt is still to come."""


@ft.component
def ReceiptPage() -> ft.Control:
    """The receipt of a session by its address."""
    desk, t, prefs = use_desk(), use_texts(), use_prefs()
    text = ft.use_route_params().get("session", "")
    receipt, set_receipt = ft.use_state(cast("Receipt | None", None))
    problem, set_problem = ft.use_state(cast("Problem | None", None))

    async def load() -> None:
        set_problem(None)
        try:
            set_receipt(await desk.api.receipt(UUID(text)))
        except ValueError:
            set_problem(Problem(type="about:blank", title="", status=404))
        except ApiProblem as refused:
            set_problem(refused.problem)
            if refused.unauthorized:
                desk.refuse(refused)

    ft.use_effect(load, [text])
    if receipt is not None:
        return page([_whole(t, receipt, lambda: desk.toast(t("receipt.copied")), wide=prefs.wide)], wide=prefs.wide)
    if problem is not None:
        return _trouble(t, problem, load, lambda: desk.page.navigate("/"))
    return page([skeleton(t, 150, 260, 200)], wide=prefs.wide)


def _trouble(
    t: Texts, problem: Problem, load: ft.ControlEventHandler[ft.OutlinedButton], go_home: Callable[[], None]
) -> ft.Control:
    if problem.code == NOT_SETTLED:
        again = ft.OutlinedButton(t("act.retry"), icon=ft.Icons.REFRESH, on_click=load, key="retry")
        return empty(ft.Icons.HOURGLASS_EMPTY, t("receipt.not_yet"), t("receipt.not_yet.do"), again)
    return missing(t, go_home) if problem.status == HTTPStatus.NOT_FOUND else failed(t, problem, load)


def _whole(t: Texts, receipt: Receipt, copied: Callable[[], None], *, wide: bool) -> ft.Control:
    left = [
        _hero(t, receipt, wide=wide),
        *_notices(t, receipt),
        _picture(t, receipt, wide=wide),
        SlotTable(t, receipt),
    ]
    right = [_value(t, receipt), _split(t, receipt), _cost(t, receipt), _how(t, receipt, copied)]
    return columns(left, right, wide=wide)


def sentence(t: Texts, receipt: Receipt) -> str:
    """The receipt in one sentence."""
    money = t.form.money
    energy, back = t.form.energy(receipt.energy_wh), money(receipt.split.driver_minor)
    return t.code("receipt.sentence", receipt.sentence, energy=energy, back=back, saved=money(receipt.savings_minor))


def _hero(t: Texts, receipt: Receipt, *, wide: bool) -> ft.Control:
    ink = ft.Colors.ON_PRIMARY_CONTAINER
    start, end = t.form.date_time(receipt.started_at), t.form.date_time(receipt.ended_at)
    head = theme.hero(sentence(t, receipt), ink, wide=wide)
    head.key = "receipt-sentence"
    return card(
        [
            theme.small(place_words(t, receipt.location_name, receipt.evse_label), ink),
            ft.Semantics(heading_level=1, content=head),
            theme.body(t("receipt.when", start=start, end=end), ink),
        ],
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        padding=24,
    )


def _notices(t: Texts, receipt: Receipt) -> list[ft.Control]:
    out = [notice(Tone.CALM, words) for words in dict.fromkeys(t.code("reason", one) for one in receipt.reasons)]
    out += [notice(Tone.CALM, _override(t, *one)) for one in zip_longest(receipt.overrides, receipt.overrides_undone)]
    if receipt.revision > 1:
        out.append(notice(Tone.CALM, t("receipt.corrected")))
    if receipt.shortfall is not None:
        energy, reason = t.form.energy(receipt.shortfall.energy_wh), t.code("shortfall", receipt.shortfall.reason)
        out.append(notice(Tone.WARN, t("receipt.shortfall", energy=energy, reason=reason)))
    return out


def _override(t: Texts, began: datetime, back: datetime | None) -> str:
    if back is None:
        return t("receipt.override", time=t.form.time(began))
    return t("receipt.override_undone", time=t.form.time(began), back=t.form.time(back))


def _picture(t: Texts, receipt: Receipt, *, wide: bool) -> ft.Control:
    bars = tuple(
        Bar(one.start, one.seconds, one.price_micro_per_kwh, charged_wh=one.actual_wh, baseline_wh=one.baseline_wh)
        for one in receipt.slots
    )
    if not bars:
        return ft.Container(height=0)
    picture = Picture(bars, Marks(), 240 if wide else 190)
    return card(
        [
            theme.heading(t("curve.receipt")),
            PriceCurve(t, picture),
            legend(t, charged=True, planned=False, baseline=True),
        ]
    )


def _value(t: Texts, receipt: Receipt) -> ft.Control:
    """From charging at once to what is shared."""
    nano = t.form.nano
    source = t(
        "receipt.market_note", source=t.source(receipt.price_source), quality=t.code("quality", receipt.price_quality)
    )
    rows: list[ft.Control | None] = [
        pair(t("receipt.baseline"), nano(receipt.baseline_nano)),
        pair(t("receipt.actual"), nano(receipt.actual_nano)),
        rule(),
        pair(t("receipt.value"), theme.strong(nano(receipt.value_nano), theme.VALLEY)),
    ]
    if receipt.savings_nano:
        rows.append(pair(t("receipt.savings"), nano(receipt.savings_nano)))
    if receipt.employer_savings_nano:
        rows.append(pair(t("receipt.employer"), nano(receipt.employer_savings_nano)))
    if receipt.fee_nano:
        rows.append(pair(t("receipt.fee"), nano(receipt.fee_nano)))
    rows += [pair(t("receipt.pool"), nano(receipt.pool_nano)), theme.small(source)]
    return card(rows, key="value")


def _split(t: Texts, receipt: Receipt) -> ft.Control:
    split, money = receipt.split, t.form.money
    rows: list[ft.Control | None] = [theme.heading(t("receipt.split"))]
    for name, bps, minor in _shares(split):
        share = f"{t.form.number(bps / 100)} %"
        rows.append(pair(t(f"receipt.split.{name}"), money(minor), share))
    rule_key = "receipt.split.rule_drop" if split.policy == "DROP" else "receipt.split.rule"
    least, most = money(split.min_payout_minor), money(split.max_payout_minor)
    before, after, paid = (
        money(one) for one in (split.pending_before_minor, split.pending_after_minor, split.paid_minor)
    )
    rows += [
        rule(),
        theme.small(t("receipt.split.raw", amount=t.form.nano(split.driver_raw_nano))),
        theme.small(t("receipt.split.pending", before=before, after=after, paid=paid)),
        theme.small(t(rule_key, min=least, max=most)),
        theme.small(t("receipt.split.capped", max=most)) if split.capped else None,
    ]
    if receipt.goodwill_minor:
        rows.append(pair(t("receipt.goodwill"), money(receipt.goodwill_minor)))
    return card(rows, key="split")


def _shares(split: Split) -> list[tuple[str, int, int]]:
    return [
        ("driver", split.share_driver_bps, split.driver_minor),
        ("operator", split.share_operator_bps, split.operator_minor),
        ("provider", split.share_provider_bps, split.provider_minor),
    ]


def _cost(t: Texts, receipt: Receipt) -> ft.Control | None:
    """What the driver pays for the stay, where there is something to pay."""
    cost, total = receipt.driver_cost, receipt.driver_cost_minor
    if total is None:
        return None
    rows: list[ft.Control | None] = [theme.heading(t("receipt.cost")), *(_parts(t, cost) if cost else [])]
    rows.append(pair(t("receipt.cost.total"), t.form.money(total)))
    if receipt.driver_cost_at_once_minor is not None:
        rows.append(theme.small(t("receipt.cost.once", amount=t.form.money(receipt.driver_cost_at_once_minor))))
    return card(rows, key="cost")


def _parts(t: Texts, cost: CostParts) -> list[ft.Control]:
    parts = [
        ("energy", cost.energy_nano),
        ("time", cost.time_nano),
        ("session", cost.session_nano),
        ("idle", cost.idle_nano),
    ]
    return [pair(t(f"receipt.cost.{name}"), t.form.nano(nano)) for name, nano in parts if nano]


def _how(t: Texts, receipt: Receipt, copied: Callable[[], None]) -> ft.Control:
    form, split = t.form, receipt.split
    raw = msgspec.json.format(msgspec.json.encode(receipt), indent=2).decode()
    why = t.code("reference", receipt.reference_power_source)
    lines = [
        t("receipt.how.1", power=form.power(receipt.reference_power_w), why=why),
        t("receipt.how.2", value=form.nano(receipt.value_nano)),
        t("receipt.how.3", pool=form.nano(receipt.pool_nano)),
        t(
            "receipt.how.4",
            share=form.number(split.share_driver_bps / 100),
            raw=form.nano(split.driver_raw_nano),
            driver=form.money(split.driver_minor),
        ),
    ]
    copy = ft.OutlinedButton(
        t("receipt.copy"),
        icon=ft.Icons.COPY_ALL_OUTLINED,
        action=ft.CopyToClipboard(raw),
        on_click=copied,
        key="copy-json",
    )
    return card(
        [
            theme.heading(t("receipt.how")),
            *[theme.body(line) for line in lines],
            stack([theme.small(receipt.formula)]),
            copy,
        ],
        key="how",
    )
