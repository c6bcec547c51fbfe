"""Init: PID 1, reaping, signals passed on, restart policies and health states.

The public surface of the section; names load on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.init import reap as reap
    from .core.init import run_init as run_init
    from .core.init import serve as serve
    from .health import HealthCheck as HealthCheck
    from .policy import RestartPolicy as RestartPolicy
    from .stumbling import STUMBLING_BLOCKS as STUMBLING_BLOCKS

_WHERE = {
    "HealthCheck": "health",
    "RestartPolicy": "policy",
    "STUMBLING_BLOCKS": "stumbling",
    "reap": "core.init",
    "run_init": "core.init",
    "serve": "core.init",
}
__all__ = []
__all__ += list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)
