"""The new mount API: a mount is made where nobody can see it, gets its attributes, and only then a place.

Run: sudo ./course run python section04_filesystem/examples/07_detached.py
Needs: root
You should see: it is in `0 mount tables` while it has no place; `read-only from the first moment`
"""

import errno
import os

from section01_processes import spawn, syscall
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import MountTable, mount, set_propagation

AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH, MOUNT_ATTR_RDONLY = 1, 4, 1
open_tree, mount_setattr, move_mount = syscall("open_tree"), syscall("mount_setattr"), syscall("move_mount")


def write(folder):
    try:
        os.close(os.open(f"{folder}/file", os.O_CREAT))
        return "writable"
    except OSError as error:
        return {errno.EROFS: "read-only from the first moment"}[error.errno]


def stage():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")
    mount("tmpfs", "/mnt", "tmpfs")
    os.mkdir("/mnt/data")
    os.mkdir("/mnt/view")
    before = len(MountTable.of())
    tree = open_tree(AT_FDCWD, b"/mnt/data", OPEN_TREE_CLONE)  # what a bind mount attaches, not attached
    print(f"detached: in {len(MountTable.of()) - before} mount tables", flush=True)
    # struct mount_attr { __u64 attr_set, attr_clr, propagation, userns_fd; }: what is not named stays as it is
    attributes = MOUNT_ATTR_RDONLY.to_bytes(8, "little") + bytes(24)
    mount_setattr(tree, b"", AT_EMPTY_PATH, attributes, len(attributes))
    print(f"by its descriptor: {write(f'/proc/self/fd/{tree}')}", flush=True)
    move_mount(tree, b"", AT_FDCWD, b"/mnt/view", MOVE_MOUNT_F_EMPTY_PATH)
    print(f"at /mnt/view:      {write('/mnt/view')}; the original: {write('/mnt/data')}", flush=True)


if __name__ == "__main__":
    raise SystemExit(spawn(stage).wait())
