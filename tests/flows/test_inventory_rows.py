"""What a station reports of itself is kept on both databases: the last word counts, parts come in any order."""

from small_town import HOME_STATION, NOW

from server.core.inventory import PartEvent, Parts, ReportItem, ReportPart
from server.flows import inventory
from server.storage import inventory as stored
from server.storage.inventory import Wanted
from shared.operating import InventoryKind


def part(seq_no, *names, last=False, request_no=3):
    return ReportPart("variable", request_no, seq_no, last, tuple(ReportItem(one, f'"{seq_no}"') for one in names))


async def test_the_last_word_counts_and_a_report_is_whole_whatever_the_order(town):
    for one, whole in ((part(1, "B", last=True), False), (part(0, "A", "B"), True), (part(1, "B", last=True), True)):
        async with town.begin() as tx:
            await inventory.keep(tx, HOME_STATION, one, NOW)
            found = (await inventory.page(tx, Wanted(HOME_STATION, InventoryKind.REPORT.value), None, 9)).items
        assert [line.complete for line in found] == [whole]
    async with town.begin() as tx:
        await inventory.keep(tx, HOME_STATION, part(0, "C"), NOW)  # the request number again: another report
        found = (await inventory.page(tx, Wanted(HOME_STATION), None, 9)).items
    said = {line.name: (line.said, line.complete) for line in found if line.kind is not InventoryKind.REPORT}
    assert said == {"A": ("0", None), "B": ("1", None), "C": ("0", None)}
    assert [line.complete for line in found if line.kind is InventoryKind.REPORT] == [False]


async def test_a_station_that_never_ends_fills_no_disk(town, monkeypatch):
    monkeypatch.setattr(stored, "LINES_MAX", 2)
    async with town.begin() as tx:
        for number in range(5):
            await inventory.keep(tx, HOME_STATION, part(number, f"V{number}", request_no=2**40 + number), NOW)
        names = [line.name for line in (await inventory.page(tx, Wanted(HOME_STATION), None, 99)).items]
    assert names == ["V0", "variable 0"]


async def test_a_problem_is_one_row_until_it_is_over(town):
    wrong = PartEvent("Lock 1/1", "Problem", "true", "Alerting")
    async with town.begin() as tx:
        for event in (wrong, wrong, PartEvent("Fan", "Problem", "true", "Delta", severity=6)):
            await inventory.weigh(tx, HOME_STATION, [event], NOW)
        found = await stored.problems_between(tx, HOME_STATION, HOME_STATION)
        assert [(at, one.text) for at, one in found[HOME_STATION]] == [(NOW, "Lock 1/1 Problem=true")]
        await inventory.weigh(tx, HOME_STATION, [PartEvent("Lock 1/1", "Problem", "true", "Delta", cleared=True)], NOW)
        assert await stored.problems_between(tx, HOME_STATION, HOME_STATION) == {}


def test_parts_without_numbers_are_whole_with_the_last_one():
    parts = Parts().with_part(ReportPart("message", 1, None, last=False))
    assert not parts.complete
    assert parts.with_part(ReportPart("message", 1, None, last=True)).complete
