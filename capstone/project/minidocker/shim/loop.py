"""The shim's one thread: epoll with a handler per descriptor, and one deadline.

What belongs here: waiting. What does not: what the descriptors are.
"""

from __future__ import annotations

from select import EPOLL_CLOEXEC, EPOLLIN, epoll
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Loop:
    """Handlers by descriptor; each is called with the epoll events."""

    __slots__ = ("_epoll", "_handlers")

    def __init__(self) -> None:
        self._epoll = epoll(-1, EPOLL_CLOEXEC)
        self._handlers: dict[int, Callable[[int], None]] = {}

    def watch(self, fd: int, handler: Callable[[int], None], events: int = EPOLLIN) -> None:
        """Call ``handler(events)`` whenever ``fd`` has one of ``events``; replaces what was there. epoll_ctl(2)."""
        if fd in self._handlers:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def drop(self, fd: int) -> None:
        """Forget ``fd``; before it is closed."""
        if self._handlers.pop(fd, None):
            self._epoll.unregister(fd)

    def turn(self, seconds: float = -1) -> bool:
        """Wait (at most ``seconds``; -1: for ever) and serve what is ready; return whether anything was."""
        ready = self._epoll.poll(seconds)
        for fd, events in ready:
            handler = self._handlers.get(fd)
            if handler:
                handler(events)
        return bool(ready)

    def run(self, done: Callable[[], bool], seconds: float = -1) -> None:
        """Serve until ``done()``, or for ``seconds``."""
        deadline = monotonic() + seconds
        while not done():
            left = deadline - monotonic() if seconds >= 0 else -1
            if seconds >= 0 and left <= 0:
                return
            self.turn(left)

    def close(self) -> None:
        """Close the epoll descriptor."""
        self._epoll.close()
