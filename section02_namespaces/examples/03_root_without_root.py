"""Root without root: in a user namespace one's own id can be 0, with all capabilities over what is inside.

Run: ./course run python section02_namespaces/examples/03_root_without_root.py
Needs: user namespaces (no root)
You should see: `uid 65534` before the map is written, then `uid 0 on mine`: a name that only root could have set
"""

import os

from section01_processes import Plan, describe_plan, spawn
from section02_namespaces import CLONE_NEWUSER, CLONE_NEWUTS, IdMap, plan_namespaces, sethostname, write_id_maps


def become_root(uid, gid):
    plan = Plan("child", plan_namespaces(CLONE_NEWUSER | CLONE_NEWUTS))
    print("\n".join(describe_plan(plan)), flush=True)
    plan.run({})
    print(f"before the map: uid {os.getuid()}", flush=True)
    write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
    sethostname("mine")
    print(f"after the map:  uid {os.getuid()} on {os.uname().nodename}", flush=True)


if __name__ == "__main__":
    uid, gid = os.getuid(), os.getgid()  # asked now: inside, before the map, we are nobody
    spawn(lambda: become_root(uid, gid)).wait()
