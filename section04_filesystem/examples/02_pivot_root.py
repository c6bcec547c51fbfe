"""Change the root for good: a root made from the host, pivot_root, and the host's files are out of reach.

Run: sudo ./course run python section04_filesystem/examples/02_pivot_root.py
Needs: root
You should see: the plan of the root (`make_root_readonly`), its mounts without any of the host; `/.. is /: True`
"""

import os
import tempfile

from section01_processes import Plan, describe_plan, spawn
from section02_namespaces import CLONE_NEWNS, CLONE_NEWPID, unshare
from section04_filesystem import HostRoot, MountTable, plan_rootfs

PROC = {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}


def init(root):
    plan = Plan("init", plan_rootfs(root, [PROC], readonly=True))
    print("\n".join(describe_plan(plan)), flush=True)
    table = MountTable.of  # taken now: after the pivot nothing of the project can be imported any more
    plan.run({})
    for mount in table():
        print(f"{mount.target:8} {mount.fstype:6} {','.join(mount.flags)}")
    print(f"/.. is /: {os.path.samefile('/..', '/')}; /: {sorted(os.listdir('/'))}", flush=True)


def child(root):
    unshare(CLONE_NEWNS | CLONE_NEWPID)
    return spawn(lambda: init(root)).wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        HostRoot().build(f"{folder}/root")
        spawn(lambda: child(f"{folder}/root")).wait()
