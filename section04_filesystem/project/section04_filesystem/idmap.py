"""Id-mapped mounts: one tree, seen with other owners through this mount only. See mount_setattr(2), MOUNT_ATTR_IDMAP.

A user namespace's map says which id inside stands for which one outside. An id-mapped mount borrows such a map for the
ids of files: what is 0 on the disk is 100000 here, without a chown. The kernel takes the map as the descriptor of a
user namespace, so one is made in a child, mapped from outside, opened, and the child ends.

What belongs here: that, and why the kernel refused. What does not: which mounts are mapped (``rootfs.py``), and the
rest of a bind (``binds.py``). Not on the path of a container without such mounts.
"""

from __future__ import annotations

import os

from section01_processes import Step, SyscallError, UsageError, action, pid_of, spawn
from section02_namespaces import CLONE_NEWUSER, IdMap, unshare, write_id_maps

from . import _syscalls
from .binds import dress_with
from .core import flags as k
from .core.detached import clone_tree
from .core.mounts import attach_in_root
from .errors import MountError, mount_error
from .mountinfo import MountTable
from .options import MountOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: A line of a map as plain numbers, so that a plan shows it: (id on the disk, id seen through the mount, how many).
Line = tuple[int, int, int]
_FLAGS = "set_:k.MOUNT_ATTR_ clear:k.MOUNT_ATTR_ all_set:k.MOUNT_ATTR_ all_clear:k.MOUNT_ATTR_"


def idmapped(source: int | str, uids: Sequence[Line], gids: Sequence[Line], *, recursive: bool = False) -> int:
    """Return a detached copy of the mount at ``source`` (path or descriptor), with its owners mapped.

    ``uids`` and ``gids``: lines (id on the disk, id seen, count). ``recursive``: with the mounts below, mapped as well.
    The caller owns the descriptor. Raises MountError, IdMapError.
    """
    tree = clone_tree(source, recursive)
    try:
        map_ids(tree, uids, gids, recursive, source if isinstance(source, str) else "")
    except BaseException:
        os.close(tree)
        raise
    return tree


@action("mount_setattr(2)")
def map_ids(tree: int, uids: Sequence[Line], gids: Sequence[Line], recursive: bool = False, source: str = "") -> None:
    """Map the owners of the *detached* mount ``tree``: the kernel changes no mount that somebody can see already.

    ``source``: the path that it is a copy of, for the error's text. Raises MountError that names the cause, IdMapError
    for a map that cannot be.
    """
    namespace = make_user_namespace([IdMap(*line) for line in uids], [IdMap(*line) for line in gids])
    at_flags = k.AT_EMPTY_PATH | (k.AT_RECURSIVE if recursive else 0)
    try:
        _syscalls.mount_setattr(tree, b"", at_flags, k.MOUNT_ATTR_IDMAP, 0, 0, namespace)
    except SyscallError as error:
        raise _refusal(error, *_facts(tree, source), recursive) from None
    finally:
        os.close(namespace)


@action("mount_setattr(2)", flags=_FLAGS)
def mount_idmapped(
    root_fd: int,
    target: str,
    source: str,
    recursive: bool,
    maps: tuple[Sequence[Line], Sequence[Line], bool],
    set_: int,
    clear: int,
    all_set: int = 0,
    all_clear: int = 0,
    propagation: str = "",
) -> None:
    """Bind ``source`` to ``target`` inside the root with mapped owners.

    ``maps``: lines for uids, lines for gids, whether the mounts below get them, too. The other arguments are those of
    ``mount_bind_with``. Raises MountError, IdMapError.
    """

    def prepare(tree: int) -> None:
        map_ids(tree, *maps, source)
        dress_with(tree, set_, clear, all_set, all_clear, propagation)

    try:
        attach_in_root(clone_tree(source, recursive), root_fd, target, prepare=prepare)
    except OSError as error:
        raise mount_error(error, f"bind {source} → {target}, id-mapped", "bind") from error


class MappedSource:
    """A mapped mount that one process opens and another, forked from it, attaches; both plans hold this object.

    Only whoever has CAP_SYS_ADMIN over the file system may map it: not a container's init in a user namespace of its
    own, but the process that it was forked from, before that left the caller's.
    """

    __slots__ = ("fd", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.fd = -1

    def __repr__(self) -> str:
        return f"<{self.source}, id-mapped>"


def plan_mapped_sources(mounts: Iterable[Mapping[str, object]]) -> tuple[list[Step], dict[str, MappedSource]]:
    """Return the steps that open the sources of a config's id-mapped binds, and what they leave, by destination.

    For a container with a user namespace: the steps run in a process that is still in the caller's, in the caller's
    mount namespace; ``plan_root_mounts`` gets the dictionary, and its steps attach them. Raises UsageError.
    """
    steps, sources = [], {}
    for mount in mounts:
        options = MountOptions.parse(mount.get("options") or ())  # type: ignore[arg-type]
        if not (options.idmap or mount.get("uidMappings") or mount.get("gidMappings")):
            continue
        target, held = str(mount["destination"]), MappedSource(str(mount.get("source") or ""))
        maps = (*parse_maps(mount), options.idmap == "ridmap")
        steps.append(Step(open_mapped, held, options.bind != "bind", maps, about=f"for {target}, while we may"))
        sources[target] = held
    return steps, sources


@action("open_tree(2)")
def open_mapped(held: MappedSource, recursive: bool, maps: tuple[Sequence[Line], Sequence[Line], bool]) -> None:
    """Open ``held`` as a detached mount with mapped owners, for a process forked later. Raises MountError."""
    try:
        tree = clone_tree(held.source, recursive)
        try:
            map_ids(tree, *maps, held.source)
        except BaseException:
            os.close(tree)
            raise
    except OSError as error:
        raise mount_error(error, f"bind {held.source}, id-mapped", "bind") from error
    held.fd = tree


@action("move_mount(2)", flags=_FLAGS)
def attach_mapped(
    root_fd: int,
    target: str,
    held: MappedSource,
    set_: int,
    clear: int,
    all_set: int = 0,
    all_clear: int = 0,
    propagation: str = "",
) -> None:
    """Attach the mount that ``open_mapped`` has opened at ``target`` inside the root. Raises MountError."""

    def prepare(tree: int) -> None:
        dress_with(tree, set_, clear, all_set, all_clear, propagation)

    try:
        attach_in_root(held.fd, root_fd, target, prepare=prepare)
    except OSError as error:
        raise mount_error(error, f"bind {held.source} → {target}, id-mapped", "bind") from error


def make_user_namespace(uids: Sequence[IdMap], gids: Sequence[IdMap]) -> int:
    """Return the descriptor of a new user namespace with these maps; nobody is in it. See user_namespaces(7).

    Raises SyscallError when none can be made, IdMapError for the maps.
    """
    said, say = os.pipe2(os.O_CLOEXEC)
    wait, go = os.pipe2(os.O_CLOEXEC)

    def child() -> None:
        os.close(go)  # else we would wait for ourselves
        try:
            unshare(CLONE_NEWUSER)
        except OSError as error:
            os.write(say, bytes([error.errno or 1]))
            return
        os.write(say, b"\0")
        os.read(wait, 1)  # until the parent has what it wants, or has died

    try:
        with spawn(child) as born:
            try:
                code = os.read(said, 1)
                if code != b"\0":
                    raise SyscallError(code[0] if code else 5, "unshare", (CLONE_NEWUSER,))
                pid = pid_of(born.pidfd)  # as this /proc counts: an init still has the host's
                write_id_maps(pid, uids, gids)
                return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            finally:
                os.close(go)
                go = -1
                born.wait()
    finally:
        for fd in (said, say, wait, go):
            if fd >= 0:
                os.close(fd)


def parse_maps(mount: Mapping[str, object]) -> tuple[list[Line], list[Line]]:
    """Return the lines of a config's ``uidMappings`` and ``gidMappings``. Raises UsageError where one is missing."""
    found = []
    for key in ("uidMappings", "gidMappings"):
        entries: Iterable[Mapping[str, int]] = mount.get(key) or ()  # type: ignore[assignment]
        found.append([(entry["containerID"], entry["hostID"], entry["size"]) for entry in entries])
    if not all(found):
        where = f"mount {mount.get('destination')}"
        raise UsageError(f"{where}: an id-mapped mount needs uidMappings and gidMappings")
    return found[0], found[1]


def _refusal(error: SyscallError, fstype: str, mapped: bool, recursive: bool) -> MountError:
    """Return ``error`` with its cause, which the kernel does not tell."""
    hint = ""
    if error.errno == 22:
        hint = f"this kernel ({os.uname().release}) has no id-mapped mounts for file system {fstype}"
        hint += ", or for one of the mounts below" if recursive else ""
    elif error.errno == 1 and mapped:
        hint = "the source is an id-mapped mount already, and its map cannot be changed: take the original"
    elif error.errno == 1:
        hint = "only root of the user namespace that the file system was mounted in may map it (CAP_SYS_ADMIN)"
    elif error.errno == 38:
        hint = "the kernel has no mount_setattr(2) (it came with 5.12), or a seccomp filter hides it"
    return MountError(error.errno or 0, error.call, error.arguments, about=f"map the owners of a {fstype}", hint=hint)


def _facts(tree: int, source: str) -> tuple[str, bool]:
    """Return the file system's type of what ``tree`` is a copy of, and whether that is an id-mapped mount."""
    table = MountTable.of()
    mount = table.containing(os.path.realpath(source)) if source else None
    if mount is None:  # by another mount of the same device
        status = os.fstat(tree)
        device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        mount = next((other for other in table if other.device == device), None)
    return (mount.fstype, "idmapped" in mount.flags) if mount else ("file system of unknown type", False)
