import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section01_processes import LcmError, ProcessStat, ProcessTree
from section01_processes.status import parse_status, signal_masks, terminal_name
from section01_processes.views.drawing import roots

LINE = "{pid} ({comm}) {state} {ppid} 7 8 34816 9 4194304 1 2 3 4 50 60 5 6 20 0 3 0 12345 1000 77 184467 1 1 0 0"


def line(pid=42, comm="sh", state="S", ppid=1):
    return LINE.format(pid=pid, comm=comm, state=state, ppid=ppid)


def test_fields_are_those_of_the_man_page():
    stat = ProcessStat.parse(line())
    assert (stat.pid, stat.comm, stat.state, stat.ppid, stat.pgrp, stat.session) == (42, "sh", "S", 1, 7, 8)
    assert (stat.tty, stat.foreground, stat.utime, stat.stime) == (34816, 9, 50, 60)
    assert (stat.threads, stat.start_time, stat.rss) == (3, 12345, 77)


@given(st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), min_size=1, max_size=15))
def test_any_name_can_stand_in_the_parentheses(comm):
    assert ProcessStat.parse(line(comm=comm)).comm == comm


@pytest.mark.parametrize("comm", ["a) (b", ") R 1", "((", "x)"])
def test_names_that_look_like_the_format(comm):
    stat = ProcessStat.parse(line(comm=comm))
    assert (stat.comm, stat.state) == (comm, "S")


@pytest.mark.parametrize("text", ["", "1 sh S", "1 (sh) S 1 2"])
def test_what_is_no_stat_line_is_refused(text):
    with pytest.raises(LcmError):
        ProcessStat.parse(text)


@pytest.mark.needs("kernel")
def test_own_line_agrees_with_the_system_calls():
    stat = ProcessStat.of("self")
    assert (stat.pid, stat.ppid, stat.pgrp, stat.session) == (os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0))


def tree(*pairs):
    return ProcessTree(ProcessStat.parse(line(pid=pid, ppid=ppid, state=s)) for pid, ppid, s in pairs)


def test_a_tree_is_walked_parents_first_children_by_pid():
    picture = tree((1, 0, "S"), (30, 1, "S"), (20, 1, "S"), (25, 20, "Z"))
    assert [(depth, stat.pid) for depth, stat in picture.walk(1)] == [(0, 1), (1, 20), (2, 25), (1, 30)]
    assert roots(picture) == [1]
    assert roots(picture, 20) == [20]
    assert [stat.pid for stat in picture.zombies()] == [25]
    with pytest.raises(LcmError, match="no process 99"):
        list(picture.walk(99))


def test_masks_are_names():
    fields = parse_status(
        "Name:\tsh\nSigPnd:\t0000000000000000\nSigIgn:\t0000000000001000\nSigBlk:\t8000000000000001\n"
    )
    assert fields["Name"] == "sh"
    masks = signal_masks(fields)
    assert masks["ignored"] == ["SIGPIPE"]
    assert masks["blocked"] == ["SIGHUP", "SIGRTMIN+30"]


def test_terminals_have_names():
    assert terminal_name(0) is None
    assert terminal_name(os.makedev(136, 3)) == "pts/3"
    assert terminal_name(os.makedev(137, 1)) == "pts/257"
    assert terminal_name(os.makedev(4, 1)) == "tty1"
