"""What we ask of OCPP 1.6 stations besides charging: lists and reservations (§5). The struct's name is the action's.

What operators ask is JSON that its official schema judges (`main/hands.py`).
"""

from server.gateway.v16.messages import IdTagInfo, Message


class GetLocalListVersion(Message, frozen=True):
    """The version of the list of tokens that a station holds; 0: none, -1: it keeps no lists."""


class ListedTag(Message, frozen=True):
    """A token of the list; in a differential update one without an info is taken out of it."""

    id_tag: str
    id_tag_info: IdTagInfo | None = None


class SendLocalList(Message, frozen=True):
    """Who may charge while we are away. `update_type`: Full or Differential."""

    list_version: int
    update_type: str
    local_authorization_list: tuple[ListedTag, ...] | None = None


class ReserveNow(Message, frozen=True):
    """Keep a connector (0: any) free for a token until a time."""

    connector_id: int
    expiry_date: str
    id_tag: str
    reservation_id: int
    parent_id_tag: str | None = None


class CancelReservation(Message, frozen=True):
    """Keep it free no longer."""

    reservation_id: int


class UpkeepAnswer(Message, frozen=True):
    """What a station says to it; some have no status: then it is empty."""

    status: str = ""
    list_version: int | None = None


Upkeep = GetLocalListVersion | SendLocalList | ReserveNow | CancelReservation
