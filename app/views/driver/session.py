"""A session as its driver sees it: the same on Home, on the road and by its address."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import flet as ft

from app import theme
from app.state import Link, LinkState
from app.strings import Texts
from app.views import intents
from app.views.desk import use_board, use_clock, use_desk, use_link, use_prefs, use_texts
from app.views.driver.one_piece import OnePiece
from app.views.driver.override import Override
from app.widgets import headline
from app.widgets.cards import Tone, card, columns, empty, fact, notice, page, skeleton, stack
from app.widgets.explained import earlier_words, short_words
from app.widgets.home_advice import home_advice
from app.widgets.keyed import keyed
from app.widgets.price_curve import Bar, Marks, Picture, PriceCurve, legend
from app.widgets.ready_by import InForce, ReadyBy
from app.widgets.target import TargetEnergy, TargetPercent
from shared.plans import CurveSlot, Explanation
from shared.sessions import Delay, SessionState, SessionUpdate, SessionView

AFTER = timedelta(hours=2)
"""How much of the prices after the stay is drawn, to show what the car does not wait for."""


def bars(session: SessionView, prices: list[CurveSlot]) -> tuple[Bar, ...]:
    """The stay's slots, and the prices that follow until two hours after the departure."""
    own = [
        Bar(one.start, one.seconds, one.price_micro_per_kwh, one.charged_wh, one.planned_wh, one.baseline_wh)
        for one in session.plan.slots
    ]
    if not own or session.state is not SessionState.OPEN:
        return tuple(own)
    until = max(own[-1].end, session.ready_by or own[-1].end) + AFTER
    later = [Bar(one.start, one.seconds, one.price_micro_per_kwh) for one in prices if own[-1].end <= one.start < until]
    return (*own, *later)


def picture(t: Texts, session: SessionView, prices: list[CurveSlot], now: datetime, *, wide: bool) -> Picture | None:
    """What the curve shows, None where there is no plan to show."""
    shown = bars(session, prices)
    if not shown:
        return None
    ready = session.ready_by if session.ready_by and session.ready_by > shown[0].start else None
    step = now.replace(minute=now.minute // 5 * 5, second=0, microsecond=0)
    marks = Marks(
        now=step if session.state is SessionState.OPEN else None,
        now_word=t("curve.now"),
        ready=ready,
        ready_word=f"{t('curve.ready')} {t.form.time(ready)}" if ready else "",
    )
    return Picture(shown, marks, 260 if wide else 200)


@ft.component
def SessionPanel(session: SessionView) -> ft.Control:
    """Everything about one session."""
    desk, t, board, prefs, clock = use_desk(), use_texts(), use_board(), use_prefs(), use_clock()
    prices = board.prices.value.slots if board.prices.value else []
    drawn = picture(t, session, prices, clock.now, wide=prefs.wide)
    is_open = session.state is SessionState.OPEN

    said = use_explanation(session)

    async def ready(moment: datetime | None) -> None:
        await intents.say_ready(desk, session.id, moment)

    async def dismissed() -> None:
        await intents.close_question(desk, session.id)

    known = replace(in_force(t, session, clock.now), earlier=earlier_words(t, said, clock.now))
    leaves = keyed(ReadyBy, f"ready-{session.id}", t, known, clock.now, ready, dismissed)
    asked = known.question is not None
    left = [
        hero(t, session, clock.now, wide=prefs.wide),
        leaves if is_open and asked else None,
        *headline.notices(t, session, short_words(t, said, clock.now)),
        home_advice(t, session.home) if is_open else None,
        curve_card(t, drawn, session) if drawn else None,
    ]
    right = [
        None if asked else leaves,
        keyed(_target, f"target-{session.id}", session),
        keyed(OnePiece, f"piece-{session.id}", session) if session.delay is Delay.MANAGED else None,
        keyed(Override, f"override-{session.id}", session),
        keyed(_stop_button, f"stop-{session.id}", session) if session.public else None,
    ]
    if not is_open:
        right = [keyed(_settled_card, f"settled-{session.id}", session)]
    return columns(left, right, wide=prefs.wide)


def use_explanation(session: SessionView) -> Explanation | None:
    """What the plan in force means, once it is known (a hook); asked for where it says more than the session does."""
    desk = use_desk()
    said, set_said = ft.use_state(cast("Explanation | None", None))
    plan_id, short = session.plan.id, session.plan.shortfall is not None
    wanted = session.state is SessionState.OPEN and plan_id is not None and (short or session.delay is Delay.MANAGED)

    async def ask() -> None:
        if wanted:
            set_said(await intents.explain(desk, session.id))

    ft.use_effect(ask, [plan_id, wanted])
    return said if wanted and said is not None and said.plan_id == plan_id else None


def in_force(t: Texts, session: SessionView, now: datetime) -> InForce:
    """When the car should be ready, why, and whether it is worth saying another time."""
    worth, ready = session.ask_worth_minor, session.ready_by
    question = t("question.worth", amount=t.form.money(worth)) if worth is not None else None
    return InForce(ready, session.ready_by_source, why(t, session, now), question)


def why(t: Texts, session: SessionView, now: datetime) -> str:
    """One sentence for the time in force: who said it, or how it is expected."""
    if session.ready_by_source == "forecast" and session.ready_by_reason is not None:
        until = t.form.moment(session.ready_by, now) if session.ready_by else ""
        stays = t.count("why.stays", session.ready_by_stays)
        return t.code("why", session.ready_by_reason, until=until, stays=stays)
    return t.code("ready", session.ready_by_source) if session.ready_by else t("ready.none")


def hero(t: Texts, session: SessionView, now: datetime, *, wide: bool) -> ft.Control:
    """What is happening, in one sentence, with the facts under it."""
    ink = ft.Colors.ON_PRIMARY_CONTAINER
    place = place_words(t, session.location_name, session.evse_label)
    car = f"{session.vehicle_name} · {place}" if session.vehicle_name else place
    facts = [fact(t("home.fact.energy"), t.form.energy(session.energy_wh))]
    if session.state is SessionState.OPEN:
        facts.append(fact(t("home.fact.need"), t.form.energy(session.need_wh)))
    if session.power_w > 0:
        facts.append(fact(t("home.fact.power"), t.form.power(session.power_w)))
    if session.soc_pct is not None:
        facts.append(fact(t("home.fact.soc"), f"{session.soc_pct} %"))
    if session.cost_minor is not None:
        facts.append(fact(t("home.fact.cost"), t.form.money(session.cost_minor)))
    spoken = headline.sentence(t, session, now)
    mark = ft.Container(
        ft.Icon(headline.ICONS[session.headline], color=ft.Colors.ON_PRIMARY, size=22),
        width=44,
        height=44,
        border_radius=22,
        bgcolor=ft.Colors.PRIMARY,
        alignment=ft.Alignment.CENTER,
    )
    sentence = theme.hero(spoken, ink, wide=wide)
    sentence.key = "headline"
    return card(
        [
            ft.Row([mark, ft.Container(theme.small(car, ink), expand=True)], spacing=12),
            ft.Semantics(live_region=True, heading_level=1, content=sentence),
            ft.Row(facts, wrap=True, spacing=28, run_spacing=12),
        ],
        bgcolor=ft.Colors.PRIMARY_CONTAINER,
        spacing=16,
        padding=24,
        key="hero",
    )


def place_words(t: Texts, location: str, evse: str) -> str:
    """Where: a home with one socket says its name once."""
    return location if evse in {"", location} else t("home.at", place=location, evse=evse)


def curve_card(t: Texts, drawn: Picture, session: SessionView) -> ft.Control:
    """The picture with its legend and the source of its prices."""
    qualities = {one.quality for one in session.plan.slots}
    worst = next((one for one in ("ESTIMATED", "FORECAST", "PRELIMINARY", "FINAL") if one in qualities), "FINAL")
    source = t("prices.source", source=f"{t.source(session.plan.price_source)}, {t.code('quality', worst)}")
    return card(
        [
            stack([theme.heading(t("curve.title")), theme.small(t("curve.market"))], 2),
            PriceCurve(t, drawn),
            legend(
                t,
                charged=any(bar.charged_wh for bar in drawn.bars),
                planned=any(bar.planned_wh for bar in drawn.bars),
                baseline=any(bar.baseline_wh for bar in drawn.bars),
            ),
            theme.small(source),
        ],
        key="curve-card",
    )


@ft.component
def _target(session: SessionView) -> ft.Control:
    desk, t = use_desk(), use_texts()

    async def percent(value: int) -> None:
        await intents.say_target(desk, session.id, SessionUpdate(target_pct=value))

    async def energy(value: int) -> None:
        await intents.say_target(desk, session.id, SessionUpdate(energy_wh=value))

    if session.soc_pct is not None:
        return TargetPercent(t, session.target_pct or 80, session.soc_pct, percent)
    return TargetEnergy(t, session.need_wh, energy)


@ft.component
def _stop_button(session: SessionView) -> ft.Control:
    desk, t = use_desk(), use_texts()

    async def stop() -> None:
        await intents.stop(desk, session.id)

    return ft.OutlinedButton(t("home.stop"), icon=ft.Icons.STOP_CIRCLE_OUTLINED, on_click=stop, key="stop")


@ft.component
def _settled_card(session: SessionView) -> ft.Control:
    desk, t = use_desk(), use_texts()
    settled = session.state is SessionState.SETTLED
    return card(
        [
            theme.heading(t("head.settled") if settled else t("head.ended")),
            ft.FilledButton(
                t("home.receipt"),
                icon=ft.Icons.RECEIPT_LONG_OUTLINED,
                disabled=not settled,
                on_click=lambda: desk.page.navigate(f"/wallet/{session.id}"),
                key="to-receipt",
            ),
            ft.TextButton(t("home.dismiss"), on_click=lambda: desk.state.board.drop_session(session.id), key="dismiss"),
        ]
    )


@ft.component
def LinkNotice() -> ft.Control:
    """Says when no news arrive; takes no room otherwise."""
    link: Link = use_link()
    t = use_texts()
    if link.state is not LinkState.OFFLINE:
        return ft.Container(height=0)
    return ft.Container(notice(Tone.BAD, t("link.offline")), padding=ft.Padding.only(top=8), key="offline")


@ft.component
def SessionPage() -> ft.Control:
    """A session by its address."""
    desk, t, board, prefs = use_desk(), use_texts(), use_board(), use_prefs()
    params = ft.use_route_params()
    known, set_known = ft.use_state(initial=True)
    session_id = _uuid(params.get("session", ""))

    async def load() -> None:
        if session_id is not None and desk.state.board.session(session_id) is None:
            set_known(await intents.load_session(desk, session_id) is not None)

    ft.use_effect(load, [str(session_id)])
    session = board.session(session_id) if session_id else None
    if session is not None:
        return page([keyed(LinkNotice, "link"), keyed(SessionPanel, str(session.id), session)], wide=prefs.wide)
    if session_id is None or not known:
        return missing(t, lambda: desk.page.navigate("/"))
    return page([skeleton(t, 200, 280, 120)], wide=prefs.wide)


def missing(t: Texts, go_home: ft.ControlEventHandler[ft.Button]) -> ft.Control:
    """An address that leads nowhere."""
    button = ft.FilledButton(t("missing.home"), on_click=go_home, key="go-home")
    return empty(ft.Icons.EXPLORE_OUTLINED, t("missing.title"), t("missing.text"), button)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
