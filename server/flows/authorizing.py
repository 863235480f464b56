"""May tokens charge: of many stations that ask at once, with few statements for all."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.access import master_group
from server.core.reports import TokenAnswer
from server.core.station import Station
from server.flows import transactions
from server.flows.opening import charges_elsewhere, ends_all, group_of, status_at
from server.flows.sessions import CONCURRENT
from server.storage import contracts, forwardings, locations, stations
from server.storage.contracts import Token


class _Card(msgspec.Struct, frozen=True):
    """What was shown at a station, what we know of it, and whether that may charge there."""

    uid: str
    token: Token | None
    status: str


async def authorize_all(tx: AsyncSession, asked: Sequence[tuple[UUID, str]], now: datetime) -> list[TokenAnswer]:
    """What each of some stations hears of the token that it asks about: as if it had asked alone."""
    cards = [await transactions.card(tx, station_id, token_uid) for station_id, token_uid in asked]
    here = await stations.some(tx, [station_id for station_id, _ in asked])
    tokens = await contracts.tokens(tx, cards)
    places = await locations.some(tx, [one.location_id for one in here.values()])
    forwarded = await forwardings.forwarded_of(tx, list(here))
    found = []
    for (station_id, _), card in zip(asked, cards, strict=True):
        station, token = here[station_id], tokens.get(card.lower())
        known = status_at(token, places[station.location_id], now)
        if token is None and card and station_id in forwarded:
            known = await forwardings.said_of_card(tx, station_id, card, now) or known
        found.append(await _answer(tx, station, _Card(card, token, known), now))
    return found


async def _answer(tx: AsyncSession, station: Station, card: _Card, now: datetime) -> TokenAnswer:
    """The answer for a card: a master pass may end sessions, whatever its status; one that charges elsewhere, not."""
    token, status = card.token, card.status
    if token is None:
        return TokenAnswer(status)
    if card.uid and ends_all(token, station, now):
        return TokenAnswer("Accepted", master_group(station.party_id))
    if status == "Accepted" and await charges_elsewhere(tx, station, card.uid, None, now):
        status = CONCURRENT
    return TokenAnswer(status, group_of(token) if status == "Accepted" else "")
