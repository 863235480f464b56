"""What an operator wants of single stations and of lists that are forwarded, one function each."""

import asyncio
from uuid import UUID

from app.failures import ApiProblem
from app.views.desk import Desk
from app.views.operator.intents import LOOK_S, fill, load_stations
from shared.forwarding import (
    ForwardedStationChange,
    ForwardingAdd,
    ForwardingAnswer,
    ForwardingChange,
    ForwardingUndo,
    ForwardingUndone,
    ForwardingView,
)
from shared.problems import Problem
from shared.stations import Admission, SignedChain
from shared.traits import TraitsUpdate


async def load_traits(desk: Desk, station_id: UUID) -> None:
    """How a station is treated."""
    await fill(desk, "traits", desk.api.operating.traits(station_id))


async def change_traits(desk: Desk, station_id: UUID, said: TraitsUpdate) -> None:
    """Treat it otherwise."""
    changed = await desk.attempt(desk.api.operating.change_traits(station_id, said))
    if changed is not None:
        desk.console.traits = desk.console.traits.ready(changed)
        desk.toast(desk.texts("op.saved"))


async def admit(desk: Desk, station_id: UUID, said: Admission) -> None:
    """Let it in, let it wait, or turn it away."""
    await desk.attempt(desk.api.operating.admit(station_id, said))
    await load_stations(desk)


async def load_certificates(desk: Desk) -> None:
    """Certificates of all stations."""
    await fill(desk, "certificates", desk.api.operating.certificates())


async def paste_chain(desk: Desk, certificate_id: UUID, pem: str) -> None:
    """Bring what another authority signed."""
    try:
        await desk.api.operating.paste_chain(certificate_id, SignedChain(pem))
    except ApiProblem as refused:
        desk.refuse(refused)
        return
    desk.toast(desk.texts("op.certificate.sent"))
    await load_certificates(desk)


async def revoke(desk: Desk, certificate_id: UUID) -> None:
    """Refuse a certificate from now on."""
    await desk.attempt(desk.api.operating.revoke(certificate_id))
    await load_certificates(desk)


async def load_forwardings(desk: Desk) -> None:
    """The lists that are forwarded."""
    await fill(desk, "forwardings", desk.api.operating.forwardings())


async def watch_forwardings(desk: Desk) -> None:
    """Look again now and then: how far the other system is changes by itself."""
    while True:
        await load_forwardings(desk)
        await asyncio.sleep(LOOK_S)


async def put_forwarding(desk: Desk, said: ForwardingAdd) -> ForwardingAnswer | Problem:
    """Enter a list; what the API refuses comes back as its problem document, which names the rows."""
    try:
        answer = await desk.api.operating.put_forwarding(said)
    except ApiProblem as refused:
        if refused.unauthorized:
            desk.refuse(refused)
        return refused.problem
    await load_forwardings(desk)
    await load_stations(desk)
    return answer


async def change_forwarding(desk: Desk, list_id: UUID, said: ForwardingChange) -> None:
    """Change a list."""
    _put(desk, await desk.attempt(desk.api.operating.change_forwarding(list_id, said)))


async def switch_forwarded(desk: Desk, list_id: UUID, station_id: UUID, *, on: bool) -> None:
    """Forward one station of a list, or not."""
    said = ForwardedStationChange(on)
    _put(desk, await desk.attempt(desk.api.operating.switch_forwarded(list_id, station_id, said)))


async def undo_forwarding(desk: Desk, list_id: UUID, *, write_back: bool) -> ForwardingUndone | None:
    """End a list's forwarding: where each station goes back to."""
    undone = await desk.attempt(desk.api.operating.undo_forwarding(list_id, ForwardingUndo(write_back)))
    await load_forwardings(desk)
    return undone


async def delete_forwarding(desk: Desk, list_id: UUID) -> None:
    """Forget a list."""
    await desk.attempt(desk.api.operating.delete_forwarding(list_id))
    await load_forwardings(desk)


def _put(desk: Desk, view: ForwardingView | None) -> None:
    known = desk.console.forwardings
    if view is not None:
        desk.console.forwardings = known.ready([view if one.id == view.id else one for one in known.value or []])
