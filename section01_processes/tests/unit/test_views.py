import io
import re
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section01_processes import ProcessStat, ProcessTree
from section01_processes.usage import Usage, cpu_percent, parse_io
from section01_processes.views.drawing import DEEPEST, dot_string, draw, draw_dot
from section01_processes.views.labels import Labels, group_text
from section01_processes.views.screen import Scroll, split_keys
from section01_processes.views.text import fit, harmless, has_line_art, paint, valid_text, wants_colour
from section01_processes.views.topping import Wishes
from section01_processes.views.usagetable import SORT_KEYS, amount, arrange
from section01_processes.views.watching import Watcher, compare

LINE = (
    "{pid} ({comm}) {state} {ppid} {pgrp} {sid} {tty} {fg} 0 1 2 3 4 {cpu} 0 5 6 20 0 {threads} 0 {start} 1000 {rss} 0"
)


def stat(pid, ppid=1, comm="sh", state="S", pgrp=7, sid=8, tty=0, fg=-1, threads=1, start=5, rss=10, cpu=0):
    return ProcessStat.parse(LINE.format(**locals()))


def picture(*stats):
    return ProcessTree(stats)


def none(_):
    return []


def name(stat):
    return f"{stat.pid} {stat.comm}"


# --- text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sh", "sh"),
        ("a) (b", "a) (b"),
        ("日本", "日本"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\tc\x7f", r"a\x0ab\x09c\x7f"),
        ("caf\udce9", r"caf\xe9"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\x9b2J", r"\x9b2J"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_names_lose_their_power_and_keep_their_letters(text, shown):
    assert harmless(text) == shown


@given(st.binary(max_size=40))
def test_whatever_the_bytes_what_is_shown_can_be_printed(data):
    text = data.decode(errors="surrogateescape")
    assert harmless(text).isprintable()
    harmless(text).encode()
    valid_text(text).encode()


def test_json_text_keeps_all_but_what_is_no_unicode():
    assert valid_text("a\nb\udcff") == "a\nb\\xff"


@given(st.text(st.characters(exclude_categories=["C"]), max_size=30), st.integers(0, 30))
def test_text_is_cut_by_cells(text, width):
    from rich.cells import cell_len

    assert cell_len(fit(text, width)) <= width
    if cell_len(text) <= width:
        assert fit(text, width) == text


def test_a_wide_letter_is_not_cut_in_half():
    assert fit("日本語", 4) == "日…"


def stream(*, tty=True, encoding="utf-8"):
    return types.SimpleNamespace(isatty=lambda: tty, encoding=encoding)


def test_colour_needs_a_terminal_and_no_veto(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour(stream())
    assert not wants_colour(stream(tty=False))
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(stream())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(stream())
    assert paint("x", "red", False) == "x"


def test_lines_are_drawn_with_what_the_terminal_can_show():
    assert has_line_art(stream())
    assert not has_line_art(stream(encoding="latin-1"))


# --- the drawing

FAMILY = picture(stat(1, 0, "init"), stat(10, comm="a"), stat(11, 10, "b"), stat(12, 10, "c"), stat(20, comm="d"))


def test_a_tree_is_drawn_parents_first():
    assert [line for _, line in draw(FAMILY, [1], name, none)] == [
        "1 init",
        "├─ 10 a",
        "│  ├─ 11 b",
        "│  └─ 12 c",
        "└─ 20 d",
    ]


def test_the_same_in_ascii():
    lines = [line for _, line in draw(FAMILY, [10], name, none, line_art=False)]
    assert lines == ["10 a", "|- 11 b", "`- 12 c"]


def test_threads_stand_before_the_children():
    lines = list(draw(FAMILY, [10], name, lambda s: ["{15 t}", "{16 t}"] if s.pid in (10, 12) else []))
    assert lines == [
        (10, "10 a"), (0, "├─ {15 t}"), (0, "├─ {16 t}"), (11, "├─ 11 b"), (12, "└─ 12 c"),
        (0, "   ├─ {15 t}"), (0, "   └─ {16 t}"),
    ]  # fmt: skip


def test_a_very_deep_chain_stays_narrow():
    chain = picture(*(stat(n, n - 1) for n in range(1, 2001)))
    lines = [line for _, line in draw(chain, [1], name, none)]
    assert len(lines) == 2000
    assert max(map(len, lines)) < DEEPEST * 3 + 40
    assert lines[-1].endswith("1999 deep: 2000 sh")


def test_states_worth_telling_are_told_in_words():
    labels = Labels()
    assert labels.text(stat(5, state="Z")) == "5 sh (zombie)"
    assert labels.text(stat(5, state="S")) == "5 sh"
    assert labels.text(stat(5, comm="\x1b[2J")) == r"5 \x1b[2J"


def test_groups_tell_leaders_and_the_foreground():
    leader = stat(8, pgrp=8, sid=8, tty=136 << 8 | 3, fg=9)
    assert group_text(leader) == "sid 8 (leader) pgid 8 (leader) pts/3"
    assert group_text(stat(10, pgrp=9, sid=8, tty=136 << 8 | 3, fg=9)) == "sid 8 pgid 9 pts/3 foreground"
    assert group_text(stat(11, pgrp=9, sid=8)) == "sid 8 pgid 9"


# --- graphviz

TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[{}\[\];,=]|[A-Za-z_][A-Za-z_0-9]*)')


def parse_dot(text):
    """Parse the part of the DOT language that we write; return labels by node, and edges. Raises on anything else."""
    tokens, place = [], 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        assert match, text[place : place + 40]
        tokens.append(match[1])
        place = match.end()
    assert tokens[:3] == ["digraph", "processes", "{"]
    assert tokens[-1] == "}"
    statements, current = [], []
    for token in tokens[3:-1]:
        if token == ";":
            statements.append(current)
            current = []
        else:
            current.append(token)
    assert current == []
    labels = {s[0]: s[4] for s in statements if s[1:4] == ["[", "label", "="]}
    return labels, {(s[0], s[2]) for s in statements if s[1] == "->"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=15))
def test_any_name_can_stand_in_a_graph(comm):
    tree = picture(stat(1, 0, "init"), stat(2, 1, comm or "x"))
    labels, edges = parse_dot("\n".join(draw_dot(tree, [1], Labels().text, none)))
    assert edges == {("p1", "p2")}
    plain = labels["p2"][1:-1].replace('\\"', '"').replace("\\\\", "\\")
    assert plain == f"2 {harmless(comm or 'x')}"


def test_quotes_and_backslashes_of_a_label():
    assert dot_string('a"b\\l') == '"a\\"b\\\\l"'


def test_threads_hang_on_their_process_in_the_graph():
    _, edges = parse_dot("\n".join(draw_dot(FAMILY, [10], name, lambda s: ["{15 t}"] if s.pid == 10 else [])))
    assert edges == {("p10", "p10_1"), ("p10", "p11"), ("p10", "p12")}


# --- watching


def test_new_gone_and_given_out_again():
    before = {1: stat(1), 2: stat(2), 3: stat(3, start=5)}
    now = {1: stat(1), 3: stat(3, start=9), 4: stat(4)}
    assert compare(before, now) == ({3, 4}, {2, 3})


def test_a_watcher_of_everybody_marks_nothing_at_first():
    watcher = Watcher()
    assert watcher.look()
    assert (watcher.new, watcher.gone) == (set(), set())
    assert 1 in watcher.picture.processes


# --- the screen


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]), (b"\x1b[A\x1b[6~q", ["up", "page down", "q"]), (b"\x1bOB", ["down"]), (b"\x1b", ["escape"]),
        ("ä/".encode(), ["ä", "/"]), (b"\x1b[1;5Cx", ["x"]), (b"\r\x7f", ["enter", "backspace"]), (b"", []),
        (b"\x1b[", []),
    ],
)  # fmt: skip
def test_keys(data, keys):
    assert split_keys(data) == keys


@given(st.binary(max_size=30))
def test_no_bytes_hang_the_keyboard(data):
    assert len(split_keys(data)) <= len(data)


def test_scrolling_stays_inside():
    scroll = Scroll()
    assert scroll.part(100, 10) == slice(0, 10)
    assert scroll.move("page down")
    assert scroll.part(100, 10) == slice(10, 20)
    scroll.move("end")
    assert scroll.part(100, 10) == slice(90, 100)
    assert scroll.part(5, 10) == slice(0, 10)
    assert not scroll.move("x")


# --- top


def usage(pid, cpu=None, memory=0, **fields):
    return Usage(stat(pid, rss=memory, **fields), cpu)


def test_the_table_is_sorted_with_the_largest_first_and_pids_and_names_from_the_start():
    rows = [usage(3, 1.0, 5, comm="b"), usage(1, 9.0, 1, comm="C"), usage(2, None, 9, comm="a", threads=4)]
    order = {sort: [u.stat.pid for u in arrange(rows, sort)] for sort in SORT_KEYS}
    assert order["cpu"] == [1, 3, 2]
    assert order["memory"] == [2, 3, 1]
    assert order["threads"] == [2, 1, 3]
    assert order["pid"] == [1, 2, 3]
    assert order["name"] == [2, 3, 1]
    assert [u.stat.pid for u in arrange(rows, "pid", reverse=True)] == [3, 2, 1]
    assert [u.stat.pid for u in arrange(rows, "state")] == [1, 2, 3]


def test_a_filter_takes_parts_of_names_and_whole_pids():
    rows = [usage(12, comm="Bash"), usage(1, comm="sh"), usage(2, comm="init")]
    assert [u.stat.pid for u in arrange(rows, "pid", "SH")] == [1, 12]
    assert [u.stat.pid for u in arrange(rows, "pid", "2")] == [2]


def test_keys_change_what_is_wished_for():
    wishes = Wishes()
    for key in ("m", "m", "/", "s", "x", "backspace", "h", "q", "enter", " "):
        assert wishes.press(key)
    assert (wishes.sort, wishes.reverse, wishes.filter, wishes.paused) == ("memory", True, "shq", True)
    assert wishes.note() == "sorted by memory, reversed, filter 'shq', paused"
    assert wishes.press("escape")
    assert wishes.filter == ""
    assert not wishes.press("q")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0"), (812, "812"), (999.6, "1.0K"), (1536, "1.5K"), (10 << 20, "10M"), (1 << 30, "1.0G"),
     (5 << 50, "5120T")],
)  # fmt: skip
def test_amounts(value, text):
    assert amount(value) == text


def test_cpu_is_the_ticks_between_two_looks():
    import os

    ticks = os.sysconf("SC_CLK_TCK")
    assert cpu_percent(stat(1, cpu=10), stat(1, cpu=10 + ticks), 2.0) == 50.0
    assert cpu_percent(stat(1, cpu=10), stat(1, cpu=10), 0.0) == 0.0


def test_io_counters_are_those_of_the_man_page():
    text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n"
    assert parse_io(text) == (1, 2, 5, 6)
