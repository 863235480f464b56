"""What the app asks for when it hears that something changed: that, and nothing else."""

from types import SimpleNamespace
from uuid import uuid4

import pytest

from app.views import intents
from shared.accounts import Role
from shared.wire import LocationChanged, PricesChanged, WalletChanged


class Desk:
    """Notes what is asked for. `charging`: whether a session of the driver is open."""

    def __init__(self, *, charging: bool, role: Role = Role.DRIVER) -> None:
        known = SimpleNamespace(value=[])
        sessions = SimpleNamespace(value=["one"] if charging else [])
        self.state = SimpleNamespace(
            board=SimpleNamespace(sessions=sessions, locations=known, wallet=known, me=SimpleNamespace(role=role))
        )
        self.api = SimpleNamespace(prices=str, wallet=str, estimate_at_home=str)
        self.asked: list[str] = []

    async def fill(self, what: str, _answer: object) -> None:
        self.asked.append(what)


async def look_again(desk: Desk, _location_id: object) -> None:
    desk.asked.append("location")


@pytest.mark.parametrize("charging", [False, True])
async def test_each_change_leads_to_what_it_names(charging, monkeypatch):
    monkeypatch.setattr(intents, "_look_again", look_again)
    for event, asked in (
        (WalletChanged(None, 1_284, 12), ["wallet"]),
        (LocationChanged(uuid4()), ["location"]),
        (PricesChanged("NL"), ["prices"] if charging else ["prices", "at_home"]),
    ):
        desk = Desk(charging=charging)
        await intents._react(desk, event)
        assert desk.asked == asked


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.DRIVER])
async def test_only_a_driver_asks_what_a_night_at_home_would_bring(role):
    desk = Desk(charging=False, role=role)
    await intents._react(desk, PricesChanged("NL"))
    assert desk.asked == ["prices"]
