"""Ways by a descriptor: one that was open before, one that somebody hands in, a socket without a path. See unix(7)."""

from __future__ import annotations

import os
import socket

from ..model import Stopped, trying
from .roots import first_of, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..inside import Inside


def held(inside: Inside) -> int:
    """Return the descriptor of an outside folder that was open before the jail was entered; raise Stopped."""
    fd = int(inside.world["held"])
    with trying("fstat", about="held"):
        status = os.fstat(fd)
    if [status.st_dev, status.st_ino] != inside.world["held_is"]:
        raise Stopped("fstat", 9, about="held")  # another file has this number here
    return fd


def held_descriptor(inside: Inside) -> str:
    """Use a descriptor of an outside folder, open from before.

    A descriptor keeps what it was opened on, whatever the root is now: openat(2) from an outside folder's
    descriptor, or fchdir(2) to it, is outside at once. No namespace helps: the runtime must close everything before
    it executes the program (close_range, close-on-exec).
    """
    return read("canary", dir_fd=held(inside))


def proc_self_fd(inside: Inside) -> str:
    """Follow /proc/self/fd/N of that descriptor.

    The links in /proc/self/fd are no text: opening one leads to what the descriptor is open on, past any root. The
    same descriptor as above, for programs that only know paths (CVE-2024-21626 was this, by the working folder).
    """
    held(inside)
    return read(f"/proc/self/fd/{inside.world['held']}/canary", about="magic link")


def called(address: str | bytes, about: str) -> tuple[str, int]:
    """Connect to the outsider; return what it says and the descriptor that it passes; raise Stopped."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        with trying("connect", about=about):
            caller.connect(address)
        data, fds, _, _ = socket.recv_fds(caller, 256, 1)
        return data.decode(errors="replace"), fds[0]


def passed_descriptor(inside: Inside) -> str:
    """Let an outsider pass a descriptor over a Unix socket.

    A Unix socket carries descriptors (SCM_RIGHTS). If the jail can reach the socket of an outsider who gives one
    away, by a path or by an abstract name, it has an outside folder. What stops it is that nothing of the kind can
    be reached: no path leads there, and abstract names belong to the network namespace.
    """

    def by(address: str | bytes, about: str) -> str:
        _, fd = called(address, about)
        try:
            return read("canary", dir_fd=fd)
        finally:
            os.close(fd)

    return first_of(
        lambda: by("\0" + inside.world["abstract"], "abstract"), lambda: by(inside.world["socket"], "socket")
    )


def abstract_socket(inside: Inside) -> str:
    """Talk to an outsider's abstract Unix socket.

    An abstract Unix socket has a name and no file, so no root hides it: it belongs to the network namespace. A
    container on the host's network can talk to every abstract socket of the host (containerd's shim had one:
    CVE-2020-15257).
    """
    said, fd = called("\0" + inside.world["abstract"], "abstract")
    os.close(fd)
    return said
