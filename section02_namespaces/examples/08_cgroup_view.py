"""A cgroup namespace: the same process, in the same cgroup, sees that cgroup as the root of the tree.

Run: ./course run python section02_namespaces/examples/08_cgroup_view.py
Needs: user namespaces (no root)
You should see: your path outside, `inside:  /` instead, and `outside it is still the same`
"""

import os

from section01_processes import Plan, spawn
from section02_namespaces import CLONE_NEWCGROUP, CLONE_NEWUSER, plan_namespaces

said, leave = os.pipe(), os.pipe()


def path(pid):
    with open(f"/proc/{pid}/cgroup") as file:
        return file.readlines()[-1].strip().split(":", 2)[2]  # cgroup v2's line, where there is one, is the last


def inside():
    Plan("child", plan_namespaces(CLONE_NEWUSER | CLONE_NEWCGROUP)).run({})
    print(f"inside:  {path('self')}", flush=True)
    os.write(said[1], b"!")
    os.read(leave[0], 1)


if __name__ == "__main__":
    print(f"outside: {path('self')}", flush=True)
    with spawn(inside) as child:
        os.read(said[0], 1)
        assert path(child.pid) == path("self"), "it has not been moved"
        print("outside it is still the same: only the view has changed; limits have not")
        os.write(leave[1], b"!")
        raise SystemExit(child.wait())
