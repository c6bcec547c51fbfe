"""Join a running process: one kind by its file, or all kinds by a pidfd, in one call that succeeds or does nothing.

Run: sudo ./course run python section02_namespaces/examples/06_join.py
Needs: root
You should see: `by file: uts`, then `by pidfd: ipc uts net mnt`, and the name `box` both times
"""

import os

import section02_namespaces as ns
from section01_processes import Plan, describe_plan, spawn

said, leave = os.pipe(), os.pipe()


def box():
    ns.unshare(ns.flags_of(["uts", "ipc", "net", "mnt"]))
    ns.sethostname("box")
    os.write(said[1], b"!")
    os.read(leave[0], 1)


def joined(pid):
    theirs, own = ns.namespaces_of(pid), ns.namespaces_of("self")
    return " ".join(kind for kind in ("ipc", "uts", "net", "mnt") if own[kind] == theirs[kind])


def by_file(pid):
    ns.setns(ns.open_namespace(f"/proc/{pid}/ns/uts"), ns.CLONE_NEWUTS)
    print(f"by file: {joined(pid)}; the name is {os.uname().nodename}", flush=True)


def by_pidfd(pid):
    plan = Plan("child", ns.plan_enter(os.pidfd_open(pid), ns.differing_kinds(pid)))
    print("\n".join(describe_plan(plan)), flush=True)
    plan.run({})
    print(f"by pidfd: {joined(pid)}; the name is {os.uname().nodename}", flush=True)


if __name__ == "__main__":
    with spawn(box) as child:
        os.read(said[0], 1)
        spawn(lambda: by_file(child.pid)).wait()
        spawn(lambda: by_pidfd(child.pid)).wait()
        os.write(leave[1], b"!")
        child.wait()
