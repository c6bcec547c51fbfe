"""The start gate: a FIFO at which the init waits between ``create`` and ``start``.

create → the init has done everything but execve, and opens ``exec.fifo`` for writing: fifo(7) blocks it there.
start  → any process opens the FIFO for reading; the init runs on, writes ``0`` and executes the program. Its end of the
FIFO is close-on-exec, so the reader learns how it went: end-of-file after the ``0`` means that the program runs;
anything else is the error, packed.

The init has changed its root by then, so it opens the FIFO through a descriptor (O_PATH) that the child took before, in
``/proc/self/fd`` of the *host's* procfs, which it holds as a directory descriptor. Both are close-on-exec.

What belongs here: both sides of the gate. What does not: what the init does before or after it.
"""

from __future__ import annotations

import os
from select import POLLHUP, POLLIN, poll

from section01_processes import action

from ..errors import StartError, unpack_error

FILE = "exec.fifo"


@action("mkfifo(3)")
def make_gate(folder: str) -> None:
    """Make the FIFO in the container's state folder (0700: no stranger comes near).

    The init opens it as the user that it has become by then, so whoever reaches it may write.
    """
    os.mkfifo(f"{folder}/{FILE}", 0o600)
    os.chmod(f"{folder}/{FILE}", 0o622)


@action("open(2)")
def find_gate(folder: str) -> int:
    """Take hold of the gate without opening it (O_PATH): the child does, a user namespace's init may not come near."""
    return os.open(f"{folder}/{FILE}", os.O_PATH | os.O_CLOEXEC)


@action("open(2)")
def hold_proc() -> int:
    """Take hold of our own folder of descriptors in the host's /proc, while that is in reach (O_PATH)."""
    return os.open("/proc/self/fd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


@action("fifo(7)")
def wait_at_gate(fifo: int, proc: int) -> int:
    """Block until somebody opens the other end; return the descriptor that tells how the start went."""
    fd = os.open(str(fifo), os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
    os.close(fifo)
    os.close(proc)
    os.write(fd, b"0")
    return fd


def open_gate(folder: str, pidfd: int) -> None:
    """Let the init run and wait until it has exec'd. Raises what it reports, or StartError when it dies on the way."""
    fd = os.open(f"{folder}/{FILE}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        answer = _read_answer(fd, pidfd)
    finally:
        os.close(fd)
    if answer[1:]:
        raise unpack_error(answer[1:])
    if not answer:
        raise StartError("the init ended before it could start its program", hint="was the container killed?")


def _read_answer(fd: int, pidfd: int) -> bytes:
    """Collect what the init writes until it closes the FIFO, or until it is dead and the FIFO is drained."""
    waiter = poll()
    waiter.register(fd, POLLIN)
    waiter.register(pidfd, POLLIN)
    answer = b""
    while True:
        ready = dict(waiter.poll())
        if fd not in ready:  # dead; poll(2) looks at one after the other: in between, it may have written and ended
            ready = dict(waiter.poll(0))
        if ready.get(fd, 0) & (POLLIN | POLLHUP):
            piece = os.read(fd, 65536)
            answer += piece
            if not piece:
                return answer
        elif pidfd in ready:
            return answer
