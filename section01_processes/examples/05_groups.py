"""Process groups: what Ctrl-C does is one signal to a whole pipeline.

Run: ./course run python section01_processes/examples/05_groups.py
Needs: nothing, no root.
You should see: `same group: True`, both of the group `killed by SIGINT`, and the third `still there`.
"""

import os
import signal

from section01_processes import ProcessStat, signal_name, spawn


def member(group: int) -> None:
    os.setpgid(0, group)  # 0: a group of our own, named by our pid
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would raise KeyboardInterrupt
    os.write(ready[1], b"!")
    signal.pause()


ready = os.pipe()
first = spawn(lambda: member(0))
os.read(ready[0], 1)
second, third = spawn(lambda: member(first.pid)), spawn(lambda: member(0))
os.read(ready[0], 1), os.read(ready[0], 1)
print("same group:", ProcessStat.of(second.pid).pgrp == ProcessStat.of(first.pid).pgrp == first.pid)

os.killpg(first.pid, signal.SIGINT)
for child in (first, second):
    print(f"{child.pid}: killed by {signal_name(child.wait() - 128)}")
print(f"{third.pid}: still there:", third.poll() is None)
third.signal(signal.SIGKILL)
third.wait()
