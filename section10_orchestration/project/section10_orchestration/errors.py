"""The errors of section 10.

StackError (LcmError)     a stack file that cannot be run, with the place in it
└── StackCycle            services that wait for each other
"""

from __future__ import annotations

from section01_processes import LcmError


class StackError(LcmError):
    """A stack file that cannot be run; ``place`` is like ``services.web.ports``."""

    def __init__(self, place: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason, hint=hint)
        self.place = place


class StackCycle(StackError):
    """Services that wait for each other; ``cycle`` names them, the first once more at the end."""

    def __init__(self, cycle: list[str]) -> None:
        super().__init__("services", f"they wait for each other: {' -> '.join(cycle)}", hint="remove one depends_on")
        self.cycle = cycle
