"""The foreground: copy between the user's terminal and the container's, forward signals, wait for the end."""

from __future__ import annotations

import os
import select
import signal
import socket
from typing import TYPE_CHECKING

from section01_processes import RawTerminal, get_size, set_size

if TYPE_CHECKING:
    from types import FrameType

    from ..life import Created

#: Everything but what cannot be caught, and what says something about ourselves.
NOT_FORWARDED = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGWINCH, signal.SIGURG}
NOT_FORWARDED |= {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT}


def current_size() -> tuple[int, int]:
    """Return rows and columns of the user's terminal; (0, 0) if standard input is none."""
    try:
        return get_size(0)
    except OSError:
        return (0, 0)


def hand_to_socket(master: int, path: str) -> None:
    """Send the master to the listener at ``path`` (SCM_RIGHTS over SOCK_STREAM, as runc and conmon do); close it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(path)
        socket.send_fds(sock, [b"/dev/pts/ptmx"], [master])
    os.close(master)


def serve(made: Created) -> int:
    """Serve the process in the foreground until it ends; return its exit code."""
    forward(made)
    if made.console >= 0:
        with RawTerminal(0):
            copy(made)
        os.close(made.console)
        made.console = -1
    return made.child.wait()


def forward(made: Created) -> None:
    """Forward signals to the process; a change of the window's size goes to its terminal."""

    def pass_on(number: int, _: FrameType | None) -> None:
        made.child.signal(number)

    def resize(_: int, __: FrameType | None) -> None:
        size = current_size()
        if made.console >= 0 and size != (0, 0):
            set_size(made.console, *size)

    for number in set(signal.Signals) - NOT_FORWARDED:
        signal.signal(number, pass_on)
    signal.signal(signal.SIGWINCH, resize)


def copy(made: Created) -> None:
    """Copy both ways until the terminal's last user is gone, or the process has ended and nothing is left to read."""
    waiter = select.poll()
    for fd in (made.console, made.child.fileno(), 0):
        waiter.register(fd, select.POLLIN)
    while True:
        ready = dict(waiter.poll())
        if made.console in ready:
            if not move(made.console, 1):
                return
        elif made.child.fileno() in ready:
            return
        if 0 in ready and not move(0, made.console):
            waiter.unregister(0)
            os.write(made.console, b"\x04")


def move(source: int, target: int) -> bool:
    """Copy what can be read now; False at the end."""
    try:
        data = os.read(source, 65536)
    except OSError:  # EIO: no slave is open any more
        return False
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]
    return bool(data)
