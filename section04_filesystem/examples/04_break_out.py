"""chroot is no jail: root leaves it with a second chroot. Where the root was changed by pivot_root, there is no way up.

Run: sudo ./course run python section04_filesystem/examples/04_break_out.py
Needs: root
You should see: `chroot: reached the file outside`, and `pivot_root: the top is the jail itself`
"""

import os

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import bind, mount, pivot_root, set_propagation

CANARY = "mnt/outside"  # a file of ours, outside of the jail; nothing else is looked at


def climb():
    """Leave: move the root below the working directory; `..` does not meet the root any more."""
    os.mkdir("/deeper")
    os.chroot("/deeper")  # the working directory is still above
    for _ in range(20):
        os.chdir("..")  # stops at the top of the mount namespace only
    os.chroot(".")
    return os.path.exists(CANARY)


def by_chroot():
    os.chroot("/mnt/jail")
    os.chdir("/")
    print("chroot:", "reached the file outside" if climb() else "stayed inside", flush=True)


def by_pivot_root():
    unshare(CLONE_NEWNS)
    bind("/mnt/jail", "/mnt/jail")  # pivot_root wants a mount point
    pivot_root("/mnt/jail")
    print("pivot_root:", "reached the file outside" if climb() else "the top is the jail itself", flush=True)


def stage():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")
    mount("tmpfs", "/mnt", "tmpfs")  # gone with this process
    os.mkdir("/mnt/jail")
    os.close(os.open(f"/{CANARY}", os.O_CREAT))
    spawn(by_chroot).wait()
    os.rmdir("/mnt/jail/deeper")
    spawn(by_pivot_root).wait()


if __name__ == "__main__":
    raise SystemExit(spawn(stage).wait())
