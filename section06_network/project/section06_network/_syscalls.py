"""The one prototype of section 6: setns(2). Everything else speaks netlink, through CPython's own ``_socket``."""

from __future__ import annotations

from ctypes import c_int

from section01_processes import prototype

CLONE_NEWNET = 0x40000000

_setns = prototype("setns", c_int, c_int)


def become_netns(fd: int) -> None:
    """Move the calling *thread* into the network namespace behind ``fd``. Raises SyscallError. setns(2)."""
    _setns(fd, CLONE_NEWNET)
