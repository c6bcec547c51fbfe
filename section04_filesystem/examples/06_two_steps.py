"""A read-only bind mount by mount(2) takes two steps: the first ignores MS_RDONLY, without a word.

Run: sudo ./course run python section04_filesystem/examples/06_two_steps.py
Needs: root
You should see: `after one step: written`, `after two: EROFS`, and that the original is `still writable`
"""

import errno
import os

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import mount, set_propagation

MS_RDONLY, MS_REMOUNT, MS_BIND = 0x1, 0x20, 0x1000


def try_to_write(folder):
    try:
        os.close(os.open(f"{folder}/file", os.O_CREAT | os.O_WRONLY))
        return "written"
    except OSError as error:
        return errno.errorcode[error.errno]


def stage():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")
    mount("tmpfs", "/mnt", "tmpfs")
    os.mkdir("/mnt/data")
    os.mkdir("/mnt/view")
    mount("/mnt/data", "/mnt/view", flags=MS_BIND | MS_RDONLY)
    print("after one step:", try_to_write("/mnt/view"), flush=True)  # and others could, until the second
    mount("", "/mnt/view", flags=MS_REMOUNT | MS_BIND | MS_RDONLY)  # says all flags anew: it may clear nosuid
    print("after two:", try_to_write("/mnt/view"), flush=True)
    print("the original:", try_to_write("/mnt/data").replace("written", "still writable"), flush=True)


if __name__ == "__main__":
    raise SystemExit(spawn(stage).wait())
