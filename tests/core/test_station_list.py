"""A list of stations as an operator uploads it: read whole, or each fault told with its row and column."""

import pytest

from server.core import sealed, station_list
from server.core.station_list import Fault, ListedStation

KEY = "0123456789abcdef"


def test_columns_are_known_by_name_in_any_order():
    text = f'\ufeffLocation; KEY ;identity;max_w\r\nYard;{KEY};A/1;22080\r\n\r\n"Quay; east";{KEY};A/2;\r\n'
    assert station_list.read(text) == [
        ListedStation("A/1", KEY, "Yard", 22_080),
        ListedStation("A/2", KEY, "Quay; east"),
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ["list"]),
        ("identity,key,location\n", ["list"]),
        (f"identity,key\nA,{KEY}", ["header"]),
        (f"identity,key,location,colour\nA,{KEY},Yard,red", ["header"]),
        (f"identity,key,location,key\nA,{KEY},Yard,{KEY}", ["header"]),
        (f"identity,key,location\nA,{KEY}", ["row 2"]),
        (f"identity,key,location\nA,{KEY},Yard\nA,{KEY},Yard", ["row 3, identity"]),
        (f"identity,key,location\nA:B,short,\nC,{KEY},Yard", ["row 2, identity", "row 2, key", "row 2, location"]),
        (f"identity,key,location,max_w,phases\nA,{KEY},Yard,11kW,4", ["row 2, max_w", "row 2, phases"]),
        ("identity,key,location\n" + "".join(f"A{n},{KEY},Yard\n" for n in range(501)), ["list"]),
        (f'identity,key,location\nA,"{KEY},Yard', ["row 2"]),
    ],
)
def test_each_fault_is_told_with_its_place(text, where):
    found = station_list.read(text)
    assert all(isinstance(one, Fault) for one in found)
    assert [one.where for one in found] == where


def test_a_key_is_sealed_for_its_station_and_its_installation():
    shut = sealed.seal(b"secret", KEY, "A/1")
    assert KEY not in bytes.fromhex(shut).decode("latin-1")
    assert sealed.seal(b"secret", KEY, "A/1") == shut
    assert sealed.unseal(b"secret", shut, "A/1") == KEY
    assert sealed.unseal(b"other", shut, "A/1") is None
    assert sealed.unseal(b"secret", shut, "A/2") is None
    assert sealed.unseal(b"secret", "no hex", "A/1") is None
