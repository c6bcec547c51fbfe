"""The tree as the kernel shows it (names and parents in /proc/PID/stat), the lines, and the count."""

import json
from pathlib import Path

from courseware.exercises import points


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


@points(2, part="tree", explain="LCM-PROC-09")
def test_the_tree_stands(box, nonce):
    tree = named(nonce, nonce.shuffled([[], [[]], [[], []]]))
    running = standing(box, tree)
    running.close_stdin()
    running.wait()


@points(1, part="tree", explain="LCM-PROC-07")
def test_no_process_more_than_asked_for(box, nonce):
    tree = named(nonce, nonce.shuffled([[], [[]], [[], []]]))
    running = standing(box, tree)
    running.close_stdin()
    lines = [line.split() for line in running.wait().out.decode(errors="replace").splitlines()]
    pids = {line[1] for line in lines if len(line) == 3}
    assert len(pids) <= len(edges(tree)), (
        f"{len(edges(tree))} processes were asked for, but {len(pids)} different ones have printed a line, some of "
        "them when the tree fell: a child that comes back from grow must end, and not go on with the parent's loop."
    )


@points(2, part="lines", explain="LCM-PROC-03")
def test_one_line_for_each_process(box, nonce):
    tree = named(nonce, [[], [[]]])
    running = standing(box, tree)
    pids = {running.pid: tree[0], **{stat.pid: stat.comm for stat in running.descendants()}}
    inside = {inside_pid(pid): name for pid, name in pids.items()}
    running.close_stdin()
    lines = [line.split() for line in running.wait().out.decode(errors="replace").splitlines()]
    told = sorted(line[0] for line in lines if line)
    assert told == sorted(pids.values()), (
        f"{len(pids)} processes stood in the tree, one line of each was expected; these names were printed: {told}. "
        "A line that comes twice was in a buffer when fork copied it; one that is missing was in a buffer at _exit."
    )
    for name, pid, parent in lines:
        assert inside.get(pid) == name, f"{name} says that its pid is {pid}; in /proc that is {inside.get(pid)}"
        above = dict(edges(tree))[name]
        assert inside.get(parent) == above, f"{name} says that its parent is {parent}; in /proc it was {above}"


@points(2, part="count", explain="LCM-PROC-08")
def test_it_counts_its_processes(box, nonce):
    tree = named(nonce, [[] for _ in range(nonce.integer(2, 5))] + [[[], []]])
    running = standing(box, tree)
    running.close_stdin()
    code = running.wait().code
    assert code == len(edges(tree)), (
        f"the tree had {len(edges(tree))} processes; the root ended with {code}. Each process ends with 1 + the exit "
        "codes of all its children: wait for every one of them, and take the code out of the wait status."
    )
