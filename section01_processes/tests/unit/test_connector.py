import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section01_processes.connector import (
    CN_MSG,
    EVENTS,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSGHDR,
    PROC_EVENT,
    Connector,
    ConnectorError,
    Event,
    parse,
    request,
)
from section01_processes.details import parse_cgroup, short_cgroups
from section01_processes.happenings import Follower, Happening, ending

NUMBERS = {name: number for number, (name, _, _) in EVENTS.items()}


def message(kind, *values, cpu=0, sequence=0, ack=0, what=None):
    """Return one netlink message as the kernel would send it."""
    body = EVENTS[NUMBERS[kind]][1].pack(*values).ljust(24, b"\0")  # the union has the size of its largest member
    event = PROC_EVENT.pack(NUMBERS[kind] if what is None else what, cpu, 123) + body
    connector = CN_MSG.pack(1, 1, sequence, ack, len(event), 0) + event
    return NLMSGHDR.pack(NLMSGHDR.size + len(connector), NLMSG_DONE, 0, sequence, 0) + connector


def test_the_layout_is_that_of_the_headers():
    assert (NLMSGHDR.size, CN_MSG.size, PROC_EVENT.size) == (16, 20, 16)
    assert message("fork", 1, 1, 2, 2)[:4] == (76).to_bytes(4, "little")  # as Linux sends it: 16 + 20 + 40


def test_each_kind_has_its_fields():
    data = message("fork", 10, 11, 12, 13) + message("exit", 1, 2, 0x300, 17, 3, 4) + message("comm", 5, 6, b"ab\0junk")
    fork, gone, comm = parse(data)
    assert fork.fields == {"parent_pid": 10, "parent_tgid": 11, "pid": 12, "tgid": 13}
    assert (gone.kind, gone.fields["status"], gone.fields["parent_tgid"], gone.nanoseconds) == ("exit", 0x300, 4, 123)
    assert comm.fields == {"pid": 5, "tgid": 6, "comm": "ab"}


def test_a_kind_of_a_later_kernel_keeps_its_place_in_the_count():
    (event,) = parse(message("exec", 1, 2, what=0x800, sequence=9))
    assert (event.kind, event.fields, event.sequence) == ("0x800", {}, 9)


def test_what_the_kernel_refuses_is_an_error():
    with pytest.raises(ConnectorError, match="Operation not permitted"):
        parse(NLMSGHDR.pack(20, NLMSG_ERROR, 0, 0, 0) + (-1).to_bytes(4, "little", signed=True))


@given(st.binary(max_size=120))
def test_no_bytes_break_the_parser(data):
    try:
        parse(data)
    except ConnectorError:
        pass


def test_a_request_asks_to_listen():
    data = request(1, 77)
    assert len(data) == 40
    assert CN_MSG.unpack_from(data, 16) == (1, 1, 0, 77, 4, 0)
    assert data[-4:] == (1).to_bytes(4, "little")


def silent():
    """Return a Connector without its socket: only its bookkeeping."""
    connector = Connector.__new__(Connector)
    connector.lost, connector._next = 0, {}
    return connector


def test_gaps_in_the_numbers_of_a_cpu_are_losses():
    connector = silent()
    for cpu, sequence in ((0, 5), (1, 90), (0, 6), (0, 9), (1, 91)):
        assert connector._count(Event("exec", cpu, 0, sequence, 0, {}))
    assert connector.lost == 2
    assert not connector._count(Event("ack", 1, 0, 92, 0, {}))
    assert connector._count(Event("exec", 1, 0, 93, 0, {}))
    assert connector.lost == 2


def test_the_count_goes_round():
    connector = silent()
    for sequence in (0xFFFFFFFE, 0xFFFFFFFF, 0, 1):
        connector._count(Event("exec", 0, 0, sequence, 0, {}))
    assert connector.lost == 0


# --- happenings

FREE = (1 << 22) - 5  # beyond any pid that this machine gives out


def event(kind, **fields):
    return Event(kind, 0, 0, 0, 0, fields)


def test_descendants_are_followed_and_others_are_not():
    follower = Follower(os.getpid())
    fork = event("fork", parent_pid=os.getpid(), parent_tgid=os.getpid(), pid=FREE, tgid=FREE)
    assert follower.take(fork).facts["parent"] == os.getpid()
    assert follower.take(event("fork", parent_pid=FREE, parent_tgid=FREE, pid=FREE + 1, tgid=FREE + 1)).pid == FREE + 1
    assert follower.take(event("fork", parent_pid=1, parent_tgid=1, pid=FREE + 2, tgid=FREE + 2)) is None
    gone = follower.take(event("exit", pid=FREE, tgid=FREE, status=0x300, signal=17))
    assert (gone.facts["exit_code"], gone.words()) == (3, "exit code 3")
    assert follower.take(event("exit", pid=FREE + 9, tgid=FREE, status=0, signal=-1)) is None  # its last thread
    assert follower.take(event("fork", parent_pid=1, parent_tgid=1, pid=FREE, tgid=FREE)) is None
    assert follower.take(event("exec", pid=FREE, tgid=FREE)) is None  # a later process with that pid


def test_threads_are_told_only_on_wish():
    fork = event("fork", parent_pid=os.getpid(), parent_tgid=os.getpid(), pid=FREE, tgid=os.getpid())
    assert Follower(os.getpid()).take(fork) is None
    told = Follower(os.getpid(), threads=True).take(fork)
    assert (told.pid, told.tid) == (os.getpid(), FREE)


def test_names_go_with_fork_and_comm():
    follower = Follower()
    assert follower.take(event("comm", pid=FREE, tgid=FREE, comm="new")).name == "new"
    fork = follower.take(event("fork", parent_pid=FREE, parent_tgid=FREE, pid=FREE + 1, tgid=FREE + 1))
    assert (fork.name, fork.words()) == ("new", f"child of {FREE} new")


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "exit code 0"), (0x700, "exit code 7"), (9, "killed by SIGKILL"), (0x8B, "killed by SIGSEGV, core dumped")],
)
def test_endings(status, words):
    assert ending(status) == words


def test_losses_are_said():
    assert Happening("lost", 0, 0, "", 0, {"messages": 7}).words().startswith("7 messages")
    assert Happening("lost", 0, 0, "", 0, {"messages": 0}).words().startswith("some messages")


# --- cgroups

HYBRID = "9:name=systemd:/\n4:memory:/a:b\n1:cpu,cpuacct:/\n0::/v2\n"


def test_cgroup_files_of_all_versions():
    assert parse_cgroup(HYBRID) == {"name=systemd": "/", "memory": "/a:b", "cpu,cpuacct": "/", "": "/v2"}
    assert short_cgroups({"": "/user.slice"}) == "/user.slice"
    assert short_cgroups(parse_cgroup(HYBRID)) == "/v2 name=systemd,cpu,cpuacct:/ memory:/a:b"
    assert short_cgroups({"cpu": "/", "memory": "/m", "pids": "/"}) == "/ memory:/m"
    assert short_cgroups({}) == "-"
