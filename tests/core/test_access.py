"""Who may charge where: the answer is OCPP's AuthorizationStatus."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from server.core.access import Place, TokenFacts, decide

NOW = datetime(2026, 3, 10, 18, tzinfo=UTC)
PROVIDER, FLEET = UUID(int=1), UUID(int=2)
ANNA, BERT = UUID(int=11), UUID(int=12)
STREET = Place(party_id=UUID(int=3), public=True)
ANNAS_HOME = Place(party_id=PROVIDER, public=False, account_id=ANNA)
DEPOT = Place(party_id=FLEET, public=False)
ANNAS_CARD = TokenFacts(account_id=ANNA, party_id=PROVIDER, valid=True)
BERTS_CARD = TokenFacts(account_id=BERT, party_id=PROVIDER, valid=True)
VAN = TokenFacts(account_id=UUID(int=13), party_id=FLEET, valid=True)


@pytest.mark.parametrize(
    ("card", "place", "status"),
    [
        (ANNAS_CARD, STREET, "Accepted"),
        (ANNAS_CARD, ANNAS_HOME, "Accepted"),
        (BERTS_CARD, ANNAS_HOME, "Invalid"),  # another customer of the same provider
        (VAN, DEPOT, "Accepted"),
        (ANNAS_CARD, DEPOT, "Invalid"),
        (None, STREET, "Invalid"),
    ],
)
def test_a_home_is_its_owners_a_depot_its_partys_and_a_street_everybodys(card, place, status):
    assert decide(card, place, NOW) == status


def test_a_blocked_or_expired_card_charges_nowhere():
    assert decide(msgspec.structs.replace(ANNAS_CARD, valid=False), STREET, NOW) == "Blocked"
    assert decide(msgspec.structs.replace(ANNAS_CARD, expires_at=NOW), STREET, NOW) == "Expired"
    later = msgspec.structs.replace(ANNAS_CARD, expires_at=NOW + timedelta(seconds=1))
    assert decide(later, STREET, NOW) == "Accepted"
