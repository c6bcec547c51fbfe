"""An id-mapped mount: the same files, other owners, through this mount only, and no chown.

Run: sudo ./course run python section04_filesystem/examples/08_idmapped.py
Needs: root, and a file system that knows id-mapped mounts (ext4, xfs, btrfs; tmpfs since Linux 6.3)
You should see: `on the disk 1000, through the mount 101000`; what 101000 writes there belongs to `1000 on the disk`
"""

import os
import tempfile

from section01_processes import spawn
from section04_filesystem import idmapped

LINES = [(0, 100000, 65536)]  # id on the disk, id seen, how many


def stage(folder):
    os.chmod(folder, 0o755)
    with open(f"{folder}/file", "w", encoding="utf-8"):
        os.chown(f"{folder}/file", 1000, 1000)
    os.mkdir(f"{folder}/open")
    os.chown(f"{folder}/open", 1000, 1000)
    view = idmapped(folder, LINES, LINES)  # a detached mount: we look through its descriptor
    seen = os.stat("file", dir_fd=view).st_uid
    print(f"on the disk {os.stat(f'{folder}/file').st_uid}, through the mount {seen}", flush=True)
    os.fchdir(view)
    os.setresgid(101000, 101000, 101000)
    os.setresuid(101000, 101000, 101000)
    with open("open/new", "w", encoding="utf-8") as file:  # as a container's user, whose ids begin at 100000
        print(f"we are {os.getuid()} and wrote a file of {os.fstat(file.fileno()).st_uid}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        code = spawn(lambda: stage(folder)).wait()
        print(f"it belongs to {os.stat(f'{folder}/open/new').st_uid} on the disk")
    raise SystemExit(code)
