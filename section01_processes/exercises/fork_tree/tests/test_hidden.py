"""A tree of a random shape, of which one process is stopped, and then killed."""

import json
import os
import signal
from pathlib import Path

from courseware.exercises import points


def named(nonce, shape):
    """Return `shape`, a list of lists of …, with a fresh name for each process."""
    return [nonce.word(8), *(named(nonce, below) for below in shape)]


def names_of(node):
    """Return the names of all processes that `node` asks for."""
    name, *children = node
    return [name, *(found for child in children for found in names_of(child))]


def alive(running):
    """Return name → pid of the processes that run, the root too."""
    name, _, rest = Path(f"/proc/{running.pid}/stat").read_text(encoding="utf-8").rpartition(")")
    root = {} if rest.split()[0] == "Z" else {name.partition("(")[2]: running.pid}
    return root | {stat.comm: stat.pid for stat in running.descendants() if stat.state != "Z"}


@points(1, part="count", after="test_the_tree_stands")
def test_parents_wait_and_the_killed_do_not_count(box, nonce):
    chain = [[[]]] if nonce.integer(0, 1) else [[[[]]]]
    tree = named(nonce, [*([] for _ in range(nonce.integer(1, 4))), chain])
    path, node = [], tree
    while True:  # the last child of the last child of …: the victim and all above it
        path.append(node[0])
        if len(node) == 1:
            break
        node = node[-1]
    victim = path[-1]
    running = box.start(json.dumps(tree))
    box.wait_for(lambda: set(alive(running)) == set(names_of(tree)), seconds=5, what="the tree stands")

    victims_pid = alive(running)[victim]
    os.kill(victims_pid, signal.SIGSTOP)
    running.close_stdin()
    box.wait_for(
        lambda: set(alive(running)) <= set(path), seconds=5, what="all end but the stopped one and those above it"
    )
    left = sorted(alive(running))
    assert left == sorted(path), (
        f"{victim} was stopped and had not ended; so {sorted(path)} had to wait for it, but only {left} were left"
    )
    os.kill(victims_pid, signal.SIGKILL)
    code = running.wait().code
    wanted = len(names_of(tree)) - 1
    assert code == wanted, (
        f"of {wanted + 1} processes one was killed by SIGKILL, so that {wanted} ended normally; "
        f"the root ended with {code}"
    )
