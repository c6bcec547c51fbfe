"""Which open descriptors hold a namespace alive: a second pair of eyes, because there are many to look at.

What belongs here: reading the links below /proc/PID/fd, in a child that does so while we read the others. What does
not: what they mean (``survey.py``).
"""

from __future__ import annotations

import os

from section01_processes import LcmError, spawn

from ..core.kinds import KINDS
from ..errors import thread_count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from section01_processes import Child

_KINDS = frozenset(kind.name for kind in KINDS)


class DescriptorLook:
    """A look at all descriptors, under way from the beginning of a ``with``; ``take`` waits for what it saw.

    Where no child can be made (the caller has threads, or a limit is reached), or it is killed, ``take`` looks itself.
    """

    __slots__ = ("_alone", "_child", "_reader", "_wanted")

    def __init__(self, *, wanted: bool = True, alone: bool = False) -> None:
        """``wanted``: false for no look at all; ``alone``: make no child."""
        self._wanted, self._alone = wanted, alone
        self._child: Child | None = None

    def __enter__(self) -> DescriptorLook:  # noqa: PYI034 - Self would need typing
        if self._wanted and not self._alone and thread_count() == 1:
            self._reader, writer = os.pipe2(os.O_CLOEXEC)
            try:
                self._child = spawn(lambda: _tell(writer))
            except (LcmError, OSError):
                os.close(self._reader)
            finally:
                os.close(writer)
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            os.close(self._reader)  # if nobody has read all of it, the child ends by the pipe
            self._child.wait()
            self._child.close()

    @property
    def pid(self) -> int:
        """The child's pid; -1 without one."""
        return -1 if self._child is None else self._child.pid

    def take(self) -> Iterator[tuple[int, int, str]]:
        """Yield (pid, fd, link) of every descriptor that is a namespace's. Call it once."""
        if self._child is not None:
            with open(self._reader, encoding="ascii", closefd=False) as file:
                lines = file.read().splitlines()
            if self._child.wait() == 0:
                for line in lines:
                    pid, fd, link = line.split()
                    yield int(pid), int(fd), link
                return
        if self._wanted:  # also when somebody killed the child: half a look is none
            yield from look_at_descriptors()


def _tell(writer: int) -> None:
    """Write what is seen to ``writer``, a line each."""
    lines = "".join(f"{pid} {fd} {link}\n" for pid, fd, link in look_at_descriptors())
    with open(writer, "w", encoding="ascii", closefd=False) as file:
        file.write(lines)


def look_at_descriptors() -> Iterator[tuple[int, int, str]]:
    """Yield (pid, fd, link) of every descriptor that is a namespace's; who ends, or is not ours, is passed over.

    The link of a namespace is ``net:[4026531833]``; what else has a link without a slash (pipes, sockets) has another
    word before the colon. See proc_pid_fd(5). A thread with a descriptor table of its own is not looked into.
    """
    readlink = os.readlink
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            folder = os.open(f"/proc/{entry}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            for fd in os.listdir(folder):
                try:
                    link = readlink(fd, dir_fd=folder)
                except FileNotFoundError:  # closed since
                    continue
                if link[0] != "/" and link.partition(":[")[0] in _KINDS:
                    yield int(entry), int(fd), link
        except OSError:
            continue
        finally:
            os.close(folder)
