"""Stacks of services: a compose file read, and the order in which its services start.

The public surface of the section; names load on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.order import start_order as start_order
    from .core.stack import Dependency as Dependency
    from .core.stack import Service as Service
    from .core.stack import Stack as Stack
    from .errors import StackCycle as StackCycle
    from .errors import StackError as StackError

_WHERE = {
    "Dependency": "core.stack",
    "Service": "core.stack",
    "Stack": "core.stack",
    "StackCycle": "errors",
    "StackError": "errors",
    "start_order": "core.order",
}
__all__ = [
    "Dependency",
    "Service",
    "Stack",
    "StackCycle",
    "StackError",
    "start_order",
]
__getattr__ = lazy_exports(__name__, _WHERE)
