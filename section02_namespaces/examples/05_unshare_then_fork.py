"""unshare(CLONE_NEWPID) and then fork: the caller stays where it is, and its children are born elsewhere.

Run: sudo ./course run python section02_namespaces/examples/05_unshare_then_fork.py
Needs: root
You should see: `moved: False` for the caller's own namespace, then `first child: pid 1` and `second child: pid 2`
"""

import os

from section01_processes import spawn
from section02_namespaces import CLONE_NEWPID, unshare

said, leave = os.pipe(), os.pipe()


def mine(name):
    try:
        return os.readlink(f"/proc/self/ns/{name}")
    except FileNotFoundError:
        return "nobody yet: it comes to be with its first process"


def be_pid_one():
    print(f"first child: pid {os.getpid()}", flush=True)
    os.write(said[1], b"!")
    os.read(leave[0], 1)


def parent():
    before = mine("pid")
    unshare(CLONE_NEWPID)
    print(f"the caller: pid {os.getpid()}, moved: {mine('pid') != before}", flush=True)
    print(f"for its children: {mine('pid_for_children')}", flush=True)
    with spawn(be_pid_one) as init:
        os.read(said[0], 1)
        print(f"for its children: {mine('pid_for_children')}", flush=True)
        spawn(lambda: print(f"second child: pid {os.getpid()}", flush=True)).wait()  # while PID 1 lives
        os.write(leave[1], b"!")
        init.wait()


if __name__ == "__main__":
    raise SystemExit(spawn(parent).wait())
