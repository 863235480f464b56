"""Price zones: where one market price holds, and what each source calls it (domain 2.1)."""

import msgspec


class PriceZone(msgspec.Struct, frozen=True):
    """A bidding zone. Its delivery day is the local calendar day of `time_zone` (IANA).

    `eic` is ENTSO-E's code, `energy_charts` that service's; None where it does not serve the zone. Prices are in EUR.
    """

    code: str
    time_zone: str
    eic: str
    energy_charts: str | None = None


ZONES: dict[str, PriceZone] = {
    zone.code: zone
    for zone in (
        PriceZone("NL", "Europe/Amsterdam", "10YNL----------L", "NL"),
        PriceZone("BE", "Europe/Brussels", "10YBE----------2", "BE"),
        PriceZone("DE-LU", "Europe/Berlin", "10Y1001A1001A82H", "DE-LU"),
        PriceZone("FR", "Europe/Paris", "10YFR-RTE------C", "FR"),
        PriceZone("AT", "Europe/Vienna", "10YAT-APG------L", "AT"),
        PriceZone("CH", "Europe/Zurich", "10YCH-SWISSGRIDZ", "CH"),
        PriceZone("DK1", "Europe/Copenhagen", "10YDK-1--------W", "DK1"),
        PriceZone("DK2", "Europe/Copenhagen", "10YDK-2--------M", "DK2"),
        PriceZone("SE3", "Europe/Stockholm", "10Y1001A1001A46L"),
        PriceZone("SE4", "Europe/Stockholm", "10Y1001A1001A47J", "SE4"),
        PriceZone("NO1", "Europe/Oslo", "10YNO-1--------2"),
        PriceZone("NO2", "Europe/Oslo", "10YNO-2--------T", "NO2"),
    )
}
"""By code. FI (auction day is the CET day) and GB (not in the coupled auction) are left out: their days differ."""
