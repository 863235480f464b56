"""A plan in the driver's words: what there will be in time, because of what, and what being ready earlier costs."""

from datetime import datetime

from app.strings import Texts
from shared.plans import Explanation, ReadyEarlier


def short_words(t: Texts, said: Explanation | None, now: datetime) -> str | None:
    """As in: 71 % by 07:00; 80 % at 07:50, because the building needs the power until 06:00. None: not known."""
    if said is None or said.held is None or said.by is None:
        return None
    if said.ready_pct is not None and said.target_pct is not None:
        ready, target = (t("explained.pct", pct=pct) for pct in (said.ready_pct, said.target_pct))
    else:
        ready, target = t.form.energy(said.ready_wh), t.form.energy(said.target_wh)
    why = t.code("held", said.held.by, until=t.form.soon(said.held.until, now))
    values = {"ready": ready, "by": t.form.soon(said.by, now), "why": why}
    if said.full_at is None:
        return t("explained.short", **values)
    return t("explained.short_then", target=target, at=t.form.soon(said.full_at, now), **values)


def earlier_words(t: Texts, said: Explanation | None, now: datetime) -> str | None:
    """As in: An hour earlier (03:15): €0.40 more. None where it costs nothing, or is not known."""
    one = None if said is None else next((each for each in said.earlier if _worth_saying(each, now)), None)
    if one is None:
        return None
    earlier = t.count("explained.hours", one.minutes // 60)
    return t("explained.earlier", earlier=earlier, at=t.form.soon(one.ready_at, now), cost=t.form.money(one.cost_minor))


def _worth_saying(one: ReadyEarlier, now: datetime) -> bool:
    return one.cost_minor > 0 and now < one.possible_until
