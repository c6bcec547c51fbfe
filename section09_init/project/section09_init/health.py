"""Health checks: from the results of probes to a state, by Docker's rules.

What belongs here: when the next probe is due, and what a result means; pure, the caller brings the clock. What does
not: running the probe.

    starting ── success ──────────────────────▶ healthy
    starting ── ``retries`` failures that count ▶ unhealthy     (failures in the start period do not count)
    healthy  ── ``retries`` failures in a row ──▶ unhealthy
    unhealthy ─ success ──────────────────────▶ healthy
"""

from __future__ import annotations

from section01_processes import UsageError

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
NANO = 1_000_000_000


class HealthCheck:
    """A program's health. Times are seconds of one monotonic clock, which the caller reads."""

    __slots__ = ("began", "failures", "finished", "interval", "retries", "start_interval", "start_period", "state",
                 "test", "timeout")  # fmt: skip

    def __init__(
        self,
        test: list[str],
        *,
        interval: float = 30.0,
        timeout: float = 30.0,
        start_period: float = 0.0,
        start_interval: float = 5.0,
        retries: int = 3,
        began: float = 0.0,
    ) -> None:
        """``test``: the probe's argv; ``began``: when the program started."""
        self.test = test
        self.interval = interval
        self.timeout = timeout
        self.start_period = start_period
        self.start_interval = start_interval
        self.retries = retries
        self.began = began
        self.finished = began
        self.failures = 0
        self.state = STARTING

    @classmethod
    def from_config(cls, config: dict[str, object], began: float = 0.0) -> HealthCheck | None:
        """Return the check that an image's ``Healthcheck`` asks for (times in ns, 0 is the default), or None: none.

        Raises UsageError for a ``Test`` that is not NONE, CMD or CMD-SHELL.
        """
        words = list(config.get("Test") or [])  # type: ignore[call-overload]
        if not words or words == ["NONE"]:
            return None
        if words[0] not in ("CMD", "CMD-SHELL") or len(words) < 2:
            raise UsageError(f"invalid health check {words!r}", hint='["CMD", …], ["CMD-SHELL", "…"] or ["NONE"]')
        test = words[1:] if words[0] == "CMD" else ["/bin/sh", "-c", words[1]]
        names = {
            "interval": "Interval",
            "timeout": "Timeout",
            "start_period": "StartPeriod",
            "start_interval": "StartInterval",
        }
        times = {name: float(config[key]) / NANO for name, key in names.items() if config.get(key)}  # type: ignore[arg-type]
        return cls(test, retries=int(config.get("Retries") or 3), began=began, **times)  # type: ignore[call-overload]

    def next_probe(self) -> float:
        """Return when the next probe is due: an interval after the last one *finished*."""
        young = self.state == STARTING and self.finished < self.began + self.start_period
        return self.finished + (min(self.start_interval, self.interval) if young else self.interval)

    def record(self, now: float, ok: bool) -> bool:
        """Take a probe's result, finished ``now`` (a timeout is a failure); return whether the state changed."""
        before = self.state
        in_start_period = self.state == STARTING and now < self.began + self.start_period
        self.finished = now
        if ok:
            self.failures = 0
            self.state = HEALTHY
        elif not in_start_period:
            self.failures += 1
            if self.failures >= self.retries:
                self.state = UNHEALTHY
        return self.state != before
