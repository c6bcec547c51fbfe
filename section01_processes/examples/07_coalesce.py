"""Three children end, one SIGCHLD arrives: equal signals that wait become one (LCM-PROC-02).

Run: ./course run python section01_processes/examples/07_coalesce.py
Needs: nothing, no root.
You should see: `SIGCHLD taken: 1`, `zombies: 3`, and that a loop reaps `3 children`.
"""

import os
import signal

from section01_processes import ProcessTree


def zombies() -> int:
    return sum(stat.ppid == os.getpid() for stat in ProcessTree.read().zombies())


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # it stays pending until we ask for it
for _ in range(3):
    if os.fork() == 0:
        os._exit(0)
while zombies() < 3:
    pass

taken = 0
while signal.sigtimedwait([signal.SIGCHLD], 0):
    taken += 1
print("SIGCHLD taken:", taken, "zombies:", zombies())

# region loop
reaped = 0
try:
    while os.waitpid(-1, os.WNOHANG) != (0, 0):  # one signal: ask until nobody is left
        reaped += 1
except ChildProcessError:
    pass
# endregion
print(f"the loop reaped {reaped} children")
