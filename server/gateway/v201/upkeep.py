"""What we ask of 2.0.1 and 2.1 stations besides charging: lists, reservations, certificates, how to reach us, costs.

The struct's name is the action's. What operators ask is JSON that its official schema judges (`main/hands.py`).
"""

from typing import Any

from server.gateway.v201.messages import IdToken, IdTokenInfo, Message

Json = dict[str, Any]
"""A part that we only pass on, in camel case, as the official schema has it."""


class GetLocalListVersion(Message, frozen=True):
    """The version of the list of tokens that a station holds; 0: none."""


class ListedToken(Message, frozen=True):
    """A token of the list; without an info it is taken out of it."""

    id_token: IdToken
    id_token_info: IdTokenInfo | None = None


class SendLocalList(Message, frozen=True):
    """Who may charge while we are away. `update_type`: Full or Differential."""

    version_number: int
    update_type: str
    local_authorization_list: tuple[ListedToken, ...] | None = None


class ReserveNow(Message, frozen=True):
    """Keep an EVSE (or any) free for a token until a time."""

    id: int
    expiry_date_time: str
    id_token: IdToken
    evse_id: int | None = None
    connector_type: str | None = None
    group_id_token: IdToken | None = None


class CancelReservation(Message, frozen=True):
    """Keep it free no longer."""

    reservation_id: int


class CertificateSigned(Message, frozen=True):
    """The certificate that a station asked for, with its chain, PEM."""

    certificate_chain: str
    certificate_type: str | None = None


class SetNetworkProfile(Message, frozen=True):
    """How the station reaches us, in one of its slots."""

    configuration_slot: int
    connection_data: Json


class CostUpdated(Message, frozen=True):
    """What a running session costs so far, in the currency of the place."""

    total_cost: float
    transaction_id: str


Upkeep = (
    GetLocalListVersion
    | SendLocalList
    | ReserveNow
    | CancelReservation
    | CertificateSigned
    | SetNetworkProfile
    | CostUpdated
)
