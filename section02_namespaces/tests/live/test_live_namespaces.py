"""Namespaces against the real kernel, each in a child made for it."""

import os
import socket
import threading
import time

import pytest

from section01_processes import Plan
from section02_namespaces import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    IdMap,
    Namespace,
    NamespaceError,
    differing_kinds,
    flags_of,
    fork_sibling,
    namespaces_of,
    open_namespace,
    pin,
    plan_enter,
    plan_namespaces,
    setdomainname,
    sethostname,
    setns,
    take_survey,
    unpin,
    unshare,
    write_id_maps,
)

pytestmark = pytest.mark.lane("host", "guest")
EVERYTHING = flags_of(namespaces_of("self"))  # the kinds that this kernel has
ME = ([IdMap(0, os.geteuid(), 1)], [IdMap(0, os.getegid(), 1)])


def hold(*flags):
    """Return (pid, end): a child in new namespaces that lives until ``end`` is closed."""
    ready, said = os.pipe()
    waits, end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end)
        os.close(ready)
        unshare(sum(flags))
        os.write(said, b"r")
        os.read(waits, 1)
        os._exit(0)
    os.close(waits)
    os.close(said)
    assert os.read(ready, 1) == b"r"
    os.close(ready)
    return pid, end


@pytest.fixture
def neighbour():
    """A process in uts, net, ipc and mount namespaces of its own."""
    pid, end = hold(CLONE_NEWUTS, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWNS)
    yield pid
    os.close(end)
    os.waitpid(pid, 0)


def test_the_plan_of_everything_changes_every_namespace_the_pid_one_for_the_child(in_child):
    before = namespaces_of("self")

    def run():
        Plan("child", plan_namespaces(EVERYTHING)).run({})
        own, uid = namespaces_of("self"), os.getuid()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, b"%d" % os.getpid())
            os._exit(0)
        os.waitpid(child, 0)
        return [name for name in own if own[name] != before[name]], uid, os.read(reader, 9)

    changed, uid, pid_of_child = in_child(run)
    assert sorted(changed) == ["cgroup", "ipc", "mnt", "net", "user", "uts"]
    assert pid_of_child == b"1"
    assert uid == 65534  # nothing is mapped yet
    assert namespaces_of("self") == before


def test_maps_written_by_the_process_itself_make_it_root_inside(in_child):
    def run():
        Plan("child", plan_namespaces(CLONE_NEWUSER | CLONE_NEWUTS)).run({})
        write_id_maps(0, *ME)
        sethostname("inside")
        setdomainname("realm")
        return os.getuid(), os.getgid(), list(os.uname())[1], open("/proc/self/setgroups").read()

    assert in_child(run)[:3] == (0, 0, "inside")
    assert os.uname().nodename != "inside"


def test_an_ordinary_user_gives_up_setgroups_for_his_map(in_child):
    def run():
        os.setgroups([])
        os.setresgid(1234, 1234, 1234)
        os.setresuid(1234, 1234, 1234)
        # setresuid made us undumpable; a new program image, or this, makes /proc/self ours again
        from section01_processes import set_dumpable

        set_dumpable(1)
        unshare(CLONE_NEWUSER)
        write_id_maps(0, [IdMap(0, 1234, 1)], [IdMap(0, 1234, 1)])
        return os.getuid(), open("/proc/self/setgroups").read().strip(), open("/proc/self/gid_map").read().split()

    assert in_child(run) == (0, "deny", ["0", "1234", "1"])


def test_who_becomes_root_of_a_namespace_that_he_joined_stays_undumpable(in_child):
    """Or the other root there could open his /proc/PID/exe. Whose the files of /proc/self are, tells it."""

    def run():
        from section01_processes import become_undumpable, set_dumpable
        from section02_namespaces.actions import become_root_inside

        os.setresgid(1234, 1234, 1234)
        os.setresuid(1234, 1234, 1234)
        set_dumpable(1)
        unshare(CLONE_NEWUSER)
        write_id_maps(0, [IdMap(0, 1234, 1)], [IdMap(0, 1234, 1)])
        before = os.stat("/proc/self/status").st_uid
        become_undumpable()
        become_root_inside()
        return before, os.getuid(), os.stat("/proc/self/status").st_uid

    assert in_child(run) == (0, 0, 65534)  # 65534: root, who is nobody in here


def test_a_map_is_written_once_only(in_child):
    def run():
        unshare(CLONE_NEWUSER)
        write_id_maps(0, *ME)
        write_id_maps(0, *ME)

    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert caught.value.explain == "LCM-US-01"


def test_subordinate_ids_are_mapped_by_newuidmap(in_child, tmp_path):
    """In a mount namespace with an /etc/subuid of our own, as an ordinary user."""
    (tmp_path / "sub").write_text("1234:200000:65536\nnobody:200000:65536\n")
    os.chmod(tmp_path, 0o755)

    def run():
        from section01_processes import set_dumpable
        from section02_namespaces import _syscalls

        unshare(CLONE_NEWNS)
        _syscalls.mount(None, b"/", None, 1 << 18 | 0x4000, None)
        for name in (b"/etc/subuid", b"/etc/subgid"):
            _syscalls.mount(os.fsencode(tmp_path / "sub"), name, None, 0x1000, None)
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        set_dumpable(1)
        pid, end = hold(CLONE_NEWUSER)
        maps = [IdMap(0, 65534, 1), IdMap(1, 200000, 65536)]
        write_id_maps(pid, maps, maps)
        text = open(f"/proc/{pid}/uid_map").read().split()
        try:
            write_id_maps(pid, [IdMap(0, 0, 10)], [IdMap(0, 0, 10)])
            refused = ""
        except NamespaceError as error:
            refused = error.explain
        os.close(end)
        os.waitpid(pid, 0)
        return text, refused

    assert in_child(run) == (["0", "65534", "1", "1", "200000", "65536"], "LCM-US-04")


def test_entering_by_pidfd_joins_only_what_differs(neighbour, in_child):
    kinds = differing_kinds(neighbour)
    assert set(kinds) == {"uts", "net", "ipc", "mnt"}
    theirs = namespaces_of(neighbour)

    def run():
        Plan("exec", plan_enter(os.pidfd_open(neighbour), kinds)).run({})
        return namespaces_of("self")

    assert in_child(run) == theirs


def test_joining_by_path_and_by_descriptor(neighbour, in_child):
    theirs = namespaces_of(neighbour)

    def run():
        Plan("child", plan_namespaces(0, [("network", f"/proc/{neighbour}/ns/net")])).run({})
        setns(os.open(f"/proc/{neighbour}/ns/uts", os.O_RDONLY), CLONE_NEWUTS)
        own = namespaces_of("self")
        return own["net"], own["uts"], [name for _, name in socket.if_nameindex()]

    assert in_child(run) == (theirs["net"], theirs["uts"], ["lo"])


def test_joining_the_wrong_kind_is_refused(neighbour, in_child):
    def run():
        setns(open_namespace(f"/proc/{neighbour}/ns/uts"), CLONE_NEWNET)

    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert (caught.value.kind, caught.value.errno) == ("SyscallError", 22)


def test_a_sibling_is_pid_1_inside_and_the_child_of_our_parent(in_child):
    def run():
        reader, writer = os.pipe()
        middle = os.fork()
        if middle == 0:
            unshare(CLONE_NEWPID)
            init = fork_sibling()
            if init == 0:
                os._exit(40 + os.getpid())
            os.write(writer, str(init).encode())
            os._exit(0)
        os.close(writer)
        init = int(open(reader).read())
        statuses = dict(os.wait() for _ in range(2))
        return statuses[middle], os.waitstatus_to_exitcode(statuses[init])

    assert in_child(run) == (0, 41)


def test_a_fork_into_a_dead_pid_namespace_names_the_stumbling_block(in_child):
    def run():
        unshare(CLONE_NEWPID)
        first = os.fork()
        if first == 0:
            os._exit(0)
        os.waitpid(first, 0)
        if fork_sibling() == 0:
            os._exit(0)

    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert (caught.value.errno, caught.value.explain) == (12, "LCM-NS-02")


def test_with_two_threads_neither_a_user_namespace_nor_a_sibling(in_child):
    def run():
        thread = threading.Thread(target=time.sleep, args=(0.3,))
        thread.start()
        try:
            fork_sibling()
        except NamespaceError as error:
            sibling = error.explain
        unshare(CLONE_NEWUSER)
        return sibling

    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert (caught.value.errno, caught.value.explain) == (22, "LCM-NS-04")


def test_a_limit_of_namespaces_is_not_a_full_disk(in_child):
    def run():
        unshare(CLONE_NEWUSER)
        write_id_maps(0, *ME)
        with open("/proc/sys/user/max_uts_namespaces", "w") as file:
            file.write("0")
        unshare(CLONE_NEWUTS)

    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert (caught.value.errno, caught.value.explain) == (28, "LCM-US-03")


def test_who_owns_a_namespace_and_who_is_its_parent(in_child):
    outer = namespaces_of("self")["user"]

    def run():
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        pid = os.getpid()
        readers = os.pipe()
        watcher = os.fork()  # it is inside as well: what lies outside it may not see
        if watcher == 0:
            net, user = Namespace.of(pid, "net"), Namespace.of(pid, "user")
            os.write(readers[1], repr((net.owner(), user.inode, user.parent())).encode())
            os._exit(0)
        os.waitpid(watcher, 0)
        return os.read(readers[0], 200).decode()

    owner, user, parent = eval(in_child(run))
    assert owner == user != outer
    assert parent is None


def test_the_list_shows_each_namespace_once_with_its_processes(neighbour):
    found = take_survey().spaces
    assert neighbour in found[namespaces_of(neighbour)["net"]].pids
    assert os.getpid() in found[namespaces_of("self")["net"]].pids
    assert Namespace.of(neighbour, "net").owner() == namespaces_of("self")["user"]
    assert Namespace.of("self", "user").owner_uid() == 0


def test_a_pinned_namespace_outlives_its_processes(in_child, tmp_path):
    place = str(tmp_path / "pinned")

    def run():
        from section02_namespaces import _syscalls

        unshare(CLONE_NEWNS)
        _syscalls.mount(None, b"/", None, 1 << 18 | 0x4000, None)
        pid, end = hold(CLONE_NEWNET)
        inode = namespaces_of(pid)["net"]
        pin(f"/proc/{pid}/ns/net", place)
        os.close(end)
        os.waitpid(pid, 0)
        pinned = Namespace.at(place)
        unpin(place)
        unpin(place)
        return inode == pinned.inode, pinned.kind.name, os.path.exists(place)

    assert in_child(run) == (True, "net", False)


def test_a_plain_file_is_no_namespace(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NamespaceError, match="not a namespace file"):
        Namespace.at(str(tmp_path / "file"))
