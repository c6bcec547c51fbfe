"""The explorer's pure parts: mount tables, values, words, trees."""

import pytest

from section02_namespaces import Found, NamespaceError, Survey
from section02_namespaces.cli.find import inode_number
from section02_namespaces.cli.ls import chosen_columns
from section02_namespaces.explore import hierarchy
from section02_namespaces.explore.compare import Difference, compare, inode_of, links_of
from section02_namespaces.explore.mounts import namespace_mounts, read_mounts
from section02_namespaces.explore.rows import COLUMNS, Rows, held, partial_view, printable, table, user_name

pytestmark = pytest.mark.lane("host")

TABLE = rb"""22 28 0:21 / /proc rw,nosuid - proc proc rw
310 28 0:4 net:[4026532000] /run/netns/blue rw shared:7 master:2 - nsfs nsfs rw
311 28 0:4 uts:[4026532001] /tmp/a\040b\134c\012d\303\251 rw - nsfs nsfs rw
312 28 8:1 /net:[1] /srv/x rw - ext4 /dev/sda1 rw
313 28 0:30 / /srv/a\040-\040nsfs\040b rw - tmpfs a\040-\040nsfs\040b rw
314 28 0:4 mnt:[4026532002] /x
"""


def test_the_lines_of_namespaces_with_escapes_and_optional_fields():
    table = TABLE.replace(rb"\303\251", "é".encode())
    assert namespace_mounts(table) == [
        ("net:[4026532000]", "/run/netns/blue"),
        ("uts:[4026532001]", "/tmp/a b\\c\ndé"),
    ]


def test_a_table_without_namespaces_and_readers_that_are_gone():
    assert namespace_mounts(b"") == []
    assert read_mounts([4194304, 4194303]) == []


def found(kind, inode, **values):
    space = Found(kind, inode)
    for name, value in values.items():
        setattr(space, name, value)
    return space


def survey_of(*spaces):
    survey = Survey()
    survey.spaces = {space.inode: space for space in spaces}
    return survey


def test_what_keeps_a_namespace_alive():
    assert found("net", 1).kept_by == []
    everything = found("user", 1, pids=[5], threads=[(6, 7)], heirs=[8], mounts=[("/a", 2)], descriptors=[(9, 3)],
                       children=[11], owned=[12])  # fmt: skip
    assert everything.kept_by == ["process", "thread", "child", "mount", "descriptor", "children", "owned"]
    assert everything.first == 5
    assert found("net", 1, descriptors=[(9, 3), (4, 4)], threads=[(6, 7)]).first == 4
    assert found("net", 1, mounts=[("/a", 2)]).first == 0


def test_words_name_the_first_of_each_sort_and_count_the_rest():
    space = found("net", 1, mounts=[("/a\x1b", 2), ("/b", 2), ("/c", 3)], descriptors=[(9, 3)], heirs=[4])
    assert held(space) == ["/a\\x1b (+2)", "fd 3 of 9", "next child of 4"]
    assert held(space, most=2)[:2] == ["/a\\x1b", "/b (+1)"]
    assert held(found("user", 1, children=[2, 3], owned=[4])) == ["2 below it", "1 that it owns"]
    assert held(found("user", 1, pids=[1], children=[2, 3])) == []


def test_a_row_has_plain_values_and_cells_have_dashes():
    space = found("net", 4026532000, mounts=[("/a", 2)], owner=1)
    row = Rows().row(space)
    assert (row["pid"], row["command"], row["user"], row["name"]) == (None, None, None, None)
    assert row["mounts"] == [{"path": "/a", "mount_namespace": 2}]
    assert Rows().cells(space, ["inode", "pid", "processes", "parent", "held"]) == ["4026532000", "-", "0", "-", "/a"]
    assert table(["INODE", "NAME"], [["1", "a"], ["22", ""]]) == ["INODE NAME", "    1 a", "   22"]


def test_names_cannot_fool_a_terminal():
    assert printable("sh é") == "sh é"
    assert printable("a\x1b[31m\u202e\udcff") == "a\\x1b[31m\\u202e\\udcff"
    assert user_name(0) == "root"
    assert user_name(4000000001) == "4000000001"
    assert partial_view(1).startswith("nsman: partial view: 1 process could not be read; ")


def test_survey_is_in_the_order_of_kinds_and_inodes():
    survey = Survey()
    for link in ("pid:[3]", "user:[9]", "net:[5]", "net:[4]", "net:[5]"):
        survey.at(link)
    assert [space.inode for space in survey] == [9, 4, 5, 3]


def test_trees_of_user_namespaces_with_what_they_own():
    survey = survey_of(
        found("user", 1), found("user", 2, parent=1, owner=1), found("user", 3, parent=2, owner=2),
        found("user", 4, parent=99, owner=99), found("net", 5, owner=2), found("pid", 6, owner=1),
        found("pid", 7, owner=2, parent=6), found("uts", 8),
    )  # fmt: skip
    roots = hierarchy.grow(survey, "user", owned=True)
    drawn = [line for root in roots for line in hierarchy.draw(root, lambda s: f"{s.kind}{s.inode}", hierarchy.ASCII)]
    assert drawn == [
        "user1", "|- pid6", "`- user2", "   |- net5", "   |- pid7", "   `- user3", "user4",
    ]  # fmt: skip
    assert [root.space.inode for root in hierarchy.grow(survey, "pid")] == [6]
    assert [space.inode for space in hierarchy.orphans(survey)] == [8]
    nested = hierarchy.nested(roots[0], lambda space: {"inode": space.inode})
    assert nested["children"][0]["owned"] == [{"inode": 5, "children": [], "owned": []},
                                              {"inode": 7, "children": [], "owned": []}]  # fmt: skip


def test_a_process_compared_with_itself():
    import os

    assert all(one.same for one in compare(os.getpid(), os.getpid()))
    assert not Difference("net", 1, None).same
    assert inode_of(links_of(os.getpid())["net"]) == os.stat("/proc/self/ns/net").st_ino
    with pytest.raises(NamespaceError, match="process 4194305 has ended"):
        links_of(4194305)


def test_what_users_type():
    assert inode_number("4026531833") == inode_number("net:[4026531833]") == 4026531833
    assert chosen_columns("Inode, held") == ["inode", "held"]
    assert set(chosen_columns(None)) < set(COLUMNS)
    for text in ("", "x", "-1", "net:[x]", "net:[]", "²", "9" * 30):
        with pytest.raises(NamespaceError, match="no namespace's inode"):
            inode_number(text)
    with pytest.raises(NamespaceError, match="there is no column 'size'"):
        chosen_columns("size")
