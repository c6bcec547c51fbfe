"""Make a child, become another program in it, and learn how it ended.

Run: ./course run python section01_processes/examples/01_fork_exec_wait.py
Needs: nothing, no root.
You should see: `exit code 7`; this Python with its child `sleep` below it, and `killed by SIGKILL`; `no such file`.
"""

import os
import signal

from section01_processes import ChildFailed, ProcessTree, exec_program, exit_code, find_program, signal_name, spawn

PATH = os.environ.get("PATH", os.defpath)


def become(*argv: str) -> None:
    """In the child: replace this Python by another program, with an environment of one variable."""
    exec_program([find_program(argv[0], PATH), *argv[1:]], [f"PATH={PATH}"])


with spawn(lambda: become("sh", "-c", "exit 7")) as child:
    code = child.wait()
    print(f"pid {child.pid}: exit code {code}, wait status {child.status():#06x}")

with spawn(lambda: become("sleep", "60"), report=True) as child:  # report: returns when it has become the program
    for depth, process in ProcessTree.read().walk(os.getpid()):
        print(f"{'  ' * depth}{process.pid} {process.comm}")
    assert child.poll() is None, "it runs still"
    child.signal(signal.SIGKILL)
    code = child.wait()
    print(f"pid {child.pid}: killed by {signal_name(code - 128)}, wait status {child.status():#06x}")
    assert code == exit_code(child.status())

try:
    spawn(lambda: exec_program(["/nothing"], []), report=True)
except ChildFailed as error:
    print(f"before its execve: {error} (a shell would say {error.exit_code})")
