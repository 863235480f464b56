"""The server is killed with -9 while fifty cars charge on five streets, and started again on the same data."""

from server.cli.bench.gateway import storms

CARS = 50


async def test_nothing_that_was_acknowledged_is_lost_and_every_plan_is_in_force_again(tmp_path):
    """Also nobody charges twice, and no street ever draws more than its limit, with the server there or gone."""
    seen = await storms.killed(f"sqlite:///{tmp_path / 'bench.db'}", tmp_path, CARS, 1.5)
    assert (seen.sessions, seen.doubled) == (CARS, 0)
    assert seen.acknowledged >= CARS
    assert seen.lost == 0
    assert seen.plans_again == CARS
    assert -69_000 <= seen.over_w <= 0
