"""Decide whether this machine has what a test needs, by trying; each answer is kept for the session.

``missing("userns")`` returns an empty string, or the reason in words. Names: ``root``, ``userns``, ``v1``, ``v2``,
``overlay``, ``nft``, ``sudo``, ``program:NAME``; ``kernel``: a kernel that answers for itself, not an emulator of
programs (qemu-user), which has threads of its own, makes up ``/proc/self/stat`` and knows no ioctl of a namespace.
"""

from __future__ import annotations

import _thread
import os
import shutil
import subprocess
from functools import cache


@cache
def missing(need: str) -> str:
    """Return why ``need`` is not met here, or an empty string. Raises KeyError for a name that is not known."""
    name, _, argument = need.partition(":")
    return CHECKS[name](argument)


def _root(_: str) -> str:
    return "" if os.geteuid() == 0 else "root is needed"


def _program(name: str) -> str:
    return "" if shutil.which(name) else f"the program {name} is not installed"


def _runs(*command: str) -> bool:
    return (
        shutil.which(command[0]) is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


def _userns(_: str) -> str:
    return "" if _runs("unshare", "-U", "true") else "user namespaces are blocked"


def _nft(_: str) -> str:
    return "" if _runs("unshare", "-n", "nft", "add", "table", "ip", "t") else "nft is missing or refused"


def _overlay(_: str) -> str:
    with open("/proc/filesystems", encoding="ascii") as file:
        return "" if "overlay" in file.read() else "the kernel has no overlay"


def _kernel(_: str) -> str:
    threads, ours = len(os.listdir("/proc/self/task")), 1 + _thread._count()  # noqa: SLF001
    return "" if threads == ours else f"an emulator runs this: {threads} threads, and Python knows of {ours}"


def _v1(_: str) -> str:
    return "" if os.path.isdir("/sys/fs/cgroup/memory") else "no cgroup v1 memory hierarchy"


def _v2(_: str) -> str:
    return "" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "no pure cgroup v2"


CHECKS = {"root": _root, "program": _program, "userns": _userns, "nft": _nft, "overlay": _overlay, "v1": _v1, "v2": _v2,
          "kernel": _kernel}  # fmt: skip
