"""Wishes for id maps and clocks: what a user writes, what a file gives, what comes out."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section02_namespaces import IdMap, IdMapError, NamespaceError, check_id_map
from section02_namespaces.mapping import Maps, _after_root, id_inside, map_root, parse_map
from section02_namespaces.subids import explain_refusal, parse_subids, subordinate_ids
from section02_namespaces.timens import LARGEST_CLOCK, LARGEST_OFFSET, check_offset, parse_offset

SUBUID = """\
# who may map what
alice:100000:65536
bob:165536:65536   # his
1000:400000:10
alice:300000:5
broken
alice:x:5
alice:500000:0
"""


def test_subordinate_ids_are_given_by_name_or_number_in_several_lines():
    assert parse_subids(SUBUID, 1000, "alice") == [(100000, 65536), (400000, 10), (300000, 5)]
    assert parse_subids(SUBUID, 1000) == [(400000, 10)]
    assert parse_subids(SUBUID, 1001, "bob") == [(165536, 65536)]
    assert parse_subids(SUBUID, 0, "root") == []


def test_without_the_file_nobody_has_any(tmp_path):
    assert subordinate_ids(str(tmp_path / "none"), 0) == []


@pytest.mark.parametrize("text", ["", "1", "1:2", "1:2:3:4", "a:2:3", "1:2:-3", "1: 2:3", "1:2:٣"])
def test_a_map_is_three_numbers(text):
    with pytest.raises(IdMapError, match="cannot read the id map") as caught:
        parse_map(text)
    assert caught.value.exit_code == 2
    assert parse_map("0:100000:65536") == IdMap(0, 100000, 65536)


def test_root_inside_is_who_asks():
    assert map_root().users == [IdMap(0, os.geteuid(), 1)]
    assert not Maps()
    assert Maps(groups=[IdMap(0, 0, 1)])


@given(st.integers(0, 1 << 20), st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(0, 1 << 20))
def test_ranges_follow_root_without_gap_or_overlap_also_when_one_holds_the_own_id(own, counts, first):
    ranges = []
    for count in counts:
        ranges.append((first, count))
        first += count
    lines = _after_root(own, ranges)
    check_id_map(lines)
    assert lines[0] == (0, own, 1)
    mapped = sum(line.count for line in lines)
    assert max(line.inside + line.count for line in lines) == mapped
    assert mapped == 1 + sum(counts) - any(begin <= own < begin + count for begin, count in ranges)


def test_who_is_mapped_stays_and_who_is_not_becomes_the_first():
    assert id_inside(1000, []) is None
    assert id_inside(1000, [IdMap(0, 5, 1), IdMap(7, 999, 2)]) is None
    assert id_inside(1000, [IdMap(5, 5000, 1), IdMap(0, 6000, 1)]) == 0
    assert id_inside(1000, [IdMap(7, 5000, 1)]) == 7


def test_a_refusal_names_the_ids_that_are_not_the_users():
    said = explain_refusal("uid_map", [IdMap(0, 4294960000, 1), IdMap(1, 5, 3)], 4294960000)
    assert said == "ids 5 to 7 are not all yours; /etc/subuid gives user 4294960000: none"
    assert explain_refusal("uid_map", [IdMap(0, 4294960000, 1)], 4294960000).startswith("see /etc/subuid")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", (0, 0)),
        ("86400", (86400, 0)),
        ("+1", (1, 0)),
        ("-3600", (-3600, 0)),
        ("1.5", (1, 500000000)),
        ("-1.5", (-2, 500000000)),
        ("-0.000000001", (-1, 999999999)),
    ],
)
def test_an_offset_is_seconds_and_positive_nanoseconds(text, value):
    assert parse_offset(text) == value


@pytest.mark.parametrize("text", ["", "-", "1.", ".5", "1e3", "--1", "+-1", "1.0000000001", "1h", "٣"])
def test_what_is_no_offset_is_said(text):
    with pytest.raises(NamespaceError, match="cannot read --boottime"):
        parse_offset(text, "--boottime")


def test_a_clock_stays_between_zero_and_the_kernels_limit():
    second = 10**9
    check_offset("boottime", (-100, 0), 100 * second)
    with pytest.raises(NamespaceError, match=r"before its zero: .* at 100\.000 s .the smallest offset is -100"):
        check_offset("boottime", (-101, 999999999), 100 * second)
    check_offset("monotonic", (LARGEST_CLOCK, 0), 0)
    with pytest.raises(NamespaceError, match="beyond 4611686018 seconds"):
        check_offset("monotonic", (LARGEST_CLOCK, 0), second)
    with pytest.raises(NamespaceError, match="the largest there is"):
        check_offset("monotonic", (LARGEST_OFFSET + 1, 0), 0)
