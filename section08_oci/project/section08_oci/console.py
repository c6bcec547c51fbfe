"""The container's terminal: a pty of its *own* devpts, so that /dev/tty and ttyname(3) work inside.

What belongs here: making the pty in the container, handing its master to the runtime, /dev/console. What does not:
copying between the master and somebody's terminal (the shim, ``ociman``).
"""

from __future__ import annotations

import os
import stat

from section01_processes import (
    LcmError,
    Slot,
    Step,
    action,
    make_controlling_terminal,
    open_pty,
    place_stdio,
    set_size,
    warn,
)
from section04_filesystem import bind_descriptor

from .core.protocol import CONSOLE, Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@action("pty(7)")
def make_terminal(size: tuple[int, int]) -> tuple[int, int]:
    """Open a new pty of the container's devpts; return (master, slave). ``size``: (rows, columns), (0, 0): default."""
    master, slave = open_pty("/dev/pts/ptmx")
    if size != (0, 0):
        set_size(master, *size)
    return master, slave


@action("unix(7)")
def hand_over(channel: Channel, pty: tuple[int, int]) -> None:
    """Send the master to the runtime (SCM_RIGHTS) and forget it."""
    channel.send(CONSOLE, fds=(pty[0],))
    os.close(pty[0])


@action("unix(7)")
def await_console(channel: Channel) -> int:
    """Wait for the master of the container's terminal and return the descriptor."""
    return channel.expect(CONSOLE)[1][0]


@action("mount(2)")
def bind_console(pty: tuple[int, int]) -> None:
    """Put the terminal on /dev/console, where programs that are used to being init look for it."""
    try:
        bind_descriptor(-1, "/dev/console", pty[1])
    except (OSError, LcmError) as error:
        warn(f"/dev/console is not the container's terminal: {error}")


@action("TIOCSCTTY(2const)")
def use_terminal(pty: tuple[int, int]) -> None:
    """Make the slave our controlling terminal and our descriptors 0, 1 and 2."""
    make_controlling_terminal(pty[1])
    place_stdio(pty[1], pty[1], pty[1])
    os.close(pty[1])


@action("fchown(2)")
def own_stdio(uid: int) -> None:
    """Give the user the terminal or the pipes behind 0, 1 and 2, so that he can open /dev/stdout again.

    Regular files and devices stay whose they are. A refusal (unmapped id, read-only) costs only that convenience.
    """
    for fd in (0, 1, 2):
        try:
            facts = os.fstat(fd)
            pty = stat.S_ISCHR(facts.st_mode) and 136 <= os.major(facts.st_rdev) <= 143
            if facts.st_uid != uid and (pty or stat.S_ISFIFO(facts.st_mode) or stat.S_ISSOCK(facts.st_mode)):
                os.fchown(fd, uid, -1)
        except OSError:
            continue


def plan_terminal(size: tuple[int, int], *, console: bool) -> list[Step]:
    """Return the steps of the process that will own the terminal; ``console``: also as /dev/console."""
    pty: Any = Slot("pty", "the container's terminal")
    steps = [Step(make_terminal, size, about="a pty of the container's devpts", out=pty)]
    if console:
        steps.append(Step(bind_console, pty, about="/dev/console"))
    steps.append(Step(hand_over, Slot("channel", "channel to the runtime"), pty, about="the master for the runtime"))
    steps.append(Step(use_terminal, pty, about="controlling terminal; descriptors 0 to 2"))
    return steps
