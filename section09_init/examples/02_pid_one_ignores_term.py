"""A program that is PID 1 does not die of SIGTERM, unless it has a handler or an init above it (LCM-INIT-01).

Run: sudo ./course run python section09_init/examples/02_pid_one_ignores_term.py
Needs: root (a pid namespace of its own).
You should see: `as PID 1: still there after SIGTERM`, and `below an init: killed by SIGTERM` (143).
"""

import select

from section01_processes import exec_program, set_death_signal, spawn
from section02_namespaces import CLONE_NEWPID, unshare
from section09_init import run_init

SLEEP = [b"sleep", b"60"]


def report(name: str, run) -> None:
    with spawn(run, report=True) as child:  # it has been exec'd when this returns
        child.signal(15)
        ended, _, _ = select.select([child], [], [], 0.5)
        if ended:
            print(f"{name}: killed by SIGTERM, exit code {child.wait()}", flush=True)
        else:
            print(f"{name}: still there after SIGTERM; only SIGKILL from outside helps", flush=True)
            child.signal(9)
            child.wait()


def experiment(become) -> None:
    unshare(CLONE_NEWPID)  # takes our next child, not us: each experiment has a process of its own
    name = "as PID 1" if become is exec_program else "below an init"

    def run() -> None:
        set_death_signal(9)
        exec_program(["/bin/sleep", "60"], []) if become is exec_program else run_init("/bin/sleep", SLEEP, [])

    report(name, run)


for become in (exec_program, run_init):
    with spawn(lambda become=become: experiment(become)) as process:
        process.wait()
