"""A folder is a group, a file is a setting: limit the number of processes with mkdir and write alone.

Run: sudo ./course run python section03_cgroups/examples/01_a_folder_is_a_group.py
Needs: root, and the pids controller (version 1 or 2). Makes one group and removes it.
You should see: two children made, then `Resource temporarily unavailable` (EAGAIN) for the third.
"""

import os
import time

from section03_cgroups import Hierarchy

hierarchy = Hierarchy.detect()
mount, version = hierarchy.find("pids")
if version == 2:  # a controller must be passed on before a group below has its files
    with open(f"{mount}/cgroup.subtree_control", "w") as file:
        file.write("+pids")
folder = f"{mount}/lcm-example-{os.getpid()}"
os.mkdir(folder)
print(f"{hierarchy.mode}: {folder} has {len(os.listdir(folder))} files")
with open(f"{folder}/pids.max", "w") as file:
    file.write("3")

pid = os.fork()
if pid == 0:
    with open(f"{folder}/cgroup.procs", "w") as file:
        file.write("0")  # 0: whoever writes
    try:
        while True:
            if os.fork() == 0:
                time.sleep(0.3)
                os._exit(0)
            print("made a child", flush=True)
    except OSError as error:
        print(f"then: {error.strerror}", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
with open(f"{folder}/cgroup.procs") as file:
    print("still in the group:", file.read().split())
time.sleep(0.5)
os.rmdir(folder)
print("removed:", not os.path.exists(folder))
