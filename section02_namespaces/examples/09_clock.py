"""A time namespace: the machine was booted a day earlier, for the children; the time of day is not namespaced.

Run: ./course run python section02_namespaces/examples/09_clock.py
Needs: user namespaces (no root), and a kernel with time namespaces (`nsman inspect self` shows a line `time`)
You should see: `boot time: 1 day more`, and `time of day: the same`
"""

import os
import time

from section01_processes import Plan, spawn
from section02_namespaces import CLONE_NEWTIME, CLONE_NEWUSER, IdMap, plan_namespaces, write_id_maps

DAY = 24 * 3600


def clocks():
    return time.clock_gettime(time.CLOCK_BOOTTIME), time.time()


def compare(before):
    boot, day = (now - then for now, then in zip(clocks(), before, strict=True))
    print(f"boot time: {boot // DAY:.0f} day more", flush=True)
    print(f"time of day: {'the same' if day < 60 else 'another'}", flush=True)


def inside(uid, gid):
    Plan("child", plan_namespaces(CLONE_NEWUSER | CLONE_NEWTIME)).run({})
    write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
    with open("/proc/self/timens_offsets", "w") as file:
        file.write(f"boottime {DAY} 0\n")  # possible until the first child is there: clocks must not jump
    before = clocks()  # the caller's clocks are the old ones
    return spawn(lambda: compare(before)).wait()


if __name__ == "__main__":
    uid, gid = os.getuid(), os.getgid()
    raise SystemExit(spawn(lambda: inside(uid, gid)).wait())
