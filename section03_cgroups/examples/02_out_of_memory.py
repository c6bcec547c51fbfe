"""A memory limit ends the process that goes beyond it, and nobody else.

Run: sudo ./course run python section03_cgroups/examples/02_out_of_memory.py
Needs: root, and the memory controller (version 1 or 2). Makes one group and removes it.
You should see: `killed by SIGKILL`, `1 kill for want of memory`, and a peak of 32 MiB.
"""

import os

from section01_processes import signal_name, spawn
from section03_cgroups import Cgroup, Hierarchy, Limits, plan_cgroup, plan_enter_cgroup

MIB = 1 << 20
cgroup = Cgroup(Hierarchy.detect(), f"/lcm-example-{os.getpid()}")


def hog() -> int:
    for step in plan_enter_cgroup(cgroup):  # first join, then allocate: memory is charged where it is first touched
        step.apply({})
    return len(b"x" * (64 * MIB)) & 0


try:
    # memory_swap is memory and swap together: the same number means "no swap" (LCM-CG-04)
    for step in plan_cgroup(cgroup, Limits(memory=32 * MIB, memory_swap=32 * MIB)):
        print("step:", step.about)
        step.apply({})
    code = spawn(hog).wait()
    print(f"killed by {signal_name(code - 128)}" if code > 128 else f"exit code {code}")
    print(f"{cgroup.oom_kills()} kill for want of memory; peak {(cgroup.stats().memory_peak or 0) // MIB} MiB")
finally:
    cgroup.kill()
    cgroup.remove()
