"""Real processes, whose links the test reads; and a folder that looks like a proc file system."""

import json
import os
from pathlib import Path

from courseware.exercises import points

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def inside(pid):
    """Return the number that process `pid` has in its own pid namespace: what the submission sees."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("NSpid:")[1].split("\n")[0].split()[-1])


def lines(pids):
    """Return what peek reads for `pids`."""
    return "".join(f"{pid}\n" for pid in pids).encode()


def answer(ran):
    """Return kind → inode → pids as printed; AssertionError if that is not what was printed."""
    assert ran.code == 0, f"exit status 0 was expected, peek ended with {ran.how}"
    found = ran.json()
    shaped = isinstance(found, dict) and all(isinstance(groups, dict) for groups in found.values())
    assert shaped, 'expected {"kind": {"inode": [pid, …], …}, …}, and something else was printed'
    return found


def process(box, pid, links):
    """Make the folder of a process with these links, in a folder that looks like a proc file system."""
    folder = box.folder / "other" / str(pid) / "ns"
    folder.mkdir(parents=True)
    for name, (kind, inode) in links.items():
        os.symlink(f"{kind}:[{inode}]", folder / name)


def told_of(box, pids):
    """Return what peek says of `pids` in that folder."""
    ran = box.run("other", stdin="".join(f"{pid}\n" for pid in pids).encode())
    assert ran.code == 0, f"exit status 0 was expected, peek ended with {ran.how}"
    return ran.json()


@points(2, part="namespaces", explain="LCM-NS-02")
def test_two_real_processes(box):
    """Two peeks, each of them with its input open: they are the processes that are looked at."""
    looking, held = box.start(), box.start()
    box.wait_for(lambda: all(Path(f"/proc/{r.pid}/comm").exists() for r in (looking, held)), what="both run")
    pids = sorted(inside(running.pid) for running in (looking, held))
    folder = Path(f"/proc/{held.pid}/ns")
    texts = {name: os.readlink(folder / name) for name in os.listdir(folder) if not name.endswith("_for_children")}
    wanted = {kind: text.partition("[")[2].rstrip("]") for kind, text in texts.items()}
    looking.write(lines(pids))
    looking.close_stdin()
    told = answer(looking.wait())
    missing, more = sorted(set(wanted) - set(told)), sorted(set(told) - set(wanted))
    assert not missing, f"/proc/PID/ns has the kinds {sorted(wanted)}; these were not told: {missing}"
    assert not more, (
        f"told besides the kinds of /proc/PID/ns: {more}. What ends with _for_children is about the next child"
    )
    wrong = sorted(kind for kind in wanted if told[kind] != {wanted[kind]: pids})
    assert not wrong, (
        f"both processes share all namespaces: the links in their /proc/PID/ns have the same texts; told "
        f"otherwise: {wrong}"
    )


@points(2, part="groups", explain="LCM-NS-03")
def test_groups_in_another_proc(box, nonce):
    pids = nonce.shuffled(range(2, 400))[: nonce.integer(6, 12)]
    wanted = {}
    for pid in pids:
        folder = box.folder / "other" / str(pid) / "ns"
        folder.mkdir(parents=True)
        for number, kind in enumerate(KINDS):
            inode = 4026531834 + number + 1000 * nonce.integer(0, 2)
            os.symlink(f"{kind}:[{inode}]", folder / kind)
            wanted.setdefault(kind, {}).setdefault(str(inode), []).append(pid)
    wanted = {kind: {inode: sorted(some) for inode, some in groups.items()} for kind, groups in wanted.items()}
    told = answer(box.run("other", stdin=lines(pids)))
    for kind in KINDS:
        assert told.get(kind) == wanted[kind], (
            f"the links below PROC group the processes by {kind} so: {json.dumps(wanted[kind], sort_keys=True)}\n"
            f"peek told:                                    {json.dumps(told.get(kind), sort_keys=True)}"
        )
    assert set(told) == set(KINDS), f"the kinds {sorted(KINDS)} were expected, and these were told: {sorted(told)}"


@points(2, part="namespaces", explain="LCM-NS-02")
def test_the_namespaces_of_the_next_child(box, nonce):
    first, second, here = nonce.integer(2, 99), nonce.integer(100, 999), nonce.integer(4026531834, 4026540000)
    below = here + nonce.integer(1, 1000)
    process(box, first, {"pid": ("pid", here), "pid_for_children": ("pid", below)})
    process(box, second, {"pid": ("pid", below), "pid_for_children": ("pid", below)})
    told, wanted = told_of(box, [first, second]), {"pid": {str(here): [first], str(below): [second]}}
    assert told == wanted, (
        f"process {first} has called unshare(CLONE_NEWPID): its next child will be in {below}, it stays in {here}. "
        f"Expected {wanted}, and this was told: {told}"
    )


@points(2, part="groups", explain="LCM-NS-03")
def test_other_kinds_and_processes_that_have_gone(box, nonce):
    here, gone = sorted(nonce.shuffled(range(2, 500))[:2]), sorted(nonce.shuffled(range(500, 999))[:2])
    kind, inode = nonce.word(5), nonce.integer(4026531834, 4026540000)
    for pid in here:
        process(box, pid, {kind: (kind, inode)})
    told = told_of(box, nonce.shuffled([*here, *gone]))
    wanted = {kind: {str(inode): here}, "unknown": {"": gone}}
    assert told == wanted, (
        f"below PROC the processes {here} have one kind of namespace, {kind}, and {gone} are not there. "
        f"Expected {wanted}, and this was told: {told}"
    )
