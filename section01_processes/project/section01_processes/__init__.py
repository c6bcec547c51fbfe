"""Processes: spawning, waiting, signals, terminals, and the Plan that every floor above builds on.

The public surface of the section. Names load on first use (PEP 562), so that taking one of them from a fast path
loads one module and not the section.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._syscalls import prototype as prototype
    from ._syscalls import syscall as syscall
    from .core.plan import Plan as Plan
    from .core.plan import Recorder as Recorder
    from .core.plan import Slot as Slot
    from .core.plan import Step as Step
    from .core.plan import action as action
    from .errors import LcmError as LcmError
    from .errors import SyscallError as SyscallError
    from .errors import UsageError as UsageError


def lazy_exports(package: str, where: Mapping[str, str]) -> Callable[[str], object]:
    """Return a module ``__getattr__`` that imports ``package.where[name]`` the first time ``name`` is asked for.

    ``where`` maps each public name to the submodule (dotted, relative to ``package``) that defines it.
    Raises AttributeError for any other name (PEP 562).
    """

    def load(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = __import__(f"{package}.{where[name]}", fromlist=[name])
        value: object = getattr(module, name)
        __import__(package, fromlist=["_"]).__dict__[name] = value
        return value

    return load


_WHERE = {
    "LcmError": "errors",
    "Plan": "core.plan",
    "Recorder": "core.plan",
    "Slot": "core.plan",
    "Step": "core.plan",
    "SyscallError": "errors",
    "UsageError": "errors",
    "action": "core.plan",
    "prototype": "_syscalls",
    "syscall": "_syscalls",
}
__all__ = ["lazy_exports", *_WHERE]
__getattr__ = lazy_exports(__name__, _WHERE)
