"""What a translation needs to know of the machine and the state root, handed in so that translating stays pure.

What belongs here: the shape, and gathering it once. What does not: deciding anything from it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from minidocker.paths import StateRoot

#: (path, type "c"|"b", major, minor, mode, uid, gid)
DeviceNode = tuple[str, str, int, int, int, int, int]


class Facts:
    """The machine and the caller, as far as a bundle depends on them."""

    __slots__ = (
        "allowed", "environ", "free_port", "gid", "host_name", "identity", "machine", "processors", "root", "uid"
    )  # fmt: skip

    def __init__(
        self,
        root: StateRoot,
        identity: str,
        *,
        uid: int = 0,
        gid: int = 0,
        machine: str = "x86_64",
        host_name: str = "host",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.identity = identity
        self.uid = uid
        self.gid = gid
        self.machine = machine
        self.host_name = host_name
        self.environ = environ or {}
        #: protocol → a free host port, for ``-p 80``; 0 in a dry run
        self.free_port: Callable[[str], int] = _no_port
        #: how many processors are online (None: nobody knows)
        self.processors: Callable[[], int | None] = os.cpu_count
        #: "cpus" or "mems" → those that a container may be given, as in 0-3
        self.allowed: Callable[[str], str] = allowed_set

    @property
    def folder(self) -> str:
        """The container's folder."""
        return self.root.container(self.identity)

    @property
    def rootless(self) -> bool:
        """Whether an ordinary user asks: the container gets a user namespace of its own."""
        return self.uid != 0


def _no_port(_protocol: str) -> int:
    """Return 0: no port is chosen where nothing may be touched."""
    return 0


def gather(root: StateRoot, identity: str, *, as_root: bool = False) -> Facts:
    """Return the facts of this machine and process; ``as_root``: as they would be if root asked."""
    system = os.uname()
    return Facts(
        root,
        identity,
        uid=0 if as_root else os.geteuid(),
        gid=0 if as_root else os.getegid(),
        machine=system.machine,
        host_name=system.nodename,
        environ=os.environ,
    )


def device_nodes(path: str) -> list[DeviceNode]:
    """Return the device nodes at or below host ``path`` (not below pts, shm, mqueue, fd), for ``--device``.

    Raises OSError when ``path`` itself is not there.
    """
    found: list[DeviceNode] = []
    pending = [path]
    while pending:
        current = pending.pop()
        info = os.stat(current) if current == path else os.lstat(current)
        kind = info.st_mode & 0o170000
        if kind in {0o020000, 0o060000}:
            letter = "c" if kind == 0o020000 else "b"
            numbers = os.major(info.st_rdev), os.minor(info.st_rdev)
            found.append((current, letter, *numbers, info.st_mode & 0o7777, info.st_uid, info.st_gid))
        elif kind == 0o040000 and os.path.basename(current) not in {"pts", "shm", "mqueue", "fd", ".lxc"}:
            pending += [f"{current}/{name}" for name in sorted(os.listdir(current), reverse=True)]
    return found


def allowed_set(kind: str) -> str:
    """Return the processors (``cpus``) or memory nodes (``mems``) that a container may be given, as in ``0-3``.

    They are those of the group above the container's (cpuset(7), cgroups(7)); without the controller, those online.
    """
    from section03_cgroups import ControllerMissing, Hierarchy

    files = [f"/sys/devices/system/{'cpu' if kind == 'cpus' else 'node'}/online"]
    try:
        mount, version = Hierarchy.detect().find("cpuset")
    except ControllerMissing:
        version = 0
    if version:
        name = f"cpuset.{kind}.effective" if version == 2 else f"cpuset.effective_{kind}"
        files[:0] = [f"{mount}/minidocker/{name}", f"{mount}/{name}"]
    for path in files:
        try:
            with open(path, encoding="ascii") as file:
                text = file.read().strip()
        except FileNotFoundError:
            continue
        if text:  # a group in the making has none yet
            return text
    return "0"  # a kernel without NUMA, or without hotplug, lists nothing: there is the first
