"""Restart policies: whether, and how soon, a container that ended is started again.

What belongs here: the decision, as a pure function of what happened. What does not: which policies there are and what
each wants (section 1, whose process manager has the same), waiting and starting (the shim).
"""

from __future__ import annotations

from section01_processes import Policy, next_delay


class RestartPolicy(Policy):
    """One of Docker's policies: ``no``, ``always``, ``unless-stopped``, ``on-failure[:max]`` (max 0: no limit)."""

    __slots__ = ()

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
        if stopped_by_user or not self.wants(exit_code, restarts):
            return None
        if last_delay is None:
            last_delay = 0.0
            for _ in range(min(restarts, 16)):  # by then it is the longest
                last_delay = next_delay(0.0, last_delay)
        return next_delay(uptime, last_delay)
