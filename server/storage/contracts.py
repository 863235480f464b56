"""Tokens, contracts and what a driver pays: everything that says on whose account a session runs."""

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from server.core.access import MASTER
from server.core.contract import Contract, ContractKind, ContractTerms
from server.core.tariff import PublicTariffTerms
from server.storage.db import padded, to_struct
from server.storage.tables import Contracts, HomeTariffs, Parties, Sessions, Tariffs, Tokens
from shared.ids import derive
from shared.tariffs import HomeTariffInput

CONTRACTS = Contracts.__table__  # type: ignore[attr-defined]
C = CONTRACTS.c
SOME = sa.select(CONTRACTS).where(C.id.in_(sa.bindparam("contracts", expanding=True)))
T = Tokens.__table__.c  # type: ignore[attr-defined]
SMALL = sa.func.lower(T.uid)
TOKEN = sa.select(Tokens.__table__).where(sa.bindparam("uid") == SMALL)  # type: ignore[attr-defined]
TOKENS = sa.select(Tokens.__table__, SMALL.label("small")).where(SMALL.in_(sa.bindparam("uids", expanding=True)))  # type: ignore[attr-defined]
H = HomeTariffs.__table__.c  # type: ignore[attr-defined]
S = Sessions.__table__.c  # type: ignore[attr-defined]
P = Parties.__table__.c  # type: ignore[attr-defined]
TARIFF = sa.select(Tariffs.terms).where(Tariffs.__table__.c.id == sa.bindparam("tariff"))  # type: ignore[attr-defined]
TARIFF_AT_HOME = (
    sa.select(HomeTariffs.__table__)  # type: ignore[attr-defined]
    .where(H.account_id == sa.bindparam("account"), H.valid_from <= sa.bindparam("moment"))
    .where(sa.or_(H.valid_to.is_(None), H.valid_to > sa.bindparam("moment")))
    .order_by(H.valid_from.desc())
    .limit(1)
)
ONE_SESSION = sa.select(P.id).where(P.id.in_(sa.bindparam("parties", expanding=True)), P.one_session_a_token.is_(True))
ONE_SESSION = ONE_SESSION.limit(1)
AT_PLACE = (
    sa.select(CONTRACTS)
    .where(C.account_id == sa.bindparam("account"))
    .where(sa.or_(C.location_id == sa.bindparam("location"), C.location_id.is_(None)))
    .order_by(C.location_id.is_(None), C.id)
    .limit(1)
)
HOME_KINDS = (ContractKind.HOME_DYNAMIC.value, ContractKind.HOME_FIXED.value, ContractKind.HOME_NIGHT.value)


class Token(msgspec.Struct, frozen=True):
    """What says who may charge."""

    uid: str
    party_id: UUID
    account_id: UUID
    kind: str
    valid: bool
    expires_at: datetime | None = None


class HomeTariffRow(msgspec.Struct, frozen=True):
    """A home tariff as entered, with its validity."""

    id: UUID
    party_id: UUID
    account_id: UUID
    entered: HomeTariffInput
    supplier_partner: bool
    valid_from: datetime
    supplier_id: UUID | None = None
    valid_to: datetime | None = None


async def token(tx: AsyncSession, uid: str) -> Token | None:
    """A token by uid, whatever the case of its letters (OCPP: CiString)."""
    row = (await tx.execute(TOKEN, {"uid": uid.lower()})).first()
    return None if row is None else to_struct(row, Token)


async def tokens(tx: AsyncSession, uids: Sequence[str]) -> dict[str, Token]:
    """Those of some tokens that there are, by their uid in small letters."""
    found = await tx.execute(TOKENS, {"uids": padded(sorted({uid.lower() for uid in uids}))})
    return {row.small: to_struct(row, Token) for row in found}


async def token_of(tx: AsyncSession, account_id: UUID) -> Token | None:
    """The app token of an account, else any valid one that may charge."""
    rows = sa.select(Tokens.__table__).where(T.account_id == account_id, T.valid.is_(True), T.kind != MASTER)  # type: ignore[attr-defined]
    row = (await tx.execute(rows.order_by(T.kind, T.uid).limit(1))).first()
    return None if row is None else to_struct(row, Token)


async def one_session_a_token(tx: AsyncSession, parties: Sequence[UUID]) -> bool:
    """Whether one of these parties lets a token charge once at a time."""
    return (await tx.execute(ONE_SESSION, {"parties": padded(parties)})).first() is not None


async def set_one_session_a_token(tx: AsyncSession, party_id: UUID, *, wanted: bool) -> None:
    """Write whether a party lets a token charge once at a time."""
    await tx.execute(sa.update(Parties).where(P.id == party_id).values(one_session_a_token=wanted))


async def has_master(tx: AsyncSession, party_id: UUID) -> bool:
    """Whether a party has a token that ends any session at its stations."""
    mine = sa.select(T.uid).where(T.party_id == party_id, T.kind == MASTER, T.valid.is_(True)).limit(1)
    return (await tx.execute(mine)).first() is not None


async def block_tokens(tx: AsyncSession, account_id: UUID) -> None:
    """No card of this account may charge any more."""
    await tx.execute(sa.update(Tokens).where(T.account_id == account_id).values(valid=False))


async def add_token(tx: AsyncSession, new: Token) -> None:
    """Keep a new token."""
    await tx.execute(sa.insert(Tokens).values(**msgspec.structs.asdict(new)))


class _Bare(msgspec.Struct, frozen=True):
    """A contract's row less its terms, which stand in the same row."""

    id: UUID
    party_id: UUID
    account_id: UUID
    location_id: UUID | None = None
    counterparty_id: UUID | None = None


def _contract(row: sa.Row[*tuple[Any, ...]]) -> Contract:
    bare, terms = to_struct(row, _Bare), to_struct(row, ContractTerms)
    return Contract(bare.id, bare.party_id, bare.account_id, terms, bare.location_id, bare.counterparty_id)


async def contract_at(tx: AsyncSession, account_id: UUID, location_id: UUID) -> Contract | None:
    """The contract of an account that holds at a location: the place's own first, else the public one."""
    row = (await tx.execute(AT_PLACE, {"account": account_id, "location": location_id})).first()
    return None if row is None else _contract(row)


async def contract(tx: AsyncSession, contract_id: UUID) -> Contract:
    """A contract that exists."""
    return _contract((await tx.execute(sa.select(Contracts.__table__).where(C.id == contract_id))).one())  # type: ignore[attr-defined]


async def by_id(tx: AsyncSession, contract_ids: Sequence[UUID]) -> dict[UUID, Contract]:
    """Contracts by id."""
    if not contract_ids:
        return {}
    rows = await tx.execute(SOME, {"contracts": padded(contract_ids)})
    return {row.id: _contract(row) for row in rows}


async def add_contract(tx: AsyncSession, new: Contract) -> None:
    """Keep a new contract."""
    values = msgspec.structs.asdict(new)
    terms = msgspec.structs.asdict(values.pop("terms"))
    await tx.execute(sa.insert(Contracts).values(**values, **terms))


async def public_tariff(tx: AsyncSession, tariff_id: UUID | None) -> PublicTariffTerms | None:
    """The public tariff of a location."""
    if tariff_id is None:
        return None
    row = (await tx.execute(TARIFF, {"tariff": tariff_id})).first()
    return None if row is None else row.terms


async def home_tariff(tx: AsyncSession, account_id: UUID, at: datetime) -> HomeTariffRow | None:
    """The home tariff of an account in force at a time."""
    row = (await tx.execute(TARIFF_AT_HOME, {"account": account_id, "moment": at})).first()
    return None if row is None else to_struct(row, HomeTariffRow)


async def replace_home_tariff(tx: AsyncSession, new: HomeTariffRow) -> None:
    """End the tariff in force where the new one begins: versions are never overwritten."""
    running = sa.update(HomeTariffs).where(H.account_id == new.account_id, H.valid_to.is_(None))
    await tx.execute(running.values(valid_to=new.valid_from))
    await tx.execute(sa.insert(HomeTariffs).values(**msgspec.structs.asdict(new)))


async def home_contract(tx: AsyncSession, account_id: UUID) -> Contract | None:
    """The contract under which an account charges at its own home."""
    rows = sa.select(Contracts.__table__).where(C.account_id == account_id, C.kind.in_(HOME_KINDS))  # type: ignore[attr-defined]
    row = (await tx.execute(rows.where(C.location_id.is_not(None)).order_by(C.id).limit(1))).first()
    return None if row is None else _contract(row)


async def change_contract(tx: AsyncSession, before: Contract, after: Contract) -> None:
    """New terms for the sessions to come; those that there are keep the old ones, for a settled one may be corrected.

    The old terms move to a row of their own, whose id sorts after: `contract_at` finds the first id of a place.
    """
    bound = sa.select(S.id).where(S.contract_id == before.id)
    if (await tx.execute(bound.limit(1))).first() is not None:
        kept = msgspec.structs.replace(before, id=_later_id(before))
        if (await tx.execute(sa.select(C.id).where(C.id == kept.id))).first() is None:
            await add_contract(tx, kept)
        await tx.execute(sa.update(Sessions).where(S.contract_id == before.id).values(contract_id=kept.id))
    values = {"partner": after.terms.partner, "kind": after.terms.kind.value, "counterparty_id": after.counterparty_id}
    await tx.execute(sa.update(Contracts).where(C.id == before.id).values(**values))


def _later_id(contract: Contract) -> UUID:
    """An id that says these terms of this contract and sorts after its own."""
    said = (contract.id, msgspec.json.encode(contract.terms), contract.counterparty_id)
    ids = (derive("contract-version", *said, count) for count in itertools.count())
    return next(found for found in ids if found > contract.id)
