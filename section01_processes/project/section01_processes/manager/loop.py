"""One thread, many descriptors: poll(2) with a handler for each, and no waking without a reason.

What belongs here: waiting. What does not: what the descriptors are.
"""

from __future__ import annotations

from select import POLLIN, poll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """Handlers by descriptor; each is called, without arguments, when its descriptor is ready."""

    __slots__ = ("_handlers", "_poll")

    def __init__(self) -> None:
        self._poll = poll()
        self._handlers: dict[int, Callable[[], None]] = {}

    def watch(self, fd: int, handler: Callable[[], None], events: int = POLLIN) -> None:
        """Call ``handler`` whenever ``fd`` has one of ``events`` (or an error, or its end); replaces what was there."""
        self._poll.register(fd, events)
        self._handlers[fd] = handler

    def drop(self, fd: int) -> None:
        """Forget ``fd``, if it is known; before it is closed."""
        if self._handlers.pop(fd, None):
            self._poll.unregister(fd)

    def turn(self, seconds: float | None = None) -> None:
        """Wait (at most ``seconds``; None: for ever) and call the handlers of what is ready."""
        milliseconds = None if seconds is None else max(0, int(seconds * 1000 + 0.999))
        for fd, _ in self._poll.poll(milliseconds):
            if handler := self._handlers.get(fd):  # an earlier handler of this turn may have dropped it
                handler()
