"""The notes of forwarded stations on both databases: what one cannot take is dropped alone, whatever it says of it."""

from uuid import UUID, uuid5

from small_town import NOW, STREET_STATION_1

from server.clock import SteppedClock
from server.gateway.forwarding.ports import Item, Numbers
from server.gateway.versions import Version
from server.main.forwarding_store import Keeper, StationStore
from server.storage import forwarded, forwardings, stations
from server.storage.forwardings import Forwarding


async def test_each_kind_of_note_that_cannot_be_written_is_dropped_and_all_others_stand(db):
    list_id, now = uuid5(UUID(int=0), "list"), SteppedClock(NOW)
    async with db.begin() as tx:
        station = await stations.get(tx, STREET_STATION_1)
        made = Forwarding(list_id, station.party_id, None, "L", "ws://x", True, [], True, NOW)
        await forwardings.insert(tx, made)
        await forwardings.put_station(tx, made, station.id, "00")
        (row,) = await forwardings.routes(tx)
    keeper = Keeper(db, now)
    store = StationStore(keeper, row)
    unwell = (("a" * 5_000, 2**63), ("nul\x00", 2**70))
    for ours in range(1, 6):
        store.numbers(ours, Numbers(ours))
        store.card(f"C{ours}" + unwell[ours % 2][0], "Accepted")
        store.add(Item(ours, Version.V16, "MeterValues", "id\x00", b'"\x00"', ours, kept=True))
        store.numbers(100 + ours, Numbers(unwell[ours % 2][1]))  # past the door
    assert await keeper.flush()
    assert keeper.counts == {"faulty": 5}
    async with db.read() as tx:
        assert sorted(await forwarded.numbers(tx, station.id, 50)) == [1, 2, 3, 4, 5]
        assert [frame.id for frame in await forwarded.page(tx, station.id, 50)] == [1, 2, 3, 4, 5]
        assert await forwarded.card(tx, list_id, "C1nul\ufffd") == ("Accepted", NOW)
