"""What an answer is worth to the driver: the own share of what it brings, never less than nothing."""

import pytest

from server.core.answer_worth import drivers_minor
from server.core.contract import ContractKind, ContractTerms


@pytest.mark.parametrize(
    ("kind", "worth", "minor"),
    [
        (ContractKind.HOME_DYNAMIC, 0.5, 50),
        (ContractKind.HOME_FIXED, 0.5, 25),
        (ContractKind.HOME_DYNAMIC, 0.004, 0),
        (ContractKind.HOME_DYNAMIC, -1e-9, 0),
    ],
)
def test_the_driver_is_told_of_the_own_share(kind, worth, minor):
    assert drivers_minor(worth, ContractTerms(kind)) == minor
