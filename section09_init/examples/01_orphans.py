"""Orphans: whose parent dies gets a new one, and that one must wait for it, or zombies pile up (LCM-INIT-01).

Run: ./course run python section09_init/examples/01_orphans.py
Needs: nothing, no root.
You should see: that the orphan's new parent is `us`, that it ends as a `zombie`, and that reap leaves `0 zombies`.
"""

import os
import time

from section01_processes import ProcessStat, ProcessTree, set_subreaper, spawn
from section09_init import reap

set_subreaper()  # what PID 1 is by birth: orphans among our descendants become our children


def middle() -> None:
    if os.fork() == 0:  # the grandchild outlives its parent by a moment
        time.sleep(0.1)
        os._exit(42)


with spawn(middle) as child:
    child.wait()  # the middle process is gone now; its child is an orphan

orphan = ProcessTree.read().children[os.getpid()][0]
print(f"orphan {orphan} has a new parent:", "us" if ProcessStat.of(orphan).ppid == os.getpid() else "somebody else")
while ProcessStat.of(orphan).state != "Z":
    time.sleep(0.01)
print(f"orphan {orphan} has ended and is a zombie: nobody has asked for its status")
print("reap finds", [(pid, f"exit code {os.waitstatus_to_exitcode(status)}") for pid, status in reap()])
print(sum(stat.ppid == os.getpid() for stat in ProcessTree.read().zombies()), "zombies of ours are left")
