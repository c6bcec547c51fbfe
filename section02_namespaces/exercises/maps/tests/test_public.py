"""What /proc shows of a program's user namespace, of what it makes, and of the order in which things happen."""

import os
import signal
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from courseware.exercises import points

# Python imports this when it starts. The parent, or the child, of the first fork stops before os.fork returns in it.
HOLD = """
import os, signal
who, forks = os.environ.pop("HOLD", ""), []

def stop():
    if len(forks) == 1:
        os.kill(os.getpid(), signal.SIGSTOP)

if who:
    os.register_at_fork(before=lambda: forks.append(1), **{"after_in_" + who: stop})
"""

# Once both maps are there: become another maps.py, so often; the last one runs cat. Its caller is root in a namespace.
AGAIN = """
import os, sys, time
while not all(open("/proc/self/" + name).read() for name in ("uid_map", "gid_map")):
    time.sleep(0.02)
with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
    words = os.fsdecode(file.read()).split(chr(0))[:-1]
maps, more = words[: words.index(sys.argv[0])], int(sys.argv[1]) - 1
os.execv(maps[0], [*maps, *([sys.argv[0], str(more)] if more else ["cat"])])
"""


def state(pid):
    """Return the state of a process: a letter, T when it is stopped, Z when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:  # ended, and waited for
        return "Z"


def user_namespace(pid):
    """Return the text of the link of the user namespace that a process is in; "" when it has gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/user")
    except OSError:
        return ""


def told(pid, name):
    """Return the words of a small file in /proc/PID; [] when it is empty, or the process has gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return []


def entry(words, name):
    """Return the first number in the line ``name`` of /proc/PID/status, given as words; "": no such line."""
    return words[words.index(name + ":") + 1] if name + ":" in words else ""


def in_words(words, number):
    """Return what the words of a map say, in words; `number`: the caller's id as this machine has it."""
    if not words:
        return "it is empty: no id has a meaning in there, everybody is 65534"
    outside = "the caller's id" if words[1] == number else "another id"
    return f"it has {len(words) // 3}, the first is {words[0]} (inside), {outside} (outside), {words[2]} (how many)"


def said(running, block="LCM-US-01"):
    """Return how maps.py ends when everything that it has started is ended, and what it has written, in words.

    ``block`` is named where it was refused something.
    """
    hasty = state(running.pid) == "Z"
    for stat in running.descendants():
        os.kill(stat.pid, signal.SIGKILL)
    if not hasty:
        running.signal(signal.SIGKILL)
    ran = running.wait()
    how = f"maps.py ended with {ran.how}" if hasty else "maps.py still waits"
    err = ran.err.decode(errors="replace").strip()
    refused = f", see ./course explain {block}" if "not permitted" in err or "denied" in err else ""
    return f"{how}. Standard error says: {err!r}{refused}" if err else how


def program_of(box, running, name):
    """Return the pid of the program when it waits for its input; both maps are there by then, if they ever come."""
    found = []

    def it_runs():
        found[:] = [stat.pid for stat in running.descendants() if stat.comm == name and stat.state == "S"]
        return found or state(running.pid) == "Z"

    with suppress(AssertionError):
        box.wait_for(it_runs, seconds=5)
    assert found, f"{name} should run, and wait for its input. It does not: {said(running)}"
    with suppress(AssertionError):  # whoever looks at the maps tells about it
        box.wait_for(lambda: told(found[0], "uid_map") and told(found[0], "gid_map"), seconds=1)
    return found[0]


def held(box, who, *command):
    """Start maps.py so that `who`, parent or child, stops at the fork; return it and the child's pid, when so."""
    box.probe("lab.py", Path(find_spec("lab").origin).read_text(encoding="utf-8"))
    folder = os.path.dirname(box.probe("sitecustomize.py", HOLD))
    running = box.start(*command, env={"PYTHONPATH": folder, "HOLD": who})
    children = []

    def stopped():
        children[:] = [stat.pid for stat in running.descendants()]
        return children and state(running.pid if who == "parent" else children[0]) == "T"

    try:
        box.wait_for(stopped, seconds=5)
    except AssertionError:
        raise AssertionError(f"maps.py should make a child by os.fork. It did not: {said(running)}") from None
    return running, children[0]


def settled(box, pid):
    """Wait until the child has done what it does without its parent: it sleeps, or has ended."""
    looks = []

    def asleep():
        looks.append(state(pid))
        return len(looks) > 5 and set(looks[-5:]) <= {"S", "Z"}

    box.wait_for(asleep, seconds=5, what="the child waits for its parent, which is stopped")


@points(2, part="maps", explain="LCM-US-01")
def test_your_ids_are_0_inside(box):
    running = box.start("cat")
    program = program_of(box, running, "cat")
    for name, number in (
        ("uid_map", entry(told(running.pid, "status"), "Uid")),
        ("gid_map", entry(told(running.pid, "status"), "Gid")),
    ):
        got = told(program, name)
        assert got == ["0", number, "1"], (
            f"/proc/PID/{name} of the program: expected one line, 0 (inside), the caller's id (outside), 1 (how many); "
            f"{in_words(got, number)}"
        )
    groups = told(program, "setgroups")
    assert groups == ["deny"], f"/proc/PID/setgroups of the program: deny was expected, it says {groups}"


@points(2, part="maps")
def test_the_program_alone_is_in_the_namespace(box):
    running = box.start("cat")
    program = program_of(box, running, "cat")
    assert user_namespace(program) != user_namespace(running.pid), (
        "/proc/PID/ns/user is the same for maps.py and for the program: the program should be in a new namespace, and "
        "maps.py should stay where it was. unshare moves its caller: fork first, see ./course explain LCM-US-06"
    )


@points(1, part="maps", explain="LCM-US-04")
def test_what_root_makes_inside_is_yours_outside(box, nonce):
    name = nonce.word(8)
    running = box.start("sh", "-c", f"read line; cat /proc/self/status > {name}")
    program_of(box, running, "sh")
    running.close_stdin()
    owner = [int(entry(told(running.pid, "status"), who)) for who in ("Uid", "Gid")]
    ran, file = running.wait(), box.folder / name
    assert file.exists(), (
        f"the program should make the file {name}; it is not there. Standard error says: "
        f"{ran.err.decode(errors='replace').strip()!r}. Without a map for your user and group no file can belong to you"
    )
    made = file.stat()
    assert [made.st_uid, made.st_gid] == owner, (
        "root of the namespace has made a file; seen from outside it should belong to the caller, user and group"
    )
    words = file.read_text(encoding="utf-8").split()
    inside = [entry(words, who) for who in ("Uid", "Gid")]
    assert inside == ["0", "0"], f"inside, the program's user and group should be 0 and 0, they are {inside}"


@points(2, part="status", explain="LCM-PROC-08")
def test_the_exit_status(box, nonce):
    number = nonce.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
    code = nonce.integer(1, 99)
    for last, wanted in ((f"exit {code}", code), (f"kill -{int(number)} $$", 128 + number), ("exit 0", 0)):
        running = box.start("sh", "-c", f"read line; {last}")
        program_of(box, running, "sh")
        running.close_stdin()
        ran = running.wait()
        assert ran.how == f"exit status {wanted}", (
            f"the program was sh -c '{last}': expected exit status {wanted}, maps.py ended with {ran.how}"
        )


@points(2, part="order", explain="LCM-US-05")
def test_the_program_waits_for_the_maps(box):
    running, child = held(box, "parent", "cat")
    settled(box, child)
    assert user_namespace(child) not in ("", user_namespace(running.pid)), (
        "the parent is stopped right after the fork; by now the child should be in a new user namespace, and wait for "
        "the maps. It is not in one, see ./course explain LCM-US-06"
    )
    assert not told(child, "uid_map") + told(child, "gid_map"), (
        "the parent is stopped right after the fork, and there is a map all the same: the child has written it. The "
        "parent writes the maps: for more than one id only who stands outside may, see ./course explain LCM-US-01"
    )
    assert "cat" not in told(child, "comm"), (
        "the parent is stopped right after the fork; no map is written, and the program runs: as 65534, nobody, and "
        "execve has dropped its capabilities. The child must wait for a sign that the maps are there"
    )
    running.signal(signal.SIGCONT)
    capabilities = int(entry(told(program_of(box, running, "cat"), "status"), "CapEff") or "0", 16)
    assert capabilities, (
        "the maps are there, and the program still has no capability (CapEff in /proc/PID/status is 0): execve gives "
        "them to user 0 only. Either it was executed too early, or the map makes it somebody else"
    )


@points(2, part="order", explain="LCM-US-05")
def test_the_maps_wait_for_the_namespace(box):
    running, child = held(box, "child", "cat")
    patience = time.monotonic() + 1.5
    box.wait_for(lambda: state(running.pid) == "Z" or time.monotonic() > patience, seconds=5)
    assert state(running.pid) != "Z", (
        "the child is stopped right after the fork, before it can call unshare, and maps.py has not waited for the "
        f"child's namespace. No sleep is long enough; the child must say that it is there. "
        f"{said(running, 'LCM-US-05')}"
    )
    os.kill(child, signal.SIGCONT)
    program_of(box, running, "cat")


@points(1, part="order", explain="LCM-PROC-01", after="test_the_program_waits_for_the_maps")
def test_no_program_without_maps(box, nonce):
    word = nonce.word(8)
    running, child = held(box, "parent", "sh", "-c", f"echo {word}")
    settled(box, child)
    running.signal(signal.SIGKILL)
    box.wait_for(lambda: state(running.pid) == "Z", seconds=5, what="SIGKILL ends maps.py")
    with suppress(AssertionError):
        box.wait_for(lambda: all(stat.state == "Z" for stat in box.processes()), seconds=3)
    assert all(stat.state == "Z" for stat in box.processes()), (
        "the parent was killed before it had written the maps, no sign will come, and the child waits. A read from "
        "a pipe ends when nobody holds a write end any more: who does?"
    )
    ran = running.wait()
    assert word not in ran.out.decode(errors="replace"), (
        "the parent was killed before it had written the maps, and the program was run all the same: a wait that "
        "ends because the pipe ends is no permission"
    )


@points(1, part="maps", after="test_the_program_waits_for_the_maps")
def test_a_namespace_in_a_namespace(box):
    again = box.probe("again", AGAIN)
    running, child = held(box, "parent", again, "1")
    settled(box, child)  # who does not wait for the maps has no capabilities, and gets no further: now for certain
    running.signal(signal.SIGCONT)
    program = program_of(box, running, "cat")
    chain = {user_namespace(pid) for pid in (running.pid, program, *(stat.pid for stat in running.descendants()))}
    assert len(chain) == 3, (
        "maps.py has run maps.py, which has run cat: 3 user namespaces, one in another, were "
        f"expected; the processes are in {len(chain)}"
    )
    for name, who in (("uid_map", "Uid"), ("gid_map", "Gid")):
        got, number = told(program, name), entry(told(running.pid, "status"), who)
        assert got == ["0", number, "1"], (
            f"/proc/PID/{name} of a program in a namespace in a namespace: one line was expected, that makes the "
            f"caller's id 0, also when that is 0 already; {in_words(got, number)}"
        )
