"""What a station is sent so that its list of tokens is what it should be."""

from hypothesis import given
from hypothesis import strategies as st

from server.core.local_list import VERSION_MAX, Held, Listed, Update, after, fitting, updates

ANNA, BERT, CEES = Listed("ANNA"), Listed("BERT", group="family"), Listed("CEES", "Blocked")
TOKENS = st.lists(st.sampled_from([f"T{number}" for number in range(9)]), unique=True)


def test_a_list_that_nobody_knows_is_sent_whole_and_one_that_fits_is_left_alone():
    assert updates(None, [ANNA, BERT], 4, None) == [Update(5, full=True, tokens=(ANNA, BERT))]
    assert updates(Held(5, {"ANNA": ANNA}), [ANNA], 5, None) == []
    assert updates(None, [], 4, None) == [Update(5, full=True)]  # what is there is not known: it is emptied


def test_what_changed_is_sent_alone():
    held = Held(5, {"ANNA": ANNA, "BERT": BERT})
    assert updates(held, [ANNA, CEES], 5, None) == [Update(6, full=False, tokens=(CEES,), gone=("BERT",))]
    blocked = Listed("ANNA", "Blocked")
    assert updates(held, [blocked, BERT], 5, None) == [Update(6, full=False, tokens=(blocked,))]


def test_a_station_that_holds_no_list_begins_with_a_full_one():
    assert updates(Held(0, {}), [ANNA], 0, None) == [Update(1, full=True, tokens=(ANNA,))]
    assert updates(Held(0, {}), [], 0, None) == []


def test_more_than_a_message_carries_follows_as_changes():
    sent = updates(None, [ANNA, BERT, CEES], 7, 2)
    assert sent == [Update(8, full=True, tokens=(ANNA, BERT)), Update(9, full=False, tokens=(CEES,))]


def test_versions_begin_again_where_the_numbers_end():
    assert [one.version for one in updates(None, [ANNA, BERT], VERSION_MAX, 1)] == [1, 2]


def test_what_does_not_fit_is_left_out_from_the_end():
    many = [Listed(f"TOKEN-{number}") for number in range(120)]
    assert len(fitting(many, None, 20)) == 100
    assert fitting(many, 3, 20) == many[:3]
    assert fitting([Listed("x" * 21), ANNA], 1, 20) == [ANNA]


@given(TOKENS, TOKENS, st.integers(1, 4))
def test_after_all_messages_a_station_holds_what_it_should_and_each_is_small_enough(there, wanted, size):
    held = Held(3, {uid: Listed(uid) for uid in there})
    asked = [Listed(uid, "Accepted" if uid > "T4" else "Blocked") for uid in wanted]
    for whole in (held, None):
        state = whole
        for update in updates(whole, asked, 3, size):
            assert len(update.tokens) + len(update.gone) <= size
            assert update.version > 3
            state = after(state, update)
        assert (state.tokens if state else {}) == {one.uid: one for one in asked}
