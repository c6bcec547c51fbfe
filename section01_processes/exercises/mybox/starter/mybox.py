"""mybox: a container runtime that grows. Step one: run a program, pass signals on, end as it ends.

mybox.py run [OPTIONS] -- COMMAND ARG…

`main` is complete. In later sections it gets options and verbs, and `run` and `become` get more steps: keep them apart.
"""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from lab import Todo


def run(command: list[str]) -> int:
    """Run ``command``; return its exit code, or 128 + n when signal n ended it."""
    raise Todo(f"run: fork, pass signals on, and wait for {command[0]}")


def become(command: list[str]) -> NoReturn:
    """In the child: be ``command``. Never returns: the code after the fork is the parent's."""
    raise Todo(f"become: the last mile, then execvp of {command[0]}; 127 or 126 if that fails")


def last_mile() -> None:
    """Undo what execve would keep: ignored signals, the signal mask, open descriptors."""
    raise Todo("last_mile")


def main(words: list[str]) -> int:
    """Parse the arguments, do what they say, return the exit code."""
    bar = words.index("--") if "--" in words else len(words)
    ours, command = words[:bar], words[bar + 1 :]  # what follows the first -- belongs to the program, word by word
    parser = argparse.ArgumentParser(prog="mybox")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", usage="mybox run [OPTIONS] -- COMMAND [ARG...]")
    _, unknown = parser.parse_known_args(ours)
    if unknown or not command:
        parser.error(f"run: no command after --; write: mybox run -- {' '.join(unknown) or 'COMMAND'}")
    return run(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
