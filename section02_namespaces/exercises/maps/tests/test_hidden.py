"""Once more, with other shapes: a namespace in a namespace, more of what is made inside, other ends."""

import os
import signal
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


@points(1, part="maps")
def test_namespaces_three_deep(box):
    again = box.probe("again", AGAIN)
    running, child = held(box, "parent", again, "2")
    settled(box, child)  # who does not wait for the maps has no capabilities, and gets no further: now for certain
    running.signal(signal.SIGCONT)
    program = program_of(box, running, "cat")
    chain = {user_namespace(pid) for pid in (running.pid, program, *(stat.pid for stat in running.descendants()))}
    assert len(chain) == 4, (
        "maps.py has run maps.py, which has run maps.py, which has run cat: 4 user namespaces, one in another, were "
        f"expected; the processes are in {len(chain)}"
    )
    for name, who in (("uid_map", "Uid"), ("gid_map", "Gid")):
        got, number = told(program, name), entry(told(running.pid, "status"), who)
        assert got == ["0", number, "1"], (
            f"/proc/PID/{name} of a program in a namespace in a namespace: one line was expected, that makes the "
            f"caller's id 0, also when that is 0 already; {in_words(got, number)}"
        )


@points(1, part="maps", explain="LCM-US-04")
def test_several_files_made_inside(box, nonce):
    names = [nonce.word(8) for _ in range(nonce.integer(2, 4))]
    script = "read line; umask 077; for name; do echo > $name; done; cat /proc/self/status > status"
    running = box.start("sh", "-c", script, "sh", *names)
    program_of(box, running, "sh")
    running.close_stdin()
    owner = [int(entry(told(running.pid, "status"), who)) for who in ("Uid", "Gid")]
    running.wait()
    for name in (*names, "status"):
        file = box.folder / name
        assert file.exists(), f"the program should make {len(names) + 1} files; not all are there"
        assert [file.stat().st_uid, file.stat().st_gid] == owner, (
            "what the program makes should belong to the caller, user and group, when it is seen from outside"
        )
    words = (box.folder / "status").read_text(encoding="utf-8").split()
    inside = [entry(words, who) for who in ("Uid", "Gid")]
    assert inside == ["0", "0"], f"inside, the program's user and group should be 0 and 0, they are {inside}"


@points(1, part="status", explain="LCM-PROC-08")
def test_other_ends(box, nonce):
    number = nonce.choice([signal.SIGINT, signal.SIGUSR2, signal.SIGALRM])
    code = nonce.integer(100, 255)
    for last, wanted in ((f"exit {code}", code), (f"kill -{int(number)} $$", 128 + number)):
        running = box.start("sh", "-c", f"read line; {last}")
        program_of(box, running, "sh")
        running.close_stdin()
        ran = running.wait()
        assert ran.how == f"exit status {wanted}", (
            f"the program was sh -c '{last}': expected exit status {wanted}, maps.py ended with {ran.how}"
        )
