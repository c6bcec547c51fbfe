"""Kill the process that looks after a container, and let the next command put everything in order.

Run: sudo ./course run python capstone/examples/02_kill_and_heal.py
Needs: root. Keeps its state in a temporary folder.
You should see: the container running, its shim (pid) killed, then `Exited (137)`, the reason, and no cgroup left.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time


def minidocker(*words: str) -> str:
    """Run a command below the temporary root and return what it prints."""
    command = [sys.executable, "-m", "minidocker", "--root", root, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def parent_of(pid: str) -> int:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("PPid:"))


def cgroups(identity: str) -> int:
    return sum(identity in folders for _, folders, _ in os.walk("/sys/fs/cgroup"))


with tempfile.TemporaryDirectory() as root:
    minidocker("system", "tiny")
    identity = minidocker("run", "-d", "--name", "web", "--network", "none", "tiny", "sleep", "1000")
    pid = minidocker("inspect", "-f", "{{.State.Pid}}", "web")
    shim = parent_of(pid)
    print(minidocker("ps"))
    print(f"process 1 is {pid}, its parent is the shim {shim}; cgroups named after the id: {cgroups(identity)}")
    os.kill(shim, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.01)  # its death signal: a container never outlives its shim
    print(f"\nkilled {shim}; the next command heals:")
    print(minidocker("ps", "-a"))
    print(minidocker("inspect", "-f", "{{.State.ExitCode}}: {{.State.Error}}", "web"))
    print(f"cgroups left: {cgroups(identity)}")
    minidocker("rm", "web")
    print(minidocker("system", "check"))
