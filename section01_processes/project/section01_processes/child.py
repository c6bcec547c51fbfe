"""What a forked child makes of itself before it becomes a program: its session, its descriptors, its user.

What belongs here: one action each. What does not: their order, which is that of whoever plans (``launch.py``, section
8), the last steps before execve (``core/exec.py``), capabilities (section 7).
"""

from __future__ import annotations

import os
import sys
from fcntl import F_DUPFD_CLOEXEC, fcntl

from ._syscalls import set_dumpable
from .core.plan import action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


@action("setsid(2)")
def lead_session() -> None:
    """Lead a session and a process group of our own, without a controlling terminal."""
    os.setsid()


@action("PR_SET_DUMPABLE(2const)")
def become_undumpable() -> None:
    """Let nobody trace us or open our files in /proc: before we go where others are root (CVE-2016-9962)."""
    set_dumpable(0)


@action("path_resolution(7)")
def forbid_imports() -> None:
    """Let Python look for no module any more: in another root it would find, and run, that root's files.

    What is needed from here on is loaded already; an import of anything else raises ModuleNotFoundError. Nor can a
    traceback load a codec for a source file, which would be that root's, too.
    """
    sys.meta_path.clear()
    sys.path.clear()


@action("close(2)")
def close_descriptors(fds: Sequence[int]) -> None:
    """Close what is our parent's alone (lock files): it must not live as long as we do. Closed ones are fine."""
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass


@action("dup2(2)")
def place_stdio(stdin: int, stdout: int, stderr: int) -> None:
    """Make the three descriptors 0, 1 and 2. They are copied above 2 first, so that none overwrites another."""
    if (stdin, stdout, stderr) == (0, 1, 2):
        return
    for target, fd in enumerate([fcntl(fd, F_DUPFD_CLOEXEC, 3) for fd in (stdin, stdout, stderr)]):
        os.dup2(fd, target)
        os.close(fd)


@action("setgroups(2)")
def become_user(uid: int, gid: int, groups: Sequence[int], may_set_groups: bool = True) -> None:
    """Change to the user: supplementary groups, then gid, then uid (the last, as it takes the right to do so).

    ``may_set_groups`` False: the groups stay; a user namespace may have them denied for ever (user_namespaces(7)).
    """
    if may_set_groups:
        os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
