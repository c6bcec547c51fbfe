"""The errors of section 3.

LcmError
├── ControllerMissing          a setting needs a controller that no hierarchy offers here
├── LimitRefused               a limit contradicts itself or cannot be expressed (before the kernel is asked)
└── SyscallError (OSError)
    └── CgroupError            the kernel refused to make, write, read or remove part of a cgroup

What belongs here: the tree and what to try next for each errno. What does not: deciding when a refusal is harmless.
"""

from __future__ import annotations

from section01_processes import LcmError, SyscallError

#: errno → (hint, stumbling block), where the kernel's own text misleads; cgroups(7), cgroup-v2.rst.
HINTS = {
    2: (
        "the controller is not enabled in every ancestor's cgroup.subtree_control, or this is the other version",
        "LCM-CG-03",
    ),
    16: (
        "a cgroup with members or children is busy: a v2 group has processes or gives controllers, not both",
        "LCM-CG-02",
    ),
    22: ("the kernel does not accept this value", ""),
    30: ("the cgroup file system is mounted read-only", ""),
    13: ("this cgroup is not delegated to this user", ""),
}


class ControllerMissing(LcmError):
    """A setting needs a controller that is not mounted (v1) or not enabled (v2) here."""


class LimitRefused(LcmError):
    """A limit that contradicts another one or has no meaning, found before any file was written."""


class CgroupError(SyscallError):
    """The kernel refused an operation on a cgroup's folder or file; an OSError with the path and a hint."""


def refused(error: OSError, call: str, path: str, *arguments: object) -> CgroupError:
    """Return ``error`` as a CgroupError naming ``call``, its ``arguments`` and the ``path``, with the likely cause."""
    hint, explain = HINTS.get(error.errno or 0, ("", ""))
    if error.errno == 16 and call == "rmdir":
        hint, explain = "it still has members (zombies count) or children", "LCM-CG-05"
    return CgroupError(error.errno or 0, call, (path, *arguments), hint=hint, explain=explain)
