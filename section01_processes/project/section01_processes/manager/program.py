"""The supervised program's own plan, from its spec.

What belongs here: what the command shows and the supervisor runs. What does not: starting in general (``launch.py``).
"""

from __future__ import annotations

import os

from ..core.plan import Step, action
from ..files import write_file
from ..identity import ProcessIdentity
from ..launch import plan_program
from .place import PROCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..rlimits import Rlimit
    from .record import Spec


def plan_process(folder: str, spec: Spec, terminal: int = -1, stdio: tuple[int, int] | None = None) -> list[Step]:
    """Return the steps of the process itself, the supervisor's child. Pure."""
    return [
        Step(record_identity, folder, about="so that it is known whatever happens to its supervisor"),
        *plan_program(
            spec.path,
            spec.argv,
            spec.env,
            cwd=spec.cwd,
            new_session=True,
            terminal=terminal,
            stdio=stdio,
            nice=spec.nice,
            limits=limits_of(spec),
        ),
    ]


@action("proc_pid_stat(5), rename(2)")
def record_identity(folder: str) -> None:
    """Write down who we are: before the program can run, so that no running one is unknown."""
    write_file(os.path.join(folder, PROCESS), f"{ProcessIdentity.of()}\n")


def limits_of(spec: Spec) -> list[Rlimit]:
    """Return the resource limits of ``spec``."""
    if not spec.limits:
        return []  # nothing to load
    from ..rlimits import Rlimit

    return [Rlimit(*limit) for limit in spec.limits]
