"""When a process that ended is started again, and the states it goes through: two tables and a delay.

What belongs here: decisions, pure. What does not: waiting and starting (``supervisor.py``).
"""

from __future__ import annotations

from ..errors import LcmError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

#: policy: restarted after exit code 0? after a failure? by ``procman start --boot``, after the machine has restarted?
POLICIES: dict[str, tuple[bool, bool, str]] = {
    "no": (False, False, "never"),
    "on-failure": (False, True, "if it ran"),
    "unless-stopped": (True, True, "unless stopped"),
    "always": (True, True, "always"),
}

#: What the supervisor records; each state with those that may follow it.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "starting": ("running", "exited"),
    "running": ("restarting", "exited"),
    "restarting": ("running", "restarting", "exited"),
    "exited": ("starting",),
}

FIRST_DELAY = 0.1  # seconds; doubled each time, so that a broken program does not eat a processor
LAST_DELAY = 60.0
STEADY = 10.0  # seconds: who ran that long is not broken, and the delay begins anew


class Policy:
    """A restart policy: ``name`` of POLICIES, and for ``on-failure`` a ``maximum`` of restarts (0: no limit)."""

    __slots__ = ("maximum", "name")

    def __init__(self, name: str = "no", maximum: int = 0) -> None:
        self.name = name
        self.maximum = maximum

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``no``, ``on-failure``, ``on-failure:3``, ``always``, ``unless-stopped``; Docker's "" and ":0", too.

        Raises UsageError.
        """
        name, colon, maximum = text.partition(":")
        name = name or "no"
        if name not in POLICIES:
            hint = "one of " + ", ".join(POLICIES) + ", on-failure:MAX"
            raise UsageError(f"invalid restart policy {text!r}", hint=hint)
        if colon and (name != "on-failure" or not (maximum.isascii() and maximum.isdigit())):
            raise UsageError(f"invalid restart policy {text!r}", hint="a maximum number goes with on-failure only")
        return cls(name, int(maximum or 0))

    def wants(self, exit_code: int, restarts: int) -> bool:
        """Whether a process that ended with ``exit_code`` is started again, after ``restarts`` restarts so far."""
        after_success, after_failure, _ = POLICIES[self.name]
        if exit_code == 0:
            return after_success
        return after_failure and (self.maximum == 0 or restarts < self.maximum)

    def at_boot(self, *, final: bool, stopped: bool) -> bool:
        """Whether ``start --boot`` starts it; ``final``: it had ended by itself, ``stopped``: by ``procman stop``."""
        return {
            "never": False,
            "if it ran": not final and not stopped,
            "unless stopped": not stopped,
            "always": True,
        }[POLICIES[self.name][2]]

    def __str__(self) -> str:
        return f"{self.name}:{self.maximum}" if self.maximum else self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def next_delay(uptime: float, last_delay: float) -> float:
    """Return the seconds to wait before the next start, after a run of ``uptime`` s that waited ``last_delay`` s."""
    if uptime >= STEADY or last_delay * 2 < FIRST_DELAY:
        return FIRST_DELAY
    return min(last_delay * 2, LAST_DELAY)


def check_transition(name: str, old: str, new: str) -> None:
    """Raise LcmError unless state ``new`` may follow ``old``."""
    if new not in TRANSITIONS[old]:
        raise LcmError(f"process {name!r} cannot become {new}: it is {old}")
