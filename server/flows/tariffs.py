"""What a driver pays at home, and the market prices beside it."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from server.core import tariff
from server.core.contract import ContractKind
from server.core.pricecurve import DEFAULT_TIME_ZONE, curve
from server.core.session import Refused
from server.core.timegrid import covering, floor_slot
from server.flows import facts
from server.storage import accounts, contracts, locations, prices
from server.storage.contracts import HomeTariffRow
from shared.accounts import PartyRole
from shared.plans import CurveSlot, PriceCurveView
from shared.problems import FieldError
from shared.tariffs import HomeKind, HomeTariff, HomeTariffInput, TariffPreview

DEFAULT_ZONE = "NL"
PREVIEW_SPAN = timedelta(days=3)
NOTICE_SPAN = timedelta(days=1)
KINDS = {
    HomeKind.FIXED: ContractKind.HOME_FIXED,
    HomeKind.NIGHT: ContractKind.HOME_NIGHT,
    HomeKind.DYNAMIC: ContractKind.HOME_DYNAMIC,
}


class Invalid(msgspec.Struct, frozen=True):
    """What was entered cannot be saved; every field that is wrong."""

    errors: list[FieldError]


class Market(msgspec.Struct, frozen=True):
    """Whose prices a driver sees: a bidding zone, and the IANA time zone of its days."""

    zone: str
    time_zone: str
    currency: str


async def home(tx: AsyncSession, account_id: UUID, now: datetime) -> HomeTariff | None:
    """The home tariff in force."""
    row = await contracts.home_tariff(tx, account_id, now)
    return None if row is None else _view(row)


def _view(row: HomeTariffRow) -> HomeTariff:
    return HomeTariff(row.id, row.entered, row.supplier_partner, row.valid_from)


async def replace(
    tx: AsyncSession, account_id: UUID, entered: HomeTariffInput, now: datetime
) -> HomeTariff | Invalid | Refused:
    """A new home tariff from now on. What is plugged in is planned and settled on the old one.

    A supplier that runs on this installation is a partner and shares the valley's value; another name is none. Where
    no supplier is given the one before stays.
    """
    errors = tariff.sanity(entered)
    if errors:
        return Invalid(errors)
    account = await accounts.get(tx, account_id)
    if account is None:
        return Refused("sign_in_again", "Sign in again.")
    before = await contracts.home_tariff(tx, account_id, now)
    row = HomeTariffRow(
        id=uuid4(),
        party_id=account.party_id,
        account_id=account_id,
        entered=entered,
        supplier_partner=False,
        valid_from=now,
    )
    row = await _with_supplier(tx, row, before)
    await contracts.replace_home_tariff(tx, row)
    await _change_contract(tx, row)
    return _view(row)


async def _with_supplier(tx: AsyncSession, row: HomeTariffRow, before: HomeTariffRow | None) -> HomeTariffRow:
    said, had = row.entered.supplier, None if before is None else before.entered.supplier
    name = had if said is None else said.strip()
    known = {party.name.casefold(): party.id for party in await accounts.parties(tx, PartyRole.SUPPLIER)}
    supplier_id = None if name is None else known.get(name.casefold())
    partner = supplier_id is not None
    if before is not None and name == had:  # nothing new is said of the supplier
        supplier_id, partner = before.supplier_id or supplier_id, before.supplier_partner
    entered = msgspec.structs.replace(row.entered, supplier=name)
    return msgspec.structs.replace(row, entered=entered, supplier_partner=partner, supplier_id=supplier_id)


async def _change_contract(tx: AsyncSession, row: HomeTariffRow) -> None:
    """The home contract follows the tariff: its kind, and who shares the value."""
    before = await contracts.home_contract(tx, row.account_id)
    if before is None:
        return
    funds = row.supplier_id or before.counterparty_id if row.supplier_partner else None
    terms = msgspec.structs.replace(before.terms, kind=KINDS[row.entered.kind], partner=row.supplier_partner)
    after = msgspec.structs.replace(before, terms=terms, counterparty_id=funds)
    if after != before:
        await contracts.change_contract(tx, before, after)


async def preview(
    tx: AsyncSession, account_id: UUID, entered: HomeTariffInput, now: datetime
) -> TariffPreview | Invalid:
    """What an entered tariff would mean now, tonight and tomorrow; nothing is saved."""
    errors = tariff.sanity(entered)
    if errors:
        return Invalid(errors)
    market = await _market(tx, account_id)
    stored = await prices.between(tx, market.zone, floor_slot(now), floor_slot(now) + PREVIEW_SPAN)
    return tariff.preview(entered, stored, now, market.time_zone)


async def price_curve(tx: AsyncSession, account_id: UUID, now: datetime, hours: int) -> PriceCurveView:
    """Market prices from the present slot on, one a quarter hour; the typical curve where none is out yet."""
    market = await _market(tx, account_id)
    grid = covering(floor_slot(now), floor_slot(now) + timedelta(hours=hours))
    stored = await prices.between(tx, market.zone, grid.start, grid.end)
    slots = [
        CurveSlot(slot.start, slot.seconds, slot.price_micro_per_kwh, slot.quality.value, slot.source)
        for slot in curve(stored, grid, facts.PREFERRED_SOURCES, market.time_zone)
    ]
    notices = await prices.notices(tx, market.zone, now - NOTICE_SPAN)
    return PriceCurveView(zone=market.zone, currency=market.currency, slots=slots, notices=notices)


async def _market(tx: AsyncSession, account_id: UUID) -> Market:
    """The market of the driver's home, else of any place of this installation."""
    account = await accounts.get(tx, account_id)
    currency = account.currency if account is not None else "EUR"
    place = await locations.home_of(tx, account_id) or next(iter(await locations.public(tx, limit=1)), None)
    if place is None:
        return Market(DEFAULT_ZONE, DEFAULT_TIME_ZONE, currency)
    return Market(place.zone, place.time_zone, currency)
