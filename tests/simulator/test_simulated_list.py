"""The list of tokens that a simulated station holds."""

from server.simulator.local_list import LENGTH_MAX, LocalList


def entry(tag, status="Accepted"):
    return {"id_tag": tag, "id_tag_info": {"status": status}}


def test_a_full_list_takes_the_place_of_all_and_changes_add_and_take_out():
    held = LocalList()
    assert held.take(3, "Full", [entry("A"), entry("B")]) == "Accepted"
    assert held.take(4, "Differential", [entry("B", "Blocked"), {"id_tag": "A"}, entry("C")]) == "Accepted"
    assert (held.version, held.tokens) == (4, {"B": {"status": "Blocked"}, "C": {"status": "Accepted"}})
    assert held.take(5, "Full", []) == "Accepted"
    assert held.tokens == {}


def test_changes_of_an_old_version_are_a_mismatch_and_leave_the_list():
    held = LocalList()
    held.take(3, "Full", [entry("A")])
    assert held.take(3, "Differential", [entry("B")]) == "VersionMismatch"
    assert (held.version, list(held.tokens)) == (3, ["A"])


def test_more_than_it_can_hold_fails_and_leaves_the_list():
    held = LocalList()
    for first in range(0, LENGTH_MAX, 20):
        assert held.take(first + 1, "Differential", [entry(str(n)) for n in range(first, first + 20)]) == "Accepted"
    assert held.take(900, "Differential", [entry("one more")]) == "Failed"
    assert held.take(900, "Differential", [entry(str(n)) for n in range(21)]) == "Failed"
    assert (held.version, len(held.tokens)) == (LENGTH_MAX - 19, LENGTH_MAX)
