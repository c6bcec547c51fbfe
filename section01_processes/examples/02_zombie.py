"""A zombie: a process that has ended and that nobody has waited for (LCM-PROC-06).

Run: ./course run python section01_processes/examples/02_zombie.py
Needs: nothing, no root.
You should see: state `zombie`, that SIGKILL changes nothing (`still zombie`), and that wait makes it `gone`.
"""

import os
import signal
import time

from section01_processes import ProcessStat, spawn


def state(pid: int) -> str:
    try:
        return {"Z": "zombie", "S": "sleeping", "R": "running"}[ProcessStat.of(pid).state]
    except ProcessLookupError:
        return "gone"


with spawn(lambda: 0) as child:
    while state(child.pid) != "zombie":  # it ends at once; its entry stays, with the exit status in it
        time.sleep(0.01)
    print(f"pid {child.pid} is a {state(child.pid)}: no memory, no files, only its exit status")

    os.kill(child.pid, signal.SIGKILL)
    print(f"after SIGKILL: still {state(child.pid)}; the dead cannot be killed")

    child.wait()
    print(f"after wait: {state(child.pid)}; the kernel has handed the status over and freed the pid")
