"""The shim's Recorder: numbers run on over several plans, and a reader that has gone ends the recording, not the shim.

What belongs here: just that. What does not: the format (section 1, ``core/plan.py``).
"""

from __future__ import annotations

from section01_processes import Recorder


class ShimRecorder(Recorder):
    """Records steps of the second (third …) plan of a process under numbers that begin at ``first``."""

    __slots__ = ("first",)

    def __init__(self, fd: int, process: str, crash: str, first: int = 0) -> None:
        super().__init__(fd, process, crash)
        self.first = first

    def __call__(self, number: int, errno: int, began: int) -> None:
        """Record step ``number`` of this plan; nobody reading any more is fine."""
        try:
            super().__call__(number + self.first, errno, began)
        except BrokenPipeError:
            self.fd = -1


def make_recorder(fd: int, process: str, crash: str, first: int = 0) -> ShimRecorder | None:
    """Return a recorder, or None when nobody reads and nothing is to crash: then a step costs nothing."""
    return ShimRecorder(fd, process, crash, first) if fd >= 0 or crash else None
