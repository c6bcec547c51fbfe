"""An orphan gets a new parent: PID 1, or a nearer process that has declared itself a subreaper.

Run: ./course run python section01_processes/examples/04_orphan.py
Needs: nothing, no root.
You should see: first `child of its maker`, then `child of the subreaper`, and that we could wait for it: `exit code 3`.
"""

import os

from section01_processes import ProcessStat, set_subreaper, spawn

ready, leave, go = os.pipe(), os.pipe(), os.pipe()


def grandchild() -> int:
    os.read(go[0], 1)  # it lives until we say so
    return 3


def maker() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(grandchild())
    os.write(ready[1], str(pid).encode())
    os.read(leave[0], 1)  # and then it ends, without waiting for its child


set_subreaper()
with spawn(maker) as child:
    orphan = int(os.read(ready[0], 16))
    print(f"{orphan} is a child of its maker:", ProcessStat.of(orphan).ppid == child.pid)
    os.write(leave[1], b"!")
    child.wait()

print(f"{orphan} is a child of the subreaper, us:", ProcessStat.of(orphan).ppid == os.getpid())
os.write(go[1], b"!")
_, status = os.waitpid(orphan, 0)  # without this line it would now be our zombie
print("exit code", os.waitstatus_to_exitcode(status))
