"""Id maps as text, and the maps that no kernel would take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section02_namespaces import IdMap, IdMapError, format_id_map


def test_a_map_is_written_line_by_line():
    assert format_id_map([IdMap(0, 1000, 1), IdMap(1, 100000, 65536)]) == b"0 1000 1\n1 100000 65536\n"


@pytest.mark.parametrize(
    ("maps", "reason"),
    [
        ([], "1 to 340 lines"),
        ([IdMap(n, n, 1) for n in range(341)], "341"),
        ([IdMap(0, 0, 0)], "no id at all"),
        ([IdMap(0, 4294967295, 2)], "outside of 0 to 4294967295"),
        ([IdMap(-1, 0, 1)], "outside of 0"),
        ([IdMap(0, 100, 10), IdMap(9, 200, 1)], "overlap inside the namespace at id 9"),
        ([IdMap(0, 100, 10), IdMap(10, 105, 1)], "overlap outside the namespace at id 105"),
    ],
)
def test_a_map_that_the_kernel_would_refuse_says_why(maps, reason):
    with pytest.raises(IdMapError, match=reason) as caught:
        format_id_map(maps)
    assert caught.value.explain == "LCM-US-01"


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=340))
def test_adjacent_ranges_never_overlap(counts):
    maps, inside = [], 0
    for count in counts:
        maps.append(IdMap(inside, 100000 + inside, count))
        inside += count
    assert format_id_map(maps[::-1]).count(b"\n") == len(counts)
