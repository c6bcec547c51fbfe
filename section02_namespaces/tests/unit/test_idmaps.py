"""Id maps, and the maps that no kernel would take."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section02_namespaces import IdMap, IdMapError, check_id_map


def test_a_line_of_a_map_has_names_and_is_its_numbers():
    line = IdMap(1, 100000, 65536)
    assert (line.inside, line.outside, line.count) == line == IdMap(*line)


@pytest.mark.parametrize(
    ("maps", "reason"),
    [
        ([], "1 to 340 lines"),
        ([IdMap(n, n, 1) for n in range(341)], "341"),
        ([IdMap(10**9 + n, 10**9 + n, 1) for n in range(340)], "less than a page"),
        ([IdMap(0, 0, 0)], "no id at all"),
        ([IdMap(0, 4294967295, 2)], "outside of 0 to 4294967295"),
        ([IdMap(-1, 0, 1)], "outside of 0"),
        ([IdMap(0, 100, 10), IdMap(9, 200, 1)], "overlap inside the namespace at id 9"),
        ([IdMap(0, 100, 10), IdMap(10, 105, 1)], "overlap outside the namespace at id 105"),
    ],
)
def test_a_map_that_the_kernel_would_refuse_says_why(maps, reason, monkeypatch):
    monkeypatch.setattr(os, "sysconf", {"SC_PAGESIZE": 4096}.get)  # aarch64 may have larger ones
    with pytest.raises(IdMapError, match=reason) as caught:
        check_id_map(maps)
    assert caught.value.explain == "LCM-US-01"


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=200))  # of more the text is longer than a page
def test_adjacent_ranges_never_overlap(counts):
    maps, inside = [], 0
    for count in counts:
        maps.append(IdMap(inside, 100000 + inside, count))
        inside += count
    check_id_map(maps[::-1])
    maps.append(IdMap(inside, 100000 + inside - 1, 1))  # one too near
    with pytest.raises(IdMapError, match=r"1 to 340 lines|overlap outside"):
        check_id_map(maps)
