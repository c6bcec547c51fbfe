"""The survey against a population that the test makes: owner, parent, and everything that keeps a namespace alive."""

import json
import os
import subprocess
import threading
from collections import Counter

import pytest

from section01_processes import set_death_signal, spawn
from section02_namespaces import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    IdMap,
    flags_of,
    namespaces_of,
    pin,
    take_survey,
    unshare,
    write_id_maps,
)
from section02_namespaces.explore import kin
from section02_namespaces.explore.descriptors import DescriptorLook

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("root")]
MS_REC_PRIVATE = 1 << 18 | 0x4000


class Stage:
    """Starts children that do something, say a word about it, and stay until the stage is struck."""

    def __init__(self):
        self.children = []

    def actor(self, run):
        """Start a child that calls ``run`` and stays; return its pid and what ``run`` returned (JSON)."""
        reader, writer = os.pipe()

        def act():
            set_death_signal(9)
            os.close(reader)
            os.write(writer, json.dumps(run()).encode() + b"\n")
            os.close(writer)
            threading.Event().wait()

        child = spawn(act)
        self.children.append(child)
        os.close(writer)
        with open(reader, encoding="utf-8") as pipe:
            text = pipe.readline()  # its own children may have the other end, too
        assert text, "the actor died"
        return child.pid, json.loads(text)

    def strike(self):
        for child in self.children:
            child.signal(9)
            child.wait()
            child.close()


@pytest.fixture
def stage():
    stage = Stage()
    yield stage
    stage.strike()


def stay():
    """Fork a child that sleeps until its parent ends."""

    def sleep():
        set_death_signal(9)
        threading.Event().wait()

    spawn(sleep).close()


def children_of(pid):
    """Return the pids of the children of ``pid``."""
    found = []
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                if int(file.read().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry))
        except OSError:
            continue
    return found


def nested():
    """Be in new namespaces of every kind, and have a child in a user, a net and a pid namespace below those."""
    unshare(CLONE_NEWUSER)
    write_id_maps(0, [IdMap(0, 0, 1)], [IdMap(0, 0, 1)])
    unshare(flags_of(kind for kind in namespaces_of("self") if kind != "user"))
    ready, said = os.pipe()

    def middle():
        set_death_signal(9)
        unshare(CLONE_NEWUSER)
        unshare(CLONE_NEWNET | CLONE_NEWPID)
        stay()
        os.write(said, b"r")
        threading.Event().wait()

    spawn(middle).close()
    os.close(said)
    assert os.read(ready, 1) == b"r"
    os.close(ready)


@pytest.fixture
def family(stage):
    """(outer, middle, inner): processes each of which is in namespaces of its own below those of the one before."""
    outer, _ = stage.actor(nested)
    (middle,) = children_of(outer)
    (inner,) = children_of(middle)
    return outer, middle, inner


def test_owner_and_parent_of_a_known_hierarchy(family):
    ours = namespaces_of("self")
    outer, middle, inner = map(namespaces_of, family)
    spaces = take_survey().spaces
    assert len({outer["user"], middle["user"], ours["user"]}) == 3
    for kind in set(ours) - {"user", "pid", "time"}:
        assert spaces[outer[kind]].owner == outer["user"], kind
        assert spaces[outer[kind]].parent is None, kind
        assert spaces[outer[kind]].kind == kind
    assert spaces[outer["user"]].parent == spaces[outer["user"]].owner == ours["user"]
    assert spaces[middle["user"]].parent == outer["user"]
    assert (spaces[outer["user"]].owner_uid, spaces[outer["net"]].owner_uid) == (0, None)
    assert spaces[middle["pid"]].parent == ours["pid"]
    assert {spaces[middle[kind]].owner for kind in ("pid", "time") if kind in ours} == {outer["user"]}
    assert spaces[inner["pid"]].parent == middle["pid"]
    assert spaces[inner["pid"]].owner == spaces[inner["net"]].owner == middle["user"] == inner["user"]
    assert spaces[middle["user"]].pids == sorted(family[1:])
    assert middle["user"] in spaces[outer["user"]].children
    assert set(spaces[middle["user"]].owned) == {inner["net"], inner["pid"]}
    assert spaces[ours["user"]].parent is spaces[ours["pid"]].parent is None
    assert spaces[inner["pid"]].heirs == [family[1]]


def test_each_question_is_put_to_each_namespace_once(family, monkeypatch):
    asked = Counter()

    def counting(fd, request, *more):
        asked[os.fstat(fd).st_ino, request] += 1
        return ioctl(fd, request, *more)

    ioctl = kin.ioctl
    monkeypatch.setattr(kin, "ioctl", counting)
    spaces = take_survey().spaces
    sure = {inode for pid in (os.getpid(), *family) for inode in namespaces_of(pid).values()}  # others come and go
    questions = {"pid": {kin.NS_GET_USERNS, kin.NS_GET_PARENT}, "user": {kin.NS_GET_USERNS, kin.NS_GET_OWNER_UID}}
    expected = {
        (inode, request): 1 for inode in sure for request in questions.get(spaces[inode].kind, {kin.NS_GET_USERNS})
    }
    assert {question: asked[question] for question in asked if question[0] in sure} == expected
    assert len(spaces[namespaces_of("self")["user"]].pids) > 2


def test_one_that_only_a_thread_is_in(stage):
    def run():
        there = threading.Event()
        facts = []

        def elsewhere():
            unshare(CLONE_NEWUTS | CLONE_NEWIPC)
            tid = threading.get_native_id()
            facts.extend([tid, os.stat(f"/proc/self/task/{tid}/ns/uts").st_ino])
            there.set()
            threading.Event().wait()

        threading.Thread(target=elsewhere, daemon=True).start()
        there.wait()
        return facts

    pid, (tid, inode) = stage.actor(run)
    space = take_survey().spaces[inode]
    assert (space.threads, space.pids, space.kept_by) == ([(pid, tid)], [], ["thread"])
    assert space.owner == namespaces_of("self")["user"]


def test_one_that_only_next_children_will_be_in(stage):
    def run():
        unshare(CLONE_NEWPID | (CLONE_NEWTIME if "time" in namespaces_of("self") else 0))
        with spawn(lambda: 0) as first:
            first.wait()  # the pid namespace has had its PID 1: it is dead, and there
        kinds = [kind for kind in ("pid", "time") if kind in namespaces_of("self")]
        return [os.stat(f"/proc/self/ns/{kind}_for_children").st_ino for kind in kinds]

    pid, inodes = stage.actor(run)
    spaces = take_survey().spaces
    for inode in inodes:
        assert (spaces[inode].heirs, spaces[inode].pids, spaces[inode].kept_by) == ([pid], [], ["child"])
        assert spaces[inode].owner == namespaces_of("self")["user"]
    assert spaces[inodes[0]].parent == namespaces_of("self")["pid"]


def hold_descriptor():
    """Hold a net namespace by a descriptor; it and its user namespace have no process. Return fd and both inodes."""
    ready, said = os.pipe()
    waits, end = os.pipe()

    def maker():
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        os.write(said, b"r")
        os.close(end)
        os.read(waits, 1)

    with spawn(maker) as child:
        os.read(ready, 1)
        fd = os.open(f"/proc/{child.pid}/ns/net", os.O_RDONLY)
        user = namespaces_of(child.pid)["user"]
        os.close(end)
        child.wait()
    return fd, os.fstat(fd).st_ino, user


def test_one_that_a_descriptor_holds_and_one_that_is_only_its_owner(stage):
    pid, (fd, net, user) = stage.actor(hold_descriptor)
    spaces = take_survey().spaces
    assert (spaces[net].descriptors, spaces[net].kept_by) == ([(pid, fd)], ["descriptor"])
    assert spaces[net].owner == user
    assert (spaces[user].owned, spaces[user].kept_by) == ([net], ["owned"])
    assert spaces[user].parent == namespaces_of("self")["user"]
    assert net not in take_survey(descriptors=False).spaces


def private_mounts():
    from section02_namespaces import _syscalls

    unshare(CLONE_NEWNS)
    _syscalls.mount(None, b"/", None, MS_REC_PRIVATE, None)


def pin_one(path):
    """Pin a net namespace that has no process at ``path``, in a mount namespace of our own; return its inode."""
    private_mounts()
    ready, said = os.pipe()

    def maker():
        set_death_signal(9)
        unshare(CLONE_NEWNET)
        os.write(said, b"r")
        threading.Event().wait()

    with spawn(maker) as child:
        os.read(ready, 1)
        pin(f"/proc/{child.pid}/ns/net", path)
        child.signal(9)
        child.wait()
    return os.stat(path).st_ino


def test_one_that_is_pinned_in_another_mount_namespace(stage, tmp_path):
    path = str(tmp_path / "a b\\c")
    pid, inode = stage.actor(lambda: pin_one(path))
    space = take_survey().spaces[inode]
    assert (space.mounts, space.kept_by) == ([(path, namespaces_of(pid)["mnt"])], ["mount"])
    assert space.owner == namespaces_of("self")["user"]


def test_a_zombie_is_in_what_it_still_is_in(stage):
    def run():
        zombie = os.fork()
        if zombie == 0:
            os._exit(0)
        os.waitid(os.P_PID, zombie, os.WEXITED | os.WNOWAIT)
        return zombie

    _, zombie = stage.actor(run)
    spaces = take_survey().spaces
    ours = namespaces_of("self")
    assert zombie in spaces[ours["pid"]].pids
    assert zombie not in spaces[ours["net"]].pids


def test_a_caller_with_threads_looks_by_itself(stage):
    pid, (fd, net, _) = stage.actor(hold_descriptor)
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert take_survey().spaces[net].descriptors == [(pid, fd)]
    finally:
        end.set()
        thread.join()


def test_half_a_look_is_none(stage):
    """The child that looks at descriptors is killed before it has told."""
    pid, (fd, net, _) = stage.actor(hold_descriptor)
    with DescriptorLook() as eyes:
        os.kill(eyes.pid, 9)
        assert (pid, fd, f"net:[{net}]") in list(eyes.take())
    with DescriptorLook(wanted=False) as eyes:
        assert list(eyes.take()) == []


# --- beside lsns


def lsns(*more):
    """Return what lsns knows, by inode, in our words; it fails when a process ends while it looks."""
    columns = "NS,TYPE,NPROCS,PID,PNS,ONS,USER"
    for _ in range(20):
        done = subprocess.run(["lsns", "--json", "--list", "-o", columns, *more], capture_output=True, check=False)
        if done.returncode == 0:
            break
    rows = json.loads(done.stdout)["namespaces"]
    return {
        row["ns"]: (row["type"], row["nprocs"], row["pid"] or None, row["pns"] or None, row["ons"] or None, row["user"])
        for row in rows
    }


def nsman_rows(nsman):
    rows = json.loads(nsman("ls", "--json").stdout)["namespaces"]
    words = ("kind", "processes", "pid", "parent", "owner", "user")
    return {row["inode"]: tuple(row[word] for word in words) for row in rows}


@pytest.mark.needs("program:lsns")
def test_equal_to_lsns_for_all_that_it_knows(nsman, family, stage, tmp_path):
    """On the whole machine: what two runs of lsns agree upon, the run of nsman between them says, too."""
    stage.actor(hold_descriptor)
    stage.actor(lambda: pin_one(str(tmp_path / "pinned")))
    mine = {inode for pid in family for inode in namespaces_of(pid).values()} - set(namespaces_of("self").values())
    wrong = None
    for _ in range(12):
        before, ours, after = lsns(), nsman_rows(nsman), lsns()
        agreed = {inode: row for inode, row in before.items() if after.get(inode) == row}
        assert mine <= set(agreed)
        assert {inode: ours[inode] for inode in mine} == {inode: agreed[inode] for inode in mine}
        now = {inode for inode, row in agreed.items() if ours.get(inode) != row}
        wrong = now if wrong is None else wrong & now  # a process that came and went between the two is no difference
        if not wrong and set(namespaces_of("self").values()) <= set(agreed):
            return
    assert wrong == set()


@pytest.mark.needs("program:lsns")
def test_pinned_ones_are_where_lsns_says(in_child, tmp_path):
    path = str(tmp_path / "pinned")

    def run():
        inode = pin_one(path)
        done = subprocess.run(["lsns", "--json", "--list", "-o", "NS,NSFS"], capture_output=True, check=True)
        told = {row["ns"]: row["nsfs"] for row in json.loads(done.stdout)["namespaces"]}
        mounts = [where for where, view in take_survey().spaces[inode].mounts if view == namespaces_of("self")["mnt"]]
        return told.get(inode), mounts

    told, mounts = in_child(run)
    assert mounts == [path]
    assert told in (None, path)  # older ones know none without a process
