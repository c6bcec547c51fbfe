"""The errors of section 7.

LcmError
├── UnknownCapability          a name that is no capability (with the nearest one that is)
├── SeccompError               a profile that cannot be compiled: what in it, and why
└── SecurityMissing            the kernel here has no such mechanism (AppArmor, a seccomp action …)

What belongs here: the tree. What does not: refusals by the kernel, which are SyscallError with a hint.
"""

from __future__ import annotations

from section01_processes import LcmError


class UnknownCapability(LcmError):
    """A name that is no capability."""


class SeccompError(LcmError):
    """A seccomp profile that cannot be compiled or resolved."""


class SecurityMissing(LcmError):
    """This kernel has no such security mechanism, or it is switched off."""
