"""PID 1: unshare(CLONE_NEWPID) moves the next child, not the caller; and when PID 1 ends, the namespace is dead.

Run: sudo ./course run python section02_namespaces/examples/02_pid_one.py
Needs: root
You should see: `its first child is 1` (the caller keeps its pid); the second fork fails with ENOMEM: `LCM-NS-02`
"""

import os

from section01_processes import SyscallError, spawn
from section02_namespaces import CLONE_NEWPID, fork_sibling, unshare


def make_two_children():
    unshare(CLONE_NEWPID)
    print(f"the caller is still {os.getpid()}", flush=True)
    spawn(lambda: print(f"its first child is {os.getpid()}", flush=True)).wait()
    try:
        if fork_sibling() == 0:
            os._exit(0)
    except SyscallError as error:
        print(f"the second child: {error}", flush=True)


if __name__ == "__main__":
    spawn(make_two_children).wait()
