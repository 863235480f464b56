import logging
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from server.core.pricecurve import Quality, curve
from server.core.timegrid import Grid
from server.feeds.ports import FeedMalformed, FeedUnavailable, NotPublished
from server.feeds.prices.entsoe import Entsoe, parse

NOW = datetime(2026, 3, 28, 12, 2, tzinfo=UTC)
START = "2026-03-02T23:00Z"


def period(points, start=START, end="2026-03-03T23:00Z", resolution="PT60M"):
    rows = "".join(
        f"<Point><position>{at}</position><price.amount>{price}</price.amount></Point>" for at, price in points
    )
    interval = f"<timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
    return f"<Period>{interval}<resolution>{resolution}</resolution>{rows}</Period>"


def series(*periods, curve_type="A03", sequence=None, unit="MWH", currency="EUR"):
    place = "classificationSequence_AttributeInstanceComponent.position"
    return (
        "<TimeSeries><businessType>A62</businessType>"
        f"<currency_Unit.name>{currency}</currency_Unit.name><price_Measure_Unit.name>{unit}</price_Measure_Unit.name>"
        + (f"<{place}>{sequence}</{place}>" if sequence else "")
        + f"<curveType>{curve_type}</curveType>{''.join(periods)}</TimeSeries>"
    )


def document(*all_series, revision=1):
    space = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
    body = f"<revisionNumber>{revision}</revisionNumber><type>A44</type>{''.join(all_series)}"
    return (
        f'<?xml version="1.0"?><Publication_MarketDocument xmlns="{space}">{body}</Publication_MarketDocument>'.encode()
    )


def acknowledgement(text):
    space = "urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0"
    reason = f"<Reason><code>999</code><text>{text}</text></Reason>"
    return f'<Acknowledgement_MarketDocument xmlns="{space}">{reason}</Acknowledgement_MarketDocument>'.encode()


def read(*all_series, **kwargs):
    return parse(document(*all_series, **kwargs), NOW)


def micro(slots):
    return [slot.price_micro_per_kwh for slot in slots]


# --- the six rules (domain 2.2) -----------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "slots"),
    [
        ("2026-03-28T23:00Z", "2026-03-29T22:00Z", 92),
        ("2026-11-19T23:00Z", "2026-11-20T23:00Z", 96),
        ("2026-10-24T22:00Z", "2026-10-25T23:00Z", 100),
    ],
)
def test_the_interval_says_how_many_quarters_a_day_has(start, end, slots):
    found = read(series(period([(1, "90.0"), (3, "50.0")], start, end, "PT15M")))
    assert len(found) == slots
    assert micro(found) == [90_000, 90_000] + [50_000] * (slots - 2), "A03 repeats the last price, at the tail too"
    assert found[0].start == datetime.fromisoformat(start)
    assert found[-1].end == datetime.fromisoformat(end)


def test_forward_filling_stops_at_the_end_of_its_period():
    first = period([(1, "10")], end="2026-03-03T01:00Z")
    second = period([(1, "20"), (2, "-3.1")], start="2026-03-03T01:00Z", end="2026-03-03T03:00Z")
    assert micro(read(series(first, second))) == [10_000, 10_000, 20_000, -3_100]


def test_a_period_without_position_1_is_an_error():
    with pytest.raises(FeedMalformed, match="without position 1"):
        read(series(period([(2, "10")])))


def test_curve_type_a01_must_have_every_position():
    whole = [(at, at) for at in range(1, 25)]
    assert micro(read(series(period(whole), curve_type="A01"))) == [at * 1000 for at in range(1, 25)]
    with pytest.raises(FeedMalformed, match="A01 with 23 of 24"):
        read(series(period(whole[:-1]), curve_type="A01"))


def test_hours_and_quarters_may_stand_in_one_document():
    hours = period([(1, "40")], end="2026-03-03T01:00Z")
    quarters = period([(1, "1"), (2, "2"), (3, "3"), (4, "4")], "2026-03-03T01:00Z", "2026-03-03T02:00Z", "PT15M")
    found = read(series(hours, quarters))
    assert [slot.seconds for slot in found] == [3600, 3600, 900, 900, 900, 900]
    grid = Grid(datetime(2026, 3, 2, 23, tzinfo=UTC), 12)
    assert micro(curve(found, grid)) == [40_000] * 8 + [1_000, 2_000, 3_000, 4_000]


def test_two_time_series_of_two_days_are_both_read():
    tomorrow = period([(1, "2")], "2026-03-03T23:00Z", "2026-03-04T23:00Z")
    assert micro(read(series(period([(1, "1")])), series(tomorrow))) == [1_000] * 24 + [2_000] * 24


def test_of_two_auctions_the_lowest_in_sequence_counts_interval_by_interval():
    first = series(period([(1, "100")], end="2026-03-03T01:00Z"), sequence=1)
    second = series(period([(1, "7")], end="2026-03-03T03:00Z", resolution="PT15M"), sequence=2)
    for order in ((first, second), (second, first)):
        found = read(*order)
        assert [(slot.seconds, slot.price_micro_per_kwh) for slot in found] == [(3600, 100_000)] * 2 + [
            (900, 7_000)
        ] * 8


def test_a_lone_second_auction_is_valid():
    assert micro(read(series(period([(1, "5")]), sequence=2))) == [5_000] * 24


def test_one_auction_that_says_two_prices_for_an_interval_is_an_error():
    with pytest.raises(FeedMalformed, match="two prices for 2026-03-02T23:00Z"):
        read(series(period([(1, "5")])), series(period([(1, "6")])))
    assert micro(read(series(period([(1, "5")])), series(period([(1, "5")])))) == [5_000] * 24


@pytest.mark.parametrize(("unit", "currency"), [("KWH", "EUR"), ("MWH", "GBP"), ("EUR", "EUR")])
def test_another_unit_or_currency_is_refused(unit, currency):
    with pytest.raises(FeedMalformed, match=f"got {currency} per {unit}"):
        read(series(period([(1, "5")]), unit=unit, currency=currency))


def test_prices_are_decimals_to_the_last_digit():
    assert micro(read(series(period([(1, "85.4005")])))) == [85_401] * 24


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (period([(1, "5"), (25, "6")]), "position 25 in a Period of 24"),
        (period([(1, "5"), (1, "6")]), "stands twice"),
        (period([(1, "NaN")]), "expected a position and a price"),
        (period([(1, "dear")]), "expected a price"),
        (period([("first", "5")]), "expected a position"),
        (period([(1, "5")], resolution="P1D"), "unknown resolution"),
        (period([(1, "5")], end="2026-03-03T22:30Z"), "in steps of 3600 s"),
        (period([(1, "5")], end=START), "in steps of 3600 s"),
        (period([(1, "5")], start="2026-03-02T23:00"), "expected a UTC time"),
        (period([(1, "5")], start="yesterday"), "expected a UTC time"),
        (period([(1, "")]), "Point without price.amount"),
        (period([]), "without position 1"),
    ],
)
def test_what_breaks_the_format_is_named(broken, says):
    with pytest.raises(FeedMalformed, match=says):
        read(series(broken))


def test_an_unknown_curve_type_is_refused():
    with pytest.raises(FeedMalformed, match="A05"):
        read(series(period([(1, "5")]), curve_type="A05"))


def test_an_acknowledgement_says_that_nothing_is_published():
    with pytest.raises(NotPublished, match="No matching data found"):
        parse(acknowledgement("No matching data found"), NOW)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>Sorry", "not an XML document"),
        (b"", "not an XML document"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "not an XML document"),
        (b"<Unknown_MarketDocument/>", "got Unknown_MarketDocument"),
    ],
)
def test_another_document_is_refused(body, says):
    with pytest.raises(FeedMalformed, match=says):
        parse(body, NOW)


def test_slots_carry_their_source_revision_quality_and_time_of_fetching():
    found = read(series(period([(1, "5")])), revision=3)[0]
    assert (found.source, found.revision, found.quality, found.fetched_at) == ("entsoe", 3, Quality.PRELIMINARY, NOW)


# --- over HTTP ----------------------------------------------------------------


def feed(answer, seen=None):
    def handle(request):
        if seen is not None:
            seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    return Entsoe(client, lambda: NOW, "s3cr3t", "https://entsoe.test/api")


async def test_a_day_is_asked_for_from_local_midnight_to_local_midnight():
    seen = []
    body = document(series(period([(1, "90")], "2026-03-28T23:00Z", "2026-03-29T22:00Z", "PT15M")))
    found = await feed(httpx.Response(200, content=body), seen).fetch("NL", date(2026, 3, 29))
    assert len(found) == 92
    assert dict(seen[0].url.params) == {
        "securityToken": "s3cr3t",
        "documentType": "A44",
        "in_Domain": "10YNL----------L",
        "out_Domain": "10YNL----------L",
        "periodStart": "202603282300",
        "periodEnd": "202603292200",
    }


async def test_slots_of_other_days_are_left_out():
    two_days = document(series(period([(1, "1")], end="2026-03-04T23:00Z")))
    found = await feed(httpx.Response(200, content=two_days)).fetch("NL", date(2026, 3, 4))
    assert [found[0].start, found[-1].end] == [
        datetime(2026, 3, 3, 23, tzinfo=UTC),
        datetime(2026, 3, 4, 23, tzinfo=UTC),
    ]
    with pytest.raises(NotPublished):
        await feed(httpx.Response(200, content=two_days)).fetch("NL", date(2026, 3, 5))


@pytest.mark.parametrize("status", [200, 400])
async def test_an_acknowledgement_means_not_published_with_either_status(status):
    answer = httpx.Response(status, content=acknowledgement("No matching data found"))
    with pytest.raises(NotPublished):
        await feed(answer).fetch("NL", date(2026, 3, 3))


@pytest.mark.parametrize(
    ("answer", "says", "wait"),
    [
        (httpx.Response(401), "check the token", None),
        (httpx.Response(429, headers={"Retry-After": "600"}), "429", 600),
        (httpx.Response(503, headers={"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}), "503", None),
        (httpx.Response(302, headers={"Location": "https://elsewhere.test"}), "302", None),
        (httpx.ConnectTimeout("https://entsoe.test/api?securityToken=s3cr3t"), "ConnectTimeout", None),
        (httpx.Response(200, content=b"<html>"), "not an XML document", None),
    ],
)
async def test_a_feed_that_cannot_be_used_says_so_without_the_token(answer, says, wait):
    with pytest.raises(FeedUnavailable, match=says) as caught:
        await feed(answer).fetch("NL", date(2026, 3, 3))
    assert caught.value.retry_after_s == wait
    assert "s3cr3t" not in str(caught.value)


async def test_the_token_never_reaches_a_log(caplog):
    body = document(series(period([(1, "90")])))
    with caplog.at_level(logging.DEBUG):
        await feed(httpx.Response(200, content=body)).fetch("NL", date(2026, 3, 3))
    assert "s3cr3t" not in caplog.text


async def test_an_unknown_zone_is_named():
    with pytest.raises(FeedUnavailable, match="unknown price zone 'XX', expected one of NL"):
        await feed(httpx.Response(200)).fetch("XX", date(2026, 3, 3))


# --- recorded answers of the service ------------------------------------------


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "slots", "day"),
    [
        ("a44_nl_dst92_2026-03-29.xml", 92, date(2026, 3, 29)),
        ("a44_nl_normal96_2026-11-20.xml", 96, date(2026, 11, 20)),
        ("a44_nl_dst100_2026-10-25.xml", 100, date(2026, 10, 25)),
    ],
)
async def test_a_sample_day_is_read_whole(shared_dir, name, slots, day):
    body = (shared_dir / "samples" / name).read_bytes()
    found = await feed(httpx.Response(200, content=body)).fetch("NL", day)
    assert len(found) == slots
    assert all(after.start == before.end for before, after in pairwise(found))


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("entsoe_A44_BE_60M.xml", {3600: 24}),
        ("entsoe_A44_BE_60M_15M_mix.xml", {900: 192, 3600: 24}),
        ("entsoe_A44_BE_15M_exact4.xml", {900: 4}),
        ("entsoe_A44_DE_60M_15M_overlap.xml", {3600: 48}),
    ],
)
def test_a_recorded_document_is_read_with_its_resolutions(shared_dir, name, lengths):
    found = parse((shared_dir / "data/fixtures" / name).read_bytes(), NOW)
    assert {seconds: sum(slot.seconds == seconds for slot in found) for seconds in lengths} == lengths
    assert len(found) == sum(lengths.values())


@pytest.mark.realdata
def test_recorded_refusals_are_told_apart(shared_dir):
    fixtures = shared_dir / "data/fixtures"
    with pytest.raises(NotPublished, match="No matching data found"):
        parse((fixtures / "entsoe_acknowledgement.invalidrequest.xml").read_bytes(), NOW)
    with pytest.raises(FeedMalformed, match="Unknown_MarketDocument"):
        parse((fixtures / "entsoe_invalid.xml").read_bytes(), NOW)
    with pytest.raises(FeedMalformed, match="got EUR per EUR"):
        parse((fixtures / "entsoe_publication.a03curvetype.xml").read_bytes(), NOW)


@pytest.mark.realdata
def test_a_recorded_curve_of_changes_repeats_its_prices(shared_dir):
    body = (shared_dir / "data/fixtures/entsoe_publication.a03curvetype.xml").read_bytes()
    # the fixture is of a border auction that names its currency as the unit
    body = body.replace(b"<price_Measure_Unit.name>EUR<", b"<price_Measure_Unit.name>MWH<")
    found = parse(body, NOW)
    assert micro(found) == [50_000, 50_000, 55_000, 55_000, 55_000, 60_000]
    assert found[1].start - found[0].start == timedelta(hours=1)


@pytest.mark.realdata
def test_a_position_beyond_its_interval_is_refused_and_order_does_not_matter(shared_dir):
    # The fixture was edited by hand: position 3 in an interval of two hours, and positions out of order.
    body = (shared_dir / "data/fixtures/entsoe_A44_BE_15M_avg.xml").read_bytes()
    with pytest.raises(FeedMalformed, match="position 3 in a Period of 2"):
        parse(body, NOW)
    found = parse(body.replace(b"2024-10-06T05:00Z", b"2024-10-06T06:00Z"), NOW)
    assert micro(found)[:12] == [55_350, 40_320, 31_860, 28_710] + [44_220] * 6 + [28_370] * 2
    assert [slot.price_micro_per_kwh for slot in found if slot.seconds == 3600] == [64_980, 64_980, 57_860]
