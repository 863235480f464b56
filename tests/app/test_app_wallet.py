from datetime import timedelta

import flet as ft
import flet.canvas as cv
import msgspec
import pytest
from fake_town import Town
from fletkit import Open, Screen
from town_facts import NOW, SETTLED, an_id, receipt, timed_receipt

from app.store import LANGUAGE
from shared.cdrs import Receipt
from shared.plans import Shortfall
from shared.problems import Problem
from shared.wallets import Wallet, WalletEntry
from shared.wire import WalletChanged


async def at_wallet(signed_in: Open, **options: object) -> Screen:
    screen = await signed_in(**options)
    await screen.go(2)
    await screen.until(lambda: screen.has("sums"))
    await screen.until(lambda: not screen.has("skeleton"))
    return screen


async def at_receipt(signed_in: Open, **options: object) -> Screen:
    screen = await at_wallet(signed_in, **options)
    await screen.click(f"entry-{an_id('entry', 0)}-cashback")
    await screen.until(lambda: screen.has("receipt-sentence"))
    return screen


async def test_balance_pending_and_the_three_kinds_of_money_stand_apart(signed_in: Open) -> None:
    screen = await at_wallet(signed_in)
    balance = screen.key("balance")
    assert isinstance(balance, ft.Text)
    assert balance.value == "€12.84"
    assert screen.says("€0.12 is on its way")
    for words in ("Earnings | Cashback, paid to you | €12.96", "Savings | Less on your own bills | €4.31"):
        assert screen.says(words)
    assert screen.says("not a sum that is paid | €17.27")
    assert screen.says("Receipts: 14. Charged in the valley: 11 of them.")


async def test_cashback_arrives_while_one_looks(signed_in: Open, town: Town) -> None:
    screen = await at_wallet(signed_in)
    town.wallet = Wallet("EUR", 1_415, 12, 20, 1_427, 431, 1_858, 15, 12)
    entry = WalletEntry(an_id("new"), NOW, "cashback", 131, SETTLED, "Wilgenlaan 12")
    town.tell(WalletChanged(entry, balance_minor=1_415, pending_minor=12))
    await screen.until(lambda: screen.says("€14.15"))
    assert screen.has(f"entry-{entry.id}-cashback")


async def test_sessions_are_listed_beside_payments_and_lead_to_their_receipts(signed_in: Open, town: Town) -> None:
    town.history[1] = msgspec.structs.replace(town.history[1], has_receipt=False)
    screen = await at_wallet(signed_in)
    await screen.event(screen.key("wallet-tab"), "change", "history", selected=["history"])
    await screen.until(lambda: screen.has(f"history-{SETTLED}"))
    assert screen.says("20.0 kWh | €1.31 back")
    older = screen.key(f"history-{town.history[1].id}")
    assert isinstance(older, ft.Container)
    assert (older.on_click, older.ink) == (None, False), "from before there were receipts: nothing to open"
    await screen.click(f"history-{SETTLED}")
    await screen.until(lambda: screen.has("receipt-sentence"))


CORRECTED = {
    "en": ("Correction | Wilgenlaan 12", "−€0.05", "Pending cashback corrected | Wilgenlaan 12", "−€0.08"),
    "nl": ("Correctie | Wilgenlaan 12", "€ −0,05", "Cashback onderweg gecorrigeerd | Wilgenlaan 12", "€ −0,08"),
    "de": ("Korrektur | Wilgenlaan 12", "−0,05 €", "Cashback unterwegs korrigiert | Wilgenlaan 12", "−0,08 €"),
}


@pytest.mark.parametrize("language", CORRECTED)
async def test_a_correction_says_whether_it_is_of_the_balance_or_of_what_is_pending(
    signed_in: Open, town: Town, language: str
) -> None:
    kinds = (("correction", -5), ("pending_correction", -8))
    entry_id = an_id("corrected")
    town.entries = [WalletEntry(entry_id, NOW, kind, minor, SETTLED, "Wilgenlaan 12", 9) for kind, minor in kinds]
    screen = await at_wallet(signed_in, remembers={LANGUAGE: language})
    words = screen.words().replace("\u00a0", " ")
    for one in CORRECTED[language]:
        assert one in words
    await screen.click(f"entry-{entry_id}-pending_correction")
    await screen.until(lambda: screen.has("receipt-sentence"))


async def test_an_empty_wallet_says_how_it_fills(signed_in: Open, town: Town) -> None:
    town.wallet, town.entries = Wallet("EUR", 0, 0, 20, 0, 0, 0, 0, 0), []
    screen = await at_wallet(signed_in)
    assert screen.says("Nothing is pending.")
    assert screen.says("No payments yet.")


async def test_a_receipt_says_shows_and_explains(signed_in: Open, town: Town) -> None:
    screen = await at_receipt(signed_in)
    truth = town.receipts[SETTLED]
    sentence = screen.key("receipt-sentence")
    assert isinstance(sentence, ft.Text)
    assert sentence.value == f"20.0 kWh, moved into the valley: €{truth.split.driver_minor / 100:.2f} back."
    assert any(isinstance(one, cv.Path) for one in screen.all(cv.Canvas, key="curve")[0].shapes)
    assert screen.says(f"€{truth.baseline_nano / 1e9:.4f}")
    assert screen.says(f"€{truth.value_nano / 1e9:.4f}")
    assert screen.says("Charging at once means 10.0 kW from plug-in on")
    assert screen.says("the car's power")


SAID = {
    "en": (
        "20.0 kWh, in the valley: €0.80 saved on your bill, and €0.22 back.",
        "Of that on your own bill | €0.8000",
        "Together | €9.20 | At once it would have been €10.00",
    ),
    "nl": (
        "20,0 kWh, in het dal: € 0,80 bespaard op je rekening, en € 0,22 terug.",
        "Daarvan op je eigen rekening | € 0,8000",
        "Samen | € 9,20 | Meteen was het € 10,00 geweest",
    ),
    "de": (
        "20,0 kWh, im Tal: 0,80 € auf der Rechnung gespart und 0,22 € zurück.",
        "Davon auf deiner eigenen Rechnung | 0,8000 €",
        "Zusammen | 9,20 € | Sofort wären es 10,00 € gewesen",
    ),
}


@pytest.mark.parametrize("language", SAID)
async def test_a_public_price_that_varies_saves_on_the_bill_and_cashback_stands_apart(
    signed_in: Open, town: Town, language: str
) -> None:
    town.receipts[SETTLED] = timed_receipt()
    screen = await at_receipt(signed_in, remembers={LANGUAGE: language})
    words = screen.words().replace("\u00a0", " ")
    for one in SAID[language]:
        assert one in words


async def test_the_history_says_both_kinds_of_money(signed_in: Open, town: Town) -> None:
    both = {"savings_minor": 80, "cashback_minor": 22}
    town.history = [msgspec.structs.replace(one, **both) if one.id == SETTLED else one for one in town.history]
    screen = await at_wallet(signed_in)
    await screen.event(screen.key("wallet-tab"), "change", "history", selected=["history"])
    await screen.until(lambda: screen.says("20.0 kWh | €0.22 back | €0.80 saved"))


async def test_the_table_adds_up_to_what_is_shared(signed_in: Open, town: Town) -> None:
    screen = await at_receipt(signed_in)
    await screen.click("more-slots")
    truth = town.receipts[SETTLED]
    used = [one for one in truth.slots if one.actual_wh or one.baseline_wh]
    assert len(used) == 16
    words = screen.words()
    for one in used:
        assert f"€{one.price_micro_per_kwh / 1e6:.4f}" in words
    assert f"Sum | 20.00 | 20.00 | €{sum(one.value_nano for one in used) / 1e9:.4f}" in words


async def test_the_json_that_is_copied_is_the_receipt_itself(signed_in: Open, town: Town) -> None:
    screen = await at_receipt(signed_in)
    button = screen.key("copy-json")
    assert isinstance(button, ft.OutlinedButton)
    assert isinstance(button.action, ft.CopyToClipboard)
    assert msgspec.json.decode(button.action.data, type=Receipt) == town.receipts[SETTLED]
    await screen.click("copy-json")
    await screen.until(lambda: screen.says("Copied."))


async def test_a_receipt_without_money_says_why(signed_in: Open, town: Town) -> None:
    town.receipts[SETTLED] = msgspec.structs.replace(
        receipt(),
        sentence="not_eligible",
        eligible=False,
        reasons=["NO_CONSENT", "INVENTED_TOMORROW"],
        overrides=[NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=3)],
        overrides_undone=[NOW + timedelta(minutes=25), NOW + timedelta(hours=2), None],
        shortfall=Shortfall(3_000, "left_early"),
    )
    screen = await at_receipt(signed_in)
    assert screen.says("No money back this time.")
    assert screen.says("You had not agreed to let the car wait.")
    assert screen.says("A rule applied that this app does not know yet.")
    assert screen.says("You asked to charge now at 21:40, and went back to the plan at 22:05.")
    assert screen.says("You asked to charge now at 22:40, and went back to the plan at 23:40.")
    assert screen.says("You asked to charge now at 00:40.")
    assert screen.says("3.0 kWh were missing: the car left earlier than it said.")


async def test_a_receipt_that_is_still_to_come_says_so_and_can_be_asked_for_again(signed_in: Open, town: Town) -> None:
    late = town.receipts.pop(SETTLED)
    screen = await at_wallet(signed_in)
    await screen.click(f"entry-{an_id('entry', 0)}-cashback")
    await screen.until(lambda: screen.says("The receipt is not there yet"))
    town.receipts[SETTLED] = late
    await screen.click("retry")
    await screen.until(lambda: screen.has("receipt-sentence"))


async def test_a_wallet_out_of_reach_can_be_asked_for_again(signed_in: Open, town: Town) -> None:
    screen = await signed_in()
    town.refusals["GET", "/api/wallet"] = Problem("about:blank", "", 503, code="broken")
    await screen.go(2)
    await screen.until(lambda: screen.has("retry"))
    town.refusals.clear()
    await screen.click("retry")
    await screen.until(lambda: screen.has("sums"))
