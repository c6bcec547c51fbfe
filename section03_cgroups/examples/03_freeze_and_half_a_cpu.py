"""Half a CPU by quota, none at all by the freezer: both read back from the group's own counter.

Run: sudo ./course run python section03_cgroups/examples/03_freeze_and_half_a_cpu.py
Needs: root, and the cpu controller. Takes 3 seconds. Makes one group and removes it.
You should see: about 0.50 CPUs under the quota, 0.00 while frozen, 0.50 again.
"""

import os
import time

from section01_processes import spawn
from section03_cgroups import Cgroup, Hierarchy, Limits, plan_cgroup, plan_enter_cgroup

cgroup = Cgroup(Hierarchy.detect(), f"/lcm-example-{os.getpid()}")


def spin() -> int:
    for step in plan_enter_cgroup(cgroup):
        step.apply({})
    while True:
        pass


def cpus_used(seconds: float) -> float:
    """Return the group's CPU time per second of the clock."""
    usage, began = cgroup.stats().cpu_usage or 0, time.monotonic()
    time.sleep(seconds)
    return ((cgroup.stats().cpu_usage or 0) - usage) / 1e6 / (time.monotonic() - began)


try:
    for step in plan_cgroup(cgroup, Limits(cpu_quota=50_000, cpu_period=100_000)):  # 50 ms of each 100 ms
        step.apply({})
    child = spawn(spin)
    time.sleep(0.2)
    print(f"under the quota: {cpus_used(1):.2f} CPUs")
    cgroup.freeze()
    print(f"frozen:          {cpus_used(0.5):.2f} CPUs")
    cgroup.thaw()
    print(f"thawed:          {cpus_used(1):.2f} CPUs")
finally:
    cgroup.kill()
    cgroup.remove()
