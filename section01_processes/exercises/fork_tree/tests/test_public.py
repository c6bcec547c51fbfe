"""The tree as the kernel shows it (names and parents in /proc/PID/stat), the lines, and the count."""

import json
import os
import signal
from importlib.util import find_spec
from pathlib import Path

from courseware.exercises import points

# Python imports this when it starts: who leaves by the end of the program, and not by os._exit, writes a line.
LEAVES = """
import atexit, os
atexit.register(lambda: open(os.path.dirname(os.path.abspath(__file__)) + "/left", "a").write("one\\n"))
"""


def named(nonce, shape):
    """Return `shape`, a list of lists of …, with a fresh name for each process."""
    return [nonce.word(8), *(named(nonce, below) for below in shape)]


def edges(node, parent=None):
    """Return (name, parent's name) of each process that `node` asks for; the root has no parent here."""
    name, *children = node
    return sorted([(name, parent), *(edge for child in children for edge in edges(child, name))], key=str)


def seen(running):
    """Return the same from the kernel: names and parents of the running processes."""
    names = {running.pid: Path(f"/proc/{running.pid}/comm").read_text(encoding="utf-8").rstrip("\n")}
    stats = [stat for stat in running.descendants() if stat.state != "Z"]
    names.update({stat.pid: stat.comm for stat in stats})
    below = [(stat.comm, names.get(stat.ppid)) for stat in stats]
    return sorted([(names[running.pid], None), *below], key=str)


def inside_pid(pid):
    """Return the number, as text, that process `pid` has in its own pid namespace: what the submission sees."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return status.split("NSpid:")[1].split("\n")[0].split()[-1]


def told(ran):
    """Return the lines of a run, cut into words."""
    return [line.split() for line in ran.out.decode(errors="replace").splitlines()]


def standing(box, tree):
    """Start the submission; return it when the kernel shows the tree. The message holds what it showed last."""
    running = box.start(json.dumps(tree))
    last = []

    def stands():
        last[:] = seen(running)
        return last == edges(tree)

    try:
        box.wait_for(stands, seconds=5, what="the tree stands")
    except AssertionError:
        raise AssertionError(
            f"asked for (name, parent's name): {edges(tree)}\nthe kernel shows:                {last}\n"
            "While standard input is open, all processes of the tree must live at the same time."
        ) from None
    return running


def children(box, tree):
    """Start the submission; return it and its children when the tree stands, or when it has had the time to."""
    running = box.start(json.dumps(tree))
    try:
        box.wait_for(lambda: seen(running) == edges(tree), seconds=2)
    except AssertionError:
        pass  # test_the_tree_stands tells about it; the children that are there will do
    found = [stat for stat in running.descendants() if stat.ppid == running.pid and stat.state != "Z"]
    assert found, "while standard input is open, the root of a tree with children has none in /proc"
    return running, found


def state(pid):
    """Return the state of a process: a letter, Z when it has ended."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]


@points(2, part="tree", explain="LCM-PROC-09")
def test_the_tree_stands(box, nonce):
    tree = named(nonce, nonce.shuffled([[], [[]], [[], []]]))
    running = standing(box, tree)
    running.close_stdin()
    running.wait()


@points(1, part="tree", explain="LCM-PROC-07", after="test_the_tree_stands")
def test_no_process_more_than_asked_for(box, nonce):
    tree = named(nonce, nonce.shuffled([[], [[]], [[], []]]))
    box.probe("lab.py", Path(find_spec("lab").origin).read_text(encoding="utf-8"))
    folder = os.path.dirname(box.probe("sitecustomize.py", LEAVES))
    pids = {line[1] for line in told(box.run(json.dumps(tree), env={"PYTHONPATH": folder})) if len(line) == 3}
    assert len(pids) <= len(edges(tree)), (
        f"{len(edges(tree))} processes were asked for, but {len(pids)} different ones have printed a line, some of "
        "them when the tree fell: a child that comes back from grow must end, and not go on with the parent's loop."
    )
    left = (box.folder / "left").read_text(encoding="ascii").count("one") if (box.folder / "left").exists() else 0
    assert left <= 1, (
        f"{left} processes have come to the end of the program (what atexit has registered was run {left} times); only "
        "the root may. All others are children, and a child must end by os._exit where it was made: whoever returns "
        "from grow, or leaves by sys.exit, goes on in its copy of the code of its parent, and of that one's parent."
    )


@points(1, part="lines", explain="LCM-PROC-03", after="test_the_tree_stands")
def test_no_line_is_lost_or_printed_twice(box, nonce):
    tree = named(nonce, [[], [[]]])
    lines = told(box.run(json.dumps(tree)))
    names = sorted(name for name, _ in edges(tree))
    lost = sorted(set(names) - {line[0] for line in lines if line})
    assert not lost, (
        f"standard input was empty, so all {len(names)} processes could end at once; these have printed no line: "
        f"{lost}. A line that is missing was still in a buffer at _exit."
    )
    twice = sorted({line[0] for line in lines if line and lines.count(line) > 1})
    assert not twice, (
        f"the very same line, pid and all, was printed more than once for {twice}: it was in a buffer when fork "
        "copied it, and both processes have flushed it."
    )


@points(1, part="lines", after="test_the_tree_stands")
def test_the_lines_are_true(box, nonce):
    tree = named(nonce, [[], [[]]])
    running = standing(box, tree)
    pids = {running.pid: tree[0], **{stat.pid: stat.comm for stat in running.descendants()}}
    inside = {inside_pid(pid): name for pid, name in pids.items()}
    running.close_stdin()
    lines = told(running.wait())
    names = sorted(" ".join(line[:1]) for line in lines)
    assert names == sorted(pids.values()), (
        f"{len(pids)} processes stood in the tree, one line of each was expected; these names were printed: {names}. "
        "If a test above has failed, begin there."
    )
    for line in lines:
        assert len(line) == 3, f"a line holds a name, a pid and the parent's pid; {line[0]} printed {len(line)} words"
        name, pid, parent = line
        assert inside.get(pid) == name, f"{name} says that its pid is {pid}; in /proc that is {inside.get(pid)}"
        above = dict(edges(tree))[name]
        assert inside.get(parent) == above, f"{name} says that its parent is {parent}; in /proc it was {above}"


@points(1, part="count", explain="LCM-PROC-08", after="test_the_tree_stands")
def test_one_child_counts_one(box, nonce):
    ran = box.run(json.dumps(named(nonce, [[]])))
    assert ran.code == 2, (
        f"a root and its only child: the child ends with 1, the root must end with 1 + 1; it ended with {ran.code}. "
        "What wait gives is a wait status; the exit code must be taken out of it."
    )


@points(1, part="count", after="test_the_tree_stands")
def test_a_killed_child_counts_nothing(box, nonce):
    running, (child,) = children(box, named(nonce, [[]]))
    number = signal.Signals(nonce.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1]))
    os.kill(child.pid, number)
    running.close_stdin()
    code = running.wait().code
    assert code == 1, (
        f"the only child of the root was ended by {number.name}, so that it counts 0 and the root must end with 1; "
        f"it ended with {code}. A wait status holds an exit code or a signal, never both; os.waitstatus_to_exitcode "
        "makes -n of signal n, and an exit code of 256 and more, or below 0, is cut to its lowest byte."
    )


@points(1, part="count", explain="LCM-PROC-06", after="test_the_tree_stands")
def test_parents_wait_for_every_child(box, nonce):
    running, found = children(box, named(nonce, [[] for _ in range(nonce.integer(3, 5))]))
    stopped = nonce.choice(found)
    os.kill(stopped.pid, signal.SIGSTOP)
    running.close_stdin()
    looks = []

    def waits_or_has_ended():  # three looks: it does not sleep for a moment only
        others = [stat for stat in running.descendants() if stat.pid != stopped.pid]
        looks.append("S" if state(running.pid) == "S" and not others else state(running.pid))
        return looks[-1] == "Z" or looks[-3:] == ["S"] * 3

    box.wait_for(waits_or_has_ended, seconds=5, what="the root has reaped all children but the stopped one, and waits")
    assert looks[-1] != "Z", (
        f"one of {len(found)} children, {stopped.comm}, was stopped by SIGSTOP and had not ended; the root has ended "
        "without it. One wait takes one child: wait as many times as there are children."
    )
    os.kill(stopped.pid, signal.SIGCONT)
    running.wait()


@points(1, part="count", after=("test_the_tree_stands", "test_parents_wait_for_every_child"))
def test_it_counts_its_processes(box, nonce):
    tree = named(nonce, [[] for _ in range(nonce.integer(2, 5))] + [[[], []]])
    code = box.run(json.dumps(tree)).code
    assert code == len(edges(tree)), (
        f"the tree had {len(edges(tree))} processes; the root ended with {code}. Each process ends with 1 + the exit "
        "codes of all its children. If a test above has failed, begin there: this one needs all that they look at."
    )
