"""Control groups: how much a container may use, how much it has used, and how to end all of it at once.

The public surface of the section; names load on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cgroup import Cgroup as Cgroup
    from .core.limits import Limits as Limits
    from .devices import default_device_rules as default_device_rules
    from .errors import CgroupError as CgroupError
    from .errors import ControllerMissing as ControllerMissing
    from .errors import LimitRefused as LimitRefused
    from .hierarchy import Hierarchy as Hierarchy
    from .plan import plan_cgroup as plan_cgroup
    from .plan import plan_enter_cgroup as plan_enter_cgroup
    from .stats import Stats as Stats

_WHERE = {
    "Cgroup": "cgroup",
    "CgroupError": "errors",
    "ControllerMissing": "errors",
    "Hierarchy": "hierarchy",
    "LimitRefused": "errors",
    "Limits": "core.limits",
    "Stats": "stats",
    "default_device_rules": "devices",
    "plan_cgroup": "plan",
    "plan_enter_cgroup": "plan",
}
__all__ = list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)
