"""Mounts that stay here: a new mount namespace, everything private, and a tmpfs over /mnt that nobody else sees.

Run: sudo ./course run python section04_filesystem/examples/01_private_mount.py
Needs: root
You should see: one mount more inside, where /mnt holds `['note']`, and outside a /mnt as it was
"""

import os

from section01_processes import Plan, spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import MountTable, mount, plan_private_mounts


def inside():
    unshare(CLONE_NEWNS)
    Plan("child", plan_private_mounts("rprivate")).run({})  # without this it may travel to the host: LCM-NS-01
    mount("tmpfs", "/mnt", "tmpfs")
    with open("/mnt/note", "w", encoding="utf-8") as file:
        file.write("only in here")
    print(f"inside:  {len(MountTable.of())} mounts, /mnt holds {os.listdir('/mnt')}", flush=True)


if __name__ == "__main__":
    spawn(inside).wait()
    print(f"outside: {len(MountTable.of())} mounts, /mnt holds {os.listdir('/mnt')}")
