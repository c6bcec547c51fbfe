"""The supervised program's own plan, from its spec.

What belongs here: what the command shows and the supervisor runs. What does not: the actions (``launch.py``).
"""

from __future__ import annotations

from ..launch import plan_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.plan import Step
    from ..rlimits import Rlimit
    from .record import Spec


def plan_process(spec: Spec, terminal: int = -1, stdio: tuple[int, int] | None = None) -> list[Step]:
    """Return the steps of the process itself, the supervisor's child. Pure."""
    return plan_program(
        spec.path,
        spec.argv,
        spec.env,
        cwd=spec.cwd,
        new_session=True,
        terminal=terminal,
        stdio=stdio,
        nice=spec.nice,
        limits=limits_of(spec),
    )


def limits_of(spec: Spec) -> list[Rlimit]:
    """Return the resource limits of ``spec``."""
    if not spec.limits:
        return []  # nothing to load
    from ..rlimits import Rlimit

    return [Rlimit(*limit) for limit in spec.limits]
