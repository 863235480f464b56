"""An EVSE with several connectors (2.x) is what all of them say together."""

from hypothesis import given
from hypothesis import strategies as st

from server.core.evse_status import SOCKETS_MAX, heard, of_sockets

WORDS = ["Available", "Occupied", "Reserved", "Unavailable", "Faulted"]


@given(st.dictionaries(st.integers(1, SOCKETS_MAX), st.sampled_from(WORDS), min_size=1))
def test_in_use_where_one_is_and_free_only_where_all_are(words):
    said = of_sockets(words)
    assert said in words.values()
    assert (said == "Occupied") is ("Occupied" in words.values())
    assert (said == "Available") is (set(words.values()) == {"Available"})


def test_each_has_its_last_word_until_the_whole_is_free():
    known = heard(None, 2, "Available")
    known = heard(known, 1, "Occupied")
    assert heard(known, 2, "Faulted") == {1: "Occupied", 2: "Faulted"}
    assert heard(known, None, "Unavailable") == known == {1: "Occupied", 2: "Available"}
    assert heard(known, None, "Available") is None
    assert heard(None, None, "Occupied") is None  # a station without such numbers, 1.6


def test_a_station_that_names_ever_more_of_them_fills_nothing():
    known = None
    for number in range(1, 200):
        known = heard(known, number, "Available")
    assert len(known) == SOCKETS_MAX
    assert heard(known, 1, "Occupied")[1] == "Occupied"
