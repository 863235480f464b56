"""A list of stations as operators have it (CSV): read row by row, each fault named by its row and column."""

import csv
import io
from typing import Any

import msgspec

from shared.forwarding import StationKey
from shared.stations import Identity, StationPowerW
from shared.vehicles import Name, Phases

REQUIRED = ("identity", "key", "location")
OPTIONAL = ("max_w", "phases")
ROWS_MAX = 500


class ListedStation(msgspec.Struct, frozen=True):
    """A row: the station, the key that it signs in with, where it stands, and what it can do (11 kW, three phases)."""

    identity: Identity
    key: StationKey
    location: Name
    max_w: StationPowerW = 11_040
    phases: Phases = 3


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and where: "row 3, key" (the header is row 1), "header" or "list"."""

    where: str
    why: str


def read(text: str) -> list[ListedStation] | list[Fault]:
    """All stations of a list, or all that is wrong with it. Columns by name in any order, separated by , or ;."""
    text = text.removeprefix("\ufeff")
    header, _, _ = text.partition("\n")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",")
    try:
        found = [(rows.line_num, [cell.strip() for cell in row]) for row in rows]
    except csv.Error as error:
        return [Fault(f"row {rows.line_num}", f"this is no CSV: {error}")]
    found = [(number, cells) for number, cells in found if any(cells)]
    if len(found) < 2:
        return [Fault("list", f"a header ({', '.join(REQUIRED)}) and a row for each station are wanted")]
    if len(found) > ROWS_MAX + 1:
        return [Fault("list", f"at most {ROWS_MAX} stations at a time: send the others under the same name afterwards")]
    columns = [cell.lower() for cell in found[0][1]]
    faults = _header(columns)
    return faults or _rows(columns, found[1:])


def _header(columns: list[str]) -> list[Fault]:
    missing = [name for name in REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in REQUIRED + OPTIONAL]
    faults = [Fault("header", f"the column {name} is missing") for name in missing]
    faults += [Fault("header", f"the column {name!r} is not known") for name in unknown]
    if len(set(columns)) < len(columns):
        faults.append(Fault("header", "a column stands there twice"))
    return faults


def _rows(columns: list[str], rows: list[tuple[int, list[str]]]) -> list[ListedStation] | list[Fault]:
    stations, faults = [], []
    first: dict[str, int] = {}
    for number, cells in rows:
        if len(cells) != len(columns):
            faults.append(Fault(f"row {number}", f"{len(cells)} cells under {len(columns)} columns"))
            continue
        said = {name: cell for name, cell in zip(columns, cells, strict=True) if cell or name in REQUIRED}
        wrong = _wrong(number, said)
        same = first.setdefault(said["identity"], number)
        if same != number:
            wrong.append(Fault(f"row {number}, identity", f"the same station as in row {same}"))
        faults += wrong
        if not wrong:
            stations.append(msgspec.convert(said, ListedStation, strict=False))
    return faults or stations


def _wrong(number: int, said: dict[str, str]) -> list[Fault]:
    """Each cell is judged on its own, so that one upload tells all that is to be mended."""
    faults = []
    for field in msgspec.structs.fields(ListedStation):
        if field.name not in said:
            continue
        why = _complaint(said[field.name], field.type)
        if why:
            faults.append(Fault(f"row {number}, {field.name}", why))
    return faults


def _complaint(cell: str, kind: Any) -> str:  # noqa: ANN401 -- a field's type
    if not cell:
        return "is required"
    try:
        msgspec.convert(cell, kind, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
    return ""
