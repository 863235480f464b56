"""Details of findings and disputes in plain words, with units and times as a person says them."""

import json
from datetime import datetime

import msgspec

from app.strings import Texts
from shared.health import Rule
from shared.stations import Dispute, DisputeKind

PLAN = "profile_"
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def span(t: Texts, seconds: float) -> str:
    """How long, in the unit that says it best."""
    if seconds < 2 * HOUR:
        return t.form.duration(seconds)
    if seconds < 2 * DAY:
        return t("op.hours", n=round(seconds / HOUR))
    return t("op.days_long", n=round(seconds / DAY))


def relative(t: Texts, moment: datetime, now: datetime) -> str:
    """How long ago, or how soon."""
    away = (moment - now).total_seconds()
    if abs(away) < MINUTE:
        return t("op.just_now")
    return t("op.in" if away > 0 else "op.ago", span=span(t, abs(away)))


def when(t: Texts, moment: datetime, now: datetime) -> str:
    """The local time, and how far that is from now."""
    return f"{t.form.moment(moment, now)} ({relative(t, moment, now)})"


def protocol(t: Texts, version: str) -> str:
    """What a station spoke when it was last here."""
    return f"OCPP {version}" if version else t("op.unknown")


def where(t: Texts, connector_no: int) -> str:
    """A connector, or (0) the whole station."""
    return t("op.socket", n=connector_no) if connector_no else t("op.whole")


def fault(t: Texts, error_code: str) -> str:
    """An error code in words; a maker's own as it came."""
    return t.code("op.fault", error_code) if t.knows("op.fault", error_code) else error_code


def detail(t: Texts, kind: str, said: str, now: datetime) -> str:
    """What a finding's detail means. What this app cannot read it shows as it came."""
    teller = TELLERS.get(kind)
    try:
        return said if teller is None or not said else teller(t, said, now)
    except (ValueError, KeyError):
        return said


def _faulted(t: Texts, said: str, _now: datetime) -> str:
    parts = [one.split(":", 1) for one in said.split(" ")]
    return ", ".join(f"{where(t, int(number))}: {fault(t, code)}" for number, code in parts)


def _flapping(t: Texts, said: str, _now: datetime) -> str:
    return t("op.detail.flapping", n=int(said))


def _silent(t: Texts, said: str, _now: datetime) -> str:
    return t(f"op.detail.{said}")


def _clock(t: Texts, said: str, _now: datetime) -> str:
    off_s = int(said)
    return t("op.detail.behind" if off_s < 0 else "op.detail.ahead", by=span(t, abs(off_s)))


def _certificate(t: Texts, said: str, now: datetime) -> str:
    until = datetime.fromisoformat(said)
    return t("op.detail.ends" if until > now else "op.detail.ended", moment=when(t, until, now))


def _no_energy(t: Texts, said: str, _now: datetime) -> str:
    return t(f"op.detail.by_{said}")


def _stray(t: Texts, said: str, _now: datetime) -> str:
    number, watts = said.split(":")
    return t("op.detail.power_at", power=t.form.power(int(watts)), where=where(t, int(number)))


def _plan(t: Texts, said: str, _now: datetime) -> str:
    if said.startswith(PLAN):
        return t("op.detail.plan", said=t.code("op.said", said.removeprefix(PLAN)))
    return t(f"op.detail.{said}")


def _connectors(t: Texts, said: str, _now: datetime) -> str:
    return ", ".join(where(t, int(number)) for number in said.split(" "))


TELLERS = {
    Rule.FAULTED.value: _faulted,
    Rule.FLAPPING.value: _flapping,
    Rule.SILENT.value: _silent,
    Rule.CLOCK_WRONG.value: _clock,
    Rule.CERTIFICATE_EXPIRING.value: _certificate,
    Rule.NO_ENERGY.value: _no_energy,
    Rule.NO_SESSION.value: _stray,
    Rule.NOT_FOLLOWED.value: _plan,
    Rule.UNKNOWN_CONNECTOR.value: _connectors,
}


class _Told(msgspec.Struct):
    transaction_id: int | None = None


def dispute(t: Texts, one: Dispute, now: datetime) -> str:
    """What a session in dispute is about: why the plan is not followed, or which message spoke of it."""
    if one.kind is DisputeKind.NOT_FOLLOWED:
        return detail(t, Rule.NOT_FOLLOWED.value, one.detail, now)
    action, _, payload = one.detail.partition(" ")
    try:
        told = msgspec.convert(json.loads(payload), _Told)
    except ValueError:
        return one.detail
    if told.transaction_id is None:
        return action
    return t("op.dispute.transaction", action=action, number=told.transaction_id)
