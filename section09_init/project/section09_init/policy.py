"""Restart policies: whether, and how soon, a program that ended is started again.

What belongs here: the decision, as a pure function of what happened. What does not: waiting and starting (the shim).
"""

from __future__ import annotations

from section01_processes import UsageError

NAMES = ("no", "always", "unless-stopped", "on-failure")
FIRST_DELAY = 0.1  # seconds; doubled each time, as Docker does, so that a broken program does not eat a processor
LAST_DELAY = 60.0
STEADY = 10.0  # seconds: who ran that long is not broken, and the delay begins anew


class RestartPolicy:
    """One of Docker's policies: ``no``, ``always``, ``unless-stopped``, ``on-failure[:max]`` (max 0: no limit)."""

    __slots__ = ("maximum", "name")

    def __init__(self, name: str = "no", maximum: int = 0) -> None:
        self.name = name
        self.maximum = maximum

    @classmethod
    def parse(cls, text: str) -> RestartPolicy:
        """Read ``on-failure:3`` and the like. Raises UsageError."""
        name, colon, maximum = text.partition(":")
        if (name or "no") not in NAMES:
            raise UsageError(f"invalid restart policy {text!r}", hint="one of " + ", ".join(NAMES) + ", on-failure:MAX")
        if colon and (name != "on-failure" or not (maximum.isascii() and maximum.isdigit())):
            raise UsageError(f"invalid restart policy {text!r}: a maximum number goes with on-failure only")
        return cls(name or "no", int(maximum or 0))

    def decide(
        self,
        exit_code: int,
        restarts: int,
        stopped_by_user: bool,
        *,
        uptime: float = 0.0,
        last_delay: float | None = None,
    ) -> float | None:
        """Return the seconds to wait before starting it again, or None: leave it.

        ``restarts`` counts those so far; ``uptime`` is how long it ran this time, ``last_delay`` what the previous
        decision said (None: as if it had failed ``restarts`` times in a row). Who was stopped on purpose stays so.
        """
        if stopped_by_user or not self._wants(exit_code, restarts):
            return None
        return next_delay(uptime, FIRST_DELAY * 2 ** min(restarts, 16) / 2 if last_delay is None else last_delay)

    def at_boot(self, exit_code: int, stopped_by_user: bool) -> bool:
        """Whether it is started when the machine comes up: the one place where always and unless-stopped differ."""
        if self.name == "unless-stopped":
            return not stopped_by_user
        return self.name == "always" or (self.name == "on-failure" and exit_code != 0 and not stopped_by_user)

    def _wants(self, exit_code: int, restarts: int) -> bool:
        """Whether the policy wants another start, whatever the user wants."""
        if self.name == "on-failure":
            return exit_code != 0 and (self.maximum == 0 or restarts < self.maximum)
        return self.name != "no"

    def __str__(self) -> str:
        return f"{self.name}:{self.maximum}" if self.maximum else self.name

    def __repr__(self) -> str:
        return f"RestartPolicy({str(self)!r})"


def next_delay(uptime: float, last_delay: float) -> float:
    """Return the seconds to wait after a run of ``uptime`` seconds that began ``last_delay`` seconds late."""
    if uptime >= STEADY or last_delay * 2 < FIRST_DELAY:
        return FIRST_DELAY
    return min(last_delay * 2, LAST_DELAY)
