"""Bind and remount in the caller's own mount namespace, step by step. See open_tree(2), mount_setattr(2).

A copy of the source's mount is made that is attached nowhere; it gets its attributes there; then it is attached. With
mount(2) a read-only bind is two calls, ``mount(source, target, MS_BIND|MS_RDONLY)``, which ignores MS_RDONLY, and
``MS_REMOUNT|MS_BIND|MS_RDONLY``: in between it is writable, and whoever forgets the second never notices.

What belongs here: those two plans, for tools. What does not: a container's root, whose targets may be hostile
(``binds.py``).
"""

from __future__ import annotations

import os

from section01_processes import Slot, Step, SyscallError, UsageError, action

from .binds import dress_with
from .busy import who_uses
from .core import flags as k
from .core.detached import clone_tree
from .core.mounts import attach
from .errors import FilesystemError, mount_error
from .idmap import Line, map_ids
from .mountinfo import MountTable
from .options import MountOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TREE = Slot("tree", "a copy, attached nowhere")
#: What --explain adds to a read-only bind.
TWO_STEPS = (
    "with mount(2) this takes two calls: mount(SRC, DST, MS_BIND|MS_RDONLY) binds it *writable* (the kernel ignores\n"
    "MS_RDONLY there), and only mount(DST, MS_REMOUNT|MS_BIND|MS_RDONLY) makes it read-only. Here nobody can see it\n"
    "in between: what is attached is read-only already."
)
_FLAGS = "set_:k.MOUNT_ATTR_ clear:k.MOUNT_ATTR_ all_set:k.MOUNT_ATTR_ all_clear:k.MOUNT_ATTR_"


def plan_bind(
    source: str,
    target: str,
    *,
    recursive: bool = False,
    options: Sequence[str] = (),
    maps: tuple[Sequence[Line], Sequence[Line]] = ((), ()),
) -> list[Step]:
    """Return the steps that bind ``source`` to the existing ``target``, dressed before anybody sees it.

    ``options``: words of mount(8) (ro, nosuid, private …); ``recursive``: with the mounts below, dressed alike.
    ``maps``: lines of uids and gids for an id-mapped mount. Raises UsageError for a word that is no mount's.
    """
    change = _change(options, recursive)
    steps = [Step(clone_mount, source, recursive, about="what a bind mount attaches", out=TREE)]
    if any(maps):
        steps.append(Step(map_ids, TREE, *maps, recursive, source, about="its owners, through this mount only"))
    if any(change):
        steps.append(Step(dress_mount, TREE, *change, about="while nobody can see it"))
    return [*steps, Step(attach_mount, TREE, target, about="there it is, as it shall be")]


def plan_remount(target: str, words: Sequence[str], *, recursive: bool = False) -> list[Step]:
    """Return the step that changes what is mounted at ``target``: attributes, propagation. Raises UsageError."""
    change = _change(words, recursive)
    if not any(change):
        raise UsageError("nothing is to be changed: ro, rw, nosuid, private … are missing", exit_code=2)
    return [Step(remount, target, *change, about=f"{' '.join(words)}{', all below, too' if recursive else ''}")]


@action("open_tree(2)")
def clone_mount(source: str, recursive: bool) -> int:
    """Return a detached copy of the mount at ``source``, of that folder down. Raises MountError."""
    try:
        return clone_tree(source, recursive)
    except OSError as error:
        raise mount_error(error, f"bind {source!r}", "bind") from error


@action("mount_setattr(2)", flags=_FLAGS)
def dress_mount(tree: int, set_: int, clear: int, all_set: int, all_clear: int, propagation: str) -> None:
    """Give a detached mount its attributes and its propagation. Raises MountError."""
    try:
        dress_with(tree, set_, clear, all_set, all_clear, propagation)
    except OSError as error:
        raise mount_error(error, "attributes of a bind", "bind") from error


@action("move_mount(2)")
def attach_mount(tree: int, target: str) -> None:
    """Attach the detached mount at ``target``, and close its descriptor. Raises MountError."""
    try:
        place = os.open(target, os.O_PATH | os.O_CLOEXEC)
        try:
            attach(tree, place)
        finally:
            os.close(place)
    except OSError as error:
        raise mount_error(error, f"attach at {target!r}", "bind") from error
    finally:
        os.close(tree)


@action("mount_setattr(2)", flags=_FLAGS)
def remount(target: str, set_: int, clear: int, all_set: int, all_clear: int, propagation: str) -> None:
    """Change what is mounted exactly at ``target``; the file system itself keeps its options.

    Raises FilesystemError when nothing is mounted there, MountError (EBUSY: with who writes to it).
    """
    try:
        fd = os.open(target, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        raise mount_error(error, f"remount {target!r}") from error
    try:
        dress_with(fd, set_, clear, all_set, all_clear, propagation)
    except SyscallError as error:
        raise _why_not(error, target) from None
    finally:
        os.close(fd)


def _why_not(error: SyscallError, target: str) -> Exception:
    """Return ``error`` of a remount with its cause."""
    real = os.path.realpath(target)
    table = MountTable.of()
    if error.errno == 22 and table.at(real) is None:
        on = table.containing(real)
        hint = f"it is a part of the mount at {on.target!r}" if on else "the root is no mount (after chroot)"
        return FilesystemError(f"nothing is mounted at {target!r}", hint=f"{hint}; bind it on itself first")
    said = mount_error(error, f"remount {target!r}", "bind" if error.errno == 1 else "")
    if error.errno == 16:
        said.hint = f"it is written to by {who_uses(target, writing=True) or 'somebody whom we cannot see'}"
    return said


def _change(words: Sequence[str], recursive: bool) -> tuple[int, int, int, int, str]:
    """Return what ``words`` say as (set, clear, all_set, all_clear, propagation). Raises UsageError."""
    options = MountOptions.parse(words)
    foreign = [*options.data, *options.superblock, *([options.idmap] if options.idmap else [])]
    if foreign or options.copy_up:
        raise UsageError(f"no option of a mount: {' '.join(foreign) or 'tmpcopyup'}", exit_code=2)
    word = options.propagation
    if recursive:
        word = f"r{word}" if word and word[1:] not in k.PROPAGATION else word
        return 0, 0, options.set | options.all_set, options.clear | options.all_clear, word
    return options.set, options.clear, options.all_set, options.all_clear, word
