from datetime import UTC, date, datetime
from itertools import pairwise

import httpx
import msgspec
import pytest

from server.core.pricecurve import Quality
from server.feeds.ports import FeedMalformed, FeedUnavailable, NotPublished
from server.feeds.prices.energy_charts import EnergyCharts, read, to_slots

NOW = datetime(2026, 3, 2, 12, 2, tzinfo=UTC)
MIDNIGHT = int(datetime(2026, 3, 2, 23, tzinfo=UTC).timestamp())


def answer(prices, step=900, start=MIDNIGHT, unit="EUR / MWh"):
    return msgspec.json.encode(
        {
            "license_info": "CC BY 4.0, written for this test",
            "unix_seconds": [start + step * index for index in range(len(prices))],
            "price": prices,
            "unit": unit,
            "deprecated": False,
        }
    )


def feed(response, seen=None):
    def handle(request):
        if seen is not None:
            seen.append(request)
        if isinstance(response, Exception):
            raise response
        return response

    return EnergyCharts(
        httpx.AsyncClient(transport=httpx.MockTransport(handle)), lambda: NOW, "https://charts.test/price"
    )


def test_a_quarter_hour_answer_becomes_slots():
    first, second = to_slots(read(answer([91.2, -3.1])), NOW)
    assert (first.start, first.seconds, first.price_micro_per_kwh) == (
        datetime(2026, 3, 2, 23, tzinfo=UTC),
        900,
        91_200,
    )
    assert second.price_micro_per_kwh == -3_100
    assert (first.source, first.quality, first.fetched_at) == ("energy_charts", Quality.PRELIMINARY, NOW)


def test_an_hourly_answer_is_known_by_its_steps():
    assert {slot.seconds for slot in to_slots(read(answer([1, 2, 3], 3600)), NOW)} == {3600}


def test_a_missing_price_is_a_gap_not_a_zero():
    found = to_slots(read(answer([1.5, None, 2.5])), NOW)
    assert [(slot.price_micro_per_kwh, slot.seconds) for slot in found] == [(1_500, 900), (2_500, 900)]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "not a price answer"),
        (b'{"detail": "oops"}', "not a price answer"),
        (answer([1, 2], unit="EUR / kWh"), "expected prices in EUR / MWh"),
        (answer([1, 2]).replace(b"[1,2]", b"[1]"), "2 times but 1 prices"),
    ],
)
def test_an_answer_of_another_shape_is_refused(body, says):
    with pytest.raises(FeedMalformed, match=says):
        read(body)


@pytest.mark.parametrize("step", [600, 7200, -900])
def test_slots_off_the_raster_are_refused(step):
    with pytest.raises(FeedMalformed, match="off any known raster"):
        to_slots(read(answer([1, 2, 3], step)), NOW)


async def test_a_day_is_asked_for_by_its_local_date():
    seen = []
    source = feed(httpx.Response(200, content=answer([1] * 96)), seen)
    found = await source.fetch("NL", date(2026, 3, 3))
    assert len(found) == 96
    assert dict(seen[0].url.params) == {"bzn": "NL", "start": "2026-03-03", "end": "2026-03-03"}
    assert source.licences == {"NL": "CC BY 4.0, written for this test"}


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(404),
        httpx.Response(204),
        httpx.Response(200, content=answer([])),
        httpx.Response(200, content=answer([1, 2], start=0)),
    ],
)
async def test_a_day_without_prices_is_not_published(response):
    with pytest.raises(NotPublished):
        await feed(response).fetch("NL", date(2026, 3, 3))


@pytest.mark.parametrize(
    ("response", "wait"),
    [
        (httpx.Response(429, headers={"Retry-After": "30"}), 30),
        (httpx.Response(500), None),
        (httpx.Response(400), None),
        (httpx.ReadTimeout("slow"), None),
    ],
)
async def test_a_feed_that_is_overloaded_or_gone_is_unavailable(response, wait):
    with pytest.raises(FeedUnavailable) as caught:
        await feed(response).fetch("NL", date(2026, 3, 3))
    assert caught.value.retry_after_s == wait


async def test_a_zone_that_it_does_not_serve_is_named():
    with pytest.raises(FeedUnavailable, match="does not serve NO1"):
        await feed(httpx.Response(200)).fetch("NO1", date(2026, 3, 3))


# --- recorded answers of the service ------------------------------------------


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("day", "slots", "seconds"),
    [
        ("2020-03-29", 23, 3600),
        ("2020-10-25", 25, 3600),
        ("2023-07-02", 24, 3600),
        ("2024-03-31", 23, 3600),
        ("2024-10-27", 25, 3600),
        ("2024-12-12", 24, 3600),
        ("2025-03-30", 23, 3600),
        ("2025-05-11", 24, 3600),
        ("2025-10-01", 96, 900),
        ("2025-10-04", 96, 900),
        ("2025-10-26", 100, 900),
        ("2026-08-23", 96, 900),
    ],
)
async def test_a_recorded_day_is_read_whole(shared_dir, day, slots, seconds):
    body = (shared_dir / f"data/fixtures/energycharts_price_DE-LU_{day}.json").read_bytes()
    source = feed(httpx.Response(200, content=body))
    found = await source.fetch("DE-LU", date.fromisoformat(day))
    assert len(found) == slots
    assert {slot.seconds for slot in found} == {seconds}
    assert all(after.start == before.end for before, after in pairwise(found))
    assert "Bundesnetzagentur" in source.licences["DE-LU"]


@pytest.mark.realdata
def test_the_sample_is_read(shared_dir):
    found = to_slots(read((shared_dir / "samples/energy_charts_price.json").read_bytes()), NOW)
    assert [slot.price_micro_per_kwh for slot in found] == [91_200, 88_050, 84_900, -3_100]
