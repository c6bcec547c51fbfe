"""Wait for a command in the foreground: its exit code is ours, and signals that are sent to us reach it.

What belongs here: waiting and passing on. What does not: starting it (``family.py``).
"""

from __future__ import annotations

import signal

from .family import launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from section01_processes import Child, Plan

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
SI_KERNEL = 128  # sigaction(2): sent by the kernel, such as Ctrl-C at the terminal


def run(plans: Mapping[str, Plan], *, records: int = -1, launched: Callable[[], None] | None = None) -> int:
    """Launch ``plans`` and wait; return the command's exit code, or 128 + n when signal n killed it.

    ``records``: the write end of a pipe for the steps' records; ``launched`` is called when the last has been written.
    From before the first fork to the end, the signals of PASSED_ON are blocked and go to the command. Raises what
    kept the command from being executed.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever ignores it cannot wait for anybody
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*PASSED_ON, signal.SIGCHLD})
    try:
        try:
            init = launch(plans, records=records)
        finally:
            if launched:
                launched()
        with init:
            return wait_passing_on(init)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def wait_passing_on(child: Child) -> int:
    """Wait until ``child`` ends and return its exit code; meanwhile pass signals on.

    PASSED_ON and SIGCHLD must be blocked since before the child was there, and SIGCHLD not be ignored.
    Not passed on: what the terminal sent. That went to the whole foreground process group, the command included.
    """
    while (code := child.poll()) is None:
        told = signal.sigwaitinfo({*PASSED_ON, signal.SIGCHLD})
        if told.si_signo != signal.SIGCHLD and told.si_code != SI_KERNEL:
            child.signal(told.si_signo)
    return code
