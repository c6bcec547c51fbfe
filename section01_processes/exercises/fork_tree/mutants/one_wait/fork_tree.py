"""Grow a tree of processes of a given shape, hold it, and count it when it falls.

fork_tree.py '["oak", ["elm"], ["ash", ["fir"]]]'
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


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
    for child in children:
        if os.fork() == 0:
            code = 255
            try:
                code = grow(child)
            finally:
                os._exit(code)  # whatever happens: the child must never come back into this loop
    # Flushed at once: a line that stays in the buffer is lost at _exit, or printed by every child that copied it.
    print(name, os.getpid(), os.getppid(), flush=True)
    hold()
    count = 1
    if children:
        _, status = os.wait()
        count += max(os.waitstatus_to_exitcode(status), 0)  # negative: ended by a signal
    return count


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("""usage: fork_tree.py TREE, as JSON: '["oak", ["elm"], ["ash", ["fir"]]]'""")
    sys.exit(grow(json.loads(sys.argv[1])))
