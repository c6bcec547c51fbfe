"""Grow a tree of processes of a given shape, hold it, and count it when it falls.

fork_tree.py '["oak", ["elm"], ["ash", ["fir"]]]'

Everything is here but `grow`. `one_child` is the worked example: it is not called, it shows the five calls you need.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from lab import Todo


def one_child() -> int:
    """Worked example: make one child, wait for it, return its exit code."""
    pid = os.fork()  # from here on there are two processes, and both run the next line
    if pid == 0:  # 0: this is the child
        code = 255
        try:
            print("child", os.getpid(), "of", os.getppid(), flush=True)
            code = 7
        finally:
            os._exit(code)  # the child ends here, in any case: what follows is the parent's
    _, status = os.wait()  # the parent sleeps until a child has ended
    return os.waitstatus_to_exitcode(status)  # 7; negative if a signal ended the child


def set_name(name: str) -> None:
    """Give this process the name that ps shows (at most 15 bytes)."""
    with open("/proc/self/comm", "w", encoding="utf-8") as file:
        file.write(name)


def hold() -> None:
    """Wait until standard input ends. All processes of the tree read the same input, and all see its end."""
    while os.read(0, 4096):
        pass


def grow(node: list[Any]) -> int:
    """Be the process of ``node``, with a child for each subtree; return how many processes of it ended normally."""
    name, *children = node
    set_name(name)
    # 1. make one child for each element of `children`; the child does `grow(child)`, and its answer is its exit code
    # 2. print one line: name, own pid, parent's pid
    # 3. hold()
    # 4. wait for all children; return 1 + the sum of their exit codes (a child that a signal ended counts 0)
    raise Todo(f"grow: {name} has {len(children)} children to make")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("""usage: fork_tree.py TREE, as JSON: '["oak", ["elm"], ["ash", ["fir"]]]'""")
    sys.exit(grow(json.loads(sys.argv[1])))
