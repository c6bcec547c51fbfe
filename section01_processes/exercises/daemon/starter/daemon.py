"""Start a program as a daemon, and return when it is ready.

daemon.py PIDFILE COMMAND ARG…

The functions are a proposal: the interface is what counts.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from lab import Todo

READY_FD = 3


def start(pid_file: str, command: list[str]) -> int:
    """Start ``command`` as a daemon; return 0 when it is ready, else the exit code that says why it is not."""
    raise Todo(f"start: is one running, by {pid_file}? A pipe, a fork, and wait until {command[0]} is ready")


def leave_home(pid_file: str, command: list[str], ready: int) -> NoReturn:
    """In the first child: leave the session, and make the second child, which is the daemon."""
    raise Todo(f"leave_home: setsid, fork; {command[0]} with the pipe {ready} and {pid_file}")


def become_daemon(pid_file: str, command: list[str], ready: int) -> NoReturn:
    """In the second child: keep nothing of the starter, write the pid file, be ``command``."""
    raise Todo(f"become_daemon: clean up, write {pid_file}, {ready} to {READY_FD}, exec {command[0]}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: daemon.py PIDFILE COMMAND ARG...")
    sys.exit(start(sys.argv[1], sys.argv[2:]))
