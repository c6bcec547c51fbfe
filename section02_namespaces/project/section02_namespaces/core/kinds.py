"""The eight kinds of namespace, and which ones a process is in.

What belongs here: the table and reading /proc/PID/ns. What does not: making or joining one (``create.py``).
"""

from __future__ import annotations

import os

from section02_namespaces.errors import unknown_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# <linux/sched.h>; see clone(2), namespaces(7).
CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000


class NamespaceKind:
    """One kind: the kernel's ``name`` (file under /proc/PID/ns), the clone ``flag``, the OCI spec's name ``oci``."""

    __slots__ = ("flag", "isolates", "name", "oci")

    def __init__(self, name: str, flag: int, oci: str, isolates: str) -> None:
        self.name = name
        self.flag = flag
        self.oci = oci
        self.isolates = isolates

    def __repr__(self) -> str:
        return f"NamespaceKind({self.name!r})"


#: In the order in which they are joined: the user namespace gives the rights for the others; the mount namespace comes
#: last but one, because it changes what every path means; the pid namespace changes only the children.
KINDS = (
    NamespaceKind("user", CLONE_NEWUSER, "user", "user and group ids, capabilities"),
    NamespaceKind("cgroup", CLONE_NEWCGROUP, "cgroup", "the root of the cgroup tree that is seen"),
    NamespaceKind("ipc", CLONE_NEWIPC, "ipc", "System V IPC, POSIX message queues"),
    NamespaceKind("uts", CLONE_NEWUTS, "uts", "host name and NIS domain name"),
    NamespaceKind("net", CLONE_NEWNET, "network", "devices, addresses, routes, ports, firewall"),
    NamespaceKind("time", CLONE_NEWTIME, "time", "offsets of the monotonic and boot-time clocks"),
    NamespaceKind("mnt", CLONE_NEWNS, "mount", "the mounts, and so what every path means"),
    NamespaceKind("pid", CLONE_NEWPID, "pid", "process ids"),
)
_BY_NAME = {name: kind for kind in KINDS for name in (kind.name, kind.oci)}


def kind_named(name: str) -> NamespaceKind:
    """Return the kind called ``name`` by the kernel (``mnt``) or the OCI spec (``mount``). Raises NamespaceError."""
    if name not in _BY_NAME:
        raise unknown_kind(name, [kind.name for kind in KINDS])
    return _BY_NAME[name]


def flags_of(names: Iterable[str]) -> int:
    """Return the CLONE_NEW* flags of the kinds called ``names``."""
    flags = 0
    for name in names:
        flags |= kind_named(name).flag
    return flags


def namespaces_of(pid: int | str) -> dict[str, int]:
    """Return the inode number of each namespace that process ``pid`` (or ``"self"``) is in, by the kernel's name.

    Two processes share a namespace when the numbers are equal (namespaces(7)). Raises OSError when ``pid`` is gone or
    belongs to somebody else.
    """
    known = os.listdir(f"/proc/{pid}/ns")  # an older kernel has fewer kinds
    return {kind.name: os.stat(f"/proc/{pid}/ns/{kind.name}").st_ino for kind in KINDS if kind.name in known}
