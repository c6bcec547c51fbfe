"""The last stretch of the init: from a prepared root file system to the program, in the one right order.

    descriptors 0–2 → seccomp (only without no_new_privs: loading it needs CAP_SYS_ADMIN, which is about to go)
    → bounding set → groups, gid, uid (keeping capabilities over the change) → the five capability sets
    → cwd, *verified* → death signal → program looked up → (gate) → seccomp with no_new_privs → execve

Each arrow has a reason: dropping from the bounding set needs CAP_SETPCAP, which a change of uid would take away;
setgroups needs CAP_SETGID, so groups go before the uid; setuid(2) clears the parent-death signal, so that comes after;
and whoever looks up the program must be the user who will run it.

What belongs here: what becomes of a process before it runs a program. What does not: mounts, namespaces, the gate.
"""

from __future__ import annotations

import os
from fcntl import F_DUPFD_CLOEXEC, fcntl
from select import POLLHUP, poll

from section01_processes import LcmError, action, change_directory, find_program, set_death_signal

from ..errors import OciError, PeerDied
from .protocol import Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


@action("setsid(2)")
def begin_session() -> None:
    """Lead a session and a process group of our own, without a controlling terminal."""
    os.setsid()


@action("close(2)")
def close_descriptors(fds: Sequence[int]) -> None:
    """Close what is the runtime's alone (lock files): it must not live as long as the container does."""
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            pass


@action("dup2(2)")
def place_stdio(stdin: int, stdout: int, stderr: int) -> None:
    """Make the three descriptors 0, 1 and 2. They are moved above 2 first, so that none overwrites another."""
    if (stdin, stdout, stderr) == (0, 1, 2):
        return
    for target, fd in enumerate([fcntl(fd, F_DUPFD_CLOEXEC, 3) for fd in (stdin, stdout, stderr)]):
        os.dup2(fd, target)


@action("setgroups(2)")
def become_user(uid: int, gid: int, groups: Sequence[int], may_set_groups: bool) -> None:
    """Change to the user: supplementary groups, then gid, then uid (the last, as it takes the right to do so)."""
    if may_set_groups:
        os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


@action("chdir(2)")
def enter_cwd(path: str, tolerant: bool) -> None:
    """Change to the working directory and verify that it is inside of the container (CVE-2024-21626).

    A cwd such as ``/proc/self/fd/7`` would lead through a leaked descriptor to the host: getcwd(2) then says
    "(unreachable)". ``tolerant``: the first try, as root; EACCES then is left to the user's own try.
    """
    try:
        change_directory(path)
    except LcmError as error:
        if not (tolerant and isinstance(error.__cause__, PermissionError)):
            raise OciError(error.message, hint=error.hint, explain=error.explain) from None


@action("prctl(2)")
def die_with(channel: Channel, signal: int) -> None:
    """Get ``signal`` when the runtime dies; then verify that it has not died already (its end would be closed)."""
    set_death_signal(signal)
    waiter = poll()
    waiter.register(channel.mine, POLLHUP)
    if waiter.poll(0):
        raise PeerDied("the runtime died while the container was made")


@action("execve(2)")
def look_up_program(name: str, path: str, cwd: str) -> str:
    """Return the program's path in the container. Raises with 127 (not found) or 126 (not executable)."""
    return find_program(name, path, cwd)
