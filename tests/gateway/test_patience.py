"""A station that sends nonsense waits for itself; nobody else does."""

from server.gateway.patience import AT_ONCE, Patience


def test_a_few_bad_frames_cost_nothing_and_a_flood_of_them_is_slowed_down():
    now = [100.0]
    patience = Patience(50.0, lambda: now[0])
    assert [patience.wait_s() for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
    assert patience.wait_s() == 1 / 50
    now[0] += 1 / 50
    assert round(patience.wait_s(), 9) == 1 / 50, "who waits as long as it was told goes on at that speed"
    now[0] += AT_ONCE / 50
    assert patience.wait_s() == 0.0, "and is believed again after a while"


def test_without_a_number_nothing_waits():
    patience = Patience(None, lambda: 0.0)
    assert max(patience.wait_s() for _ in range(10 * AT_ONCE)) == 0.0
