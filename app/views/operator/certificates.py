"""A station's certificates: what waits to be signed, what is in use and until when."""

from datetime import datetime

import flet as ft

from app import theme
from app.strings import Texts
from app.views.desk import use_clock, use_console, use_desk, use_texts
from app.views.operator import care
from app.views.operator.frames import mono
from app.views.operator.words import when
from app.widgets.cards import card, failed, rule, skeleton, stack
from app.widgets.keyed import keyed
from shared.stations import StationCertificate, StationView

SHOWN = 6
WAITS = "asked"
BAD = ("failed", "revoked")
REVOCABLE = ("signed", "installed", "failed")


@ft.component
def Certificates(station: StationView) -> ft.Control:
    """The newest certificates of a station, loaded with the page."""
    desk, t, console = use_desk(), use_texts(), use_console()

    async def load() -> None:
        await care.load_certificates(desk)

    ft.use_effect(load, [str(station.id)])
    known = console.certificates
    if known.value is None and known.problem is not None:
        return card([failed(t, known.problem, load)])
    if known.value is None:
        return card([skeleton(t, 44)])
    found = console.certificates_of(station.id)[:SHOWN]
    rows: list[ft.Control] = [theme.heading(t("op.certificates"))]
    for one in found:
        rows += [rule(), keyed(_Certificate, f"certificate-{one.id}", one)]
    if not found:
        rows.append(theme.small(t("op.certificates.none")))
    return card(rows, key="certificates")


@ft.component
def _Certificate(one: StationCertificate) -> ft.Control:
    desk, t, clock = use_desk(), use_texts(), use_clock()
    sure, set_sure = ft.use_state(initial=False)

    async def revoke() -> None:
        if sure:
            await care.revoke(desk, one.id)
        set_sure(not sure)

    color = ft.Colors.ERROR if one.state in BAD else theme.AT_ONCE if one.state == WAITS else ft.Colors.ON_SURFACE
    words = stack(
        [theme.strong(t.code("op.certificate", one.state), color, 14), theme.small(_told(t, one, clock.now))], 2
    )
    button = None
    if one.state in REVOCABLE:
        label = t("op.certificate.revoke.sure" if sure else "op.certificate.revoke")
        style = ft.ButtonStyle(color=ft.Colors.ERROR)
        button = ft.Row([ft.TextButton(label, on_click=revoke, style=style, key=f"revoke-{one.id}")])
    return stack([words, keyed(_ToSign, f"sign-{one.id}", one) if one.state == WAITS else None, button], 8)


def _told(t: Texts, one: StationCertificate, now: datetime) -> str:
    asked = t("op.certificate.asked_at", moment=when(t, one.asked_at, now))
    ends = None
    if one.not_after is not None:
        ends = t("op.detail.ends" if one.not_after > now else "op.detail.ended", moment=when(t, one.not_after, now))
    return " · ".join(part for part in (ends, asked, one.detail) if part)


@ft.component
def _ToSign(one: StationCertificate) -> ft.Control:
    """The request for another authority, and the field for what it signed."""
    desk, t = use_desk(), use_texts()
    chain, set_chain = ft.use_state("")
    busy, set_busy = ft.use_state(initial=False)

    async def send() -> None:
        set_busy(True)
        await care.paste_chain(desk, one.id, chain.strip())
        set_busy(False)

    field = ft.TextField(
        value=chain,
        label=t("op.certificate.chain"),
        multiline=True,
        min_lines=3,
        max_lines=8,
        border=theme.FIELD,
        text_style=ft.TextStyle(font_family="monospace", size=12),
        on_change=lambda event: set_chain(event.control.value or ""),
        key=f"chain-{one.id}",
    )
    able = bool(chain.strip()) and not busy
    button = ft.FilledButton(t("op.certificate.send"), on_click=send, disabled=not able, key=f"send-{one.id}")
    request = stack([theme.small(t("op.certificate.request")), mono(one.request_pem, selectable=True)], 4)
    return stack([request, field, ft.Row([button])], 10)
