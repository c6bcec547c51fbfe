"""One process's namespaces, and two processes beside each other.

What belongs here: reading /proc/PID/ns of one process, and comparing. What does not: who else is there (``survey.py``).
"""

from __future__ import annotations

import os

from ..core.kinds import KINDS
from ..errors import NamespaceError
from ..targets import NO_PROC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LATER = ("pid_for_children", "time_for_children")


def links_of(pid: int) -> dict[str, str]:
    """Return the links of process ``pid`` by the name of the file in /proc/PID/ns, in the order of KINDS.

    ``pid_for_children`` and ``time_for_children`` are there only where they lead elsewhere than the process is. Raises
    NamespaceError: it has ended, or it is not ours to look at.
    """
    links = {name: _link(pid, name) for name in (*(kind.name for kind in KINDS), *_LATER)}
    found = {name: link for name, link in links.items() if link}
    for name in _LATER:
        if found.get(name) == found.get(name.partition("_")[0]):
            found.pop(name, None)
    if not found:
        raise NamespaceError(f"process {pid} has ended", hint="" if os.path.exists("/proc/self") else NO_PROC)
    return found


def _link(pid: int, name: str) -> str:
    """Return one link; "" where this kernel or this process (a zombie) has none."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{name}")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    except PermissionError:
        advice = "run as root" if os.geteuid() else "it has rights that we lack: needs CAP_SYS_PTRACE over it"
        raise NamespaceError(f"cannot look at process {pid}: it is not ours", hint=advice) from None


class Difference:
    """A kind and the inodes of both sides; None where a side has none: it has not come that far, or is at its end."""

    __slots__ = ("kind", "left", "right")

    def __init__(self, kind: str, left: int | None, right: int | None) -> None:
        self.kind = kind
        self.left = left
        self.right = right

    @property
    def same(self) -> bool:
        """Whether both are in one namespace of this kind."""
        return self.left == self.right


def compare(left: int, right: int) -> list[Difference]:
    """Return each kind with the namespaces of processes ``left`` and ``right``.

    Raises NamespaceError, also for a zombie: it has left most of its namespaces, and nobody knows which they were.
    """
    ours, theirs = links_of(left), links_of(right)
    for pid, links in ((left, ours), (right, theirs)):
        if "mnt" not in links:
            raise NamespaceError(f"cannot compare process {pid}: {zombie_sentence(links)}")
    names = [kind.name for kind in KINDS if kind.name in ours or kind.name in theirs]
    return [Difference(name, inode_of(ours.get(name)), inode_of(theirs.get(name))) for name in names]


def zombie_sentence(kinds: Iterable[str]) -> str:
    """Return what is to be said of a process that is still in namespaces of ``kinds`` only."""
    return f"it has ended and was not waited for (a zombie), and has left all but its {' and '.join(kinds)}"


def inode_of(link: str | None) -> int | None:
    """Return the number in ``net:[4026531833]``; None for None."""
    return int(link.partition("[")[2][:-1]) if link else None
