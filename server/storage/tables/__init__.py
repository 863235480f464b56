"""The tables. Private to storage; validation stands in structs and CHECK constraints, never here.
Every account, contract, station, tariff and wallet belongs to a party: `party_id` is in every row that is somebody's.
"""

from sqlmodel import SQLModel

from server.storage.tables.charging import (
    OrphanMessages,
    Outbox,
    PlanInputs,
    Plans,
    Readings,
    SessionEvents,
    Sessions,
    SignedValues,
    StartWishes,
    TransactionEvents,
    Transactions,
)
from server.storage.tables.forwarding import (
    ForwardedCards,
    ForwardedFrames,
    ForwardedStations,
    ForwardedTransactions,
    Forwardings,
)
from server.storage.tables.lists import StationLists, StationListTokens
from server.storage.tables.money import Cdrs, Entries, PriceNotices, PriceSlots, Transfers
from server.storage.tables.operating import MessageLog, StationFiles, StationInventory
from server.storage.tables.people import (
    Accounts,
    Consents,
    Contracts,
    DialBalances,
    HomeTariffs,
    Parties,
    RefreshTokens,
    Rotas,
    Tariffs,
    Tokens,
    Vehicles,
)
from server.storage.tables.places import Evses, Feeders, ForecastRecords, Locations, Stations
from server.storage.tables.reservations import Reservations
from server.storage.tables.security import PendingStations, StationCertificates, StationNotices
from server.storage.tables.watch import Findings, StationEvents

__all__ = [
    "Accounts",
    "Cdrs",
    "Consents",
    "Contracts",
    "DialBalances",
    "Entries",
    "Evses",
    "Feeders",
    "Findings",
    "ForecastRecords",
    "ForwardedCards",
    "ForwardedFrames",
    "ForwardedStations",
    "ForwardedTransactions",
    "Forwardings",
    "HomeTariffs",
    "Locations",
    "MessageLog",
    "OrphanMessages",
    "Outbox",
    "Parties",
    "PendingStations",
    "PlanInputs",
    "Plans",
    "PriceNotices",
    "PriceSlots",
    "Readings",
    "RefreshTokens",
    "Reservations",
    "Rotas",
    "SQLModel",
    "SessionEvents",
    "Sessions",
    "SignedValues",
    "StartWishes",
    "StationCertificates",
    "StationEvents",
    "StationFiles",
    "StationInventory",
    "StationListTokens",
    "StationLists",
    "StationNotices",
    "Stations",
    "Tariffs",
    "Tokens",
    "TransactionEvents",
    "Transactions",
    "Transfers",
    "Vehicles",
]
