"""Four types of propagation: a shared mount is copied, and what is mounted below one may appear below the other.

Run: sudo ./course run python section04_filesystem/examples/05_propagation.py
Needs: root
You should see: `shared     to the copy: yes  back: yes`, slave yes and no, private no and no; `unbindable` has no copy
"""

import os

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import MountError, bind, mount, set_propagation


def travels(there, here):
    """Whether a mount made below ``there`` appears below ``here``."""
    mount("tmpfs", there, "tmpfs")
    os.mkdir(f"{there}/seen")
    return "yes" if os.path.exists(f"{here}/seen") else "no"


def measure(kind):
    original, copy = f"/mnt/{kind}", f"/mnt/{kind}-copy"
    os.mkdir(original)
    os.mkdir(copy)
    mount("tmpfs", original, "tmpfs")
    os.mkdir(f"{original}/a")
    os.mkdir(f"{original}/b")
    set_propagation(original, "unbindable" if kind == "unbindable" else "shared")
    bind(original, copy)  # a peer of the original: both in one peer group
    set_propagation(copy, kind)
    to_copy, back = travels(f"{original}/a", f"{copy}/a"), travels(f"{copy}/b", f"{original}/b")
    print(f"{kind:10} to the copy: {to_copy:4} back: {back}", flush=True)


def stage():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")  # the rest of the machine takes no part
    mount("tmpfs", "/mnt", "tmpfs")
    for kind in ("shared", "slave", "private", "unbindable"):
        try:
            measure(kind)
        except MountError as error:
            print(f"{kind:10} no copy: {error.strerror}", flush=True)


if __name__ == "__main__":
    raise SystemExit(spawn(stage).wait())
