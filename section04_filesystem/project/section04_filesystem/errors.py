"""The errors of section 4.

LcmError
├── FilesystemError            a root, a path or a jail that cannot be
│   └── UnsafePath             a path that leads where it must not
└── SyscallError
    └── MountError             a mount that failed: which one, why, what to try

What belongs here: the tree, and :func:`mount_error`, which says what the kernel's short answer most likely means.
"""

from __future__ import annotations

import errno as _errno

from section01_processes import LcmError, SyscallError


class FilesystemError(LcmError):
    """A root file system, a path or a jail that cannot be."""


class UnsafePath(FilesystemError):
    """A path that leads where it must not."""


class MountError(SyscallError):
    """A mount that failed; ``about`` names it as ``source → target (type)``."""


def mount_error(error: OSError, what: str, fstype: str = "", log: str = "") -> MountError:
    """Return ``error`` of mounting ``what`` with the kernel's own message (``log``), a hint and a stumbling block."""
    hint, explain = _likely_cause(error.errno or 0, fstype)
    if isinstance(error, MountError):  # said once already, closer to the call
        hint, explain = error.hint, error.explain
    if log:
        hint = f"the kernel says: {log}" + (f"; {hint}" if hint else "")
    call = getattr(error, "call", "open")
    arguments = getattr(error, "arguments", (error.filename,) if error.filename else ())
    return MountError(error.errno or 0, call, arguments, about=what, hint=hint, explain=explain)


def _likely_cause(code: int, fstype: str) -> tuple[str, str]:
    """Return hint and stumbling block for errno ``code`` when a mount of ``fstype`` ("bind" for binds) failed."""
    if fstype == "overlay":
        text = "upper and work must be on one file system that is no overlay; in a user namespace: userxattr"
        return text, "LCM-IM-01"
    if code == _errno.EPERM and fstype in ("proc", "sysfs"):
        text = "parts of the visible one are masked, or the pid (sysfs: network) namespace is not ours"
        return text, "LCM-NS-05"
    if code == _errno.EPERM and fstype == "bind":
        text = "needs root, or a user and a mount namespace of one's own"
        return f"{text}; there ro, nosuid, nodev, noexec of the source's mount cannot be taken off", ""
    if code == _errno.EPERM:
        return "needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace", ""
    if code == _errno.EINVAL and fstype == "bind":
        text = "the source is in another mount namespace, unbindable, has locked mounts below it (use rbind)"
        return text + ", or is a file and the target a folder", ""
    if code == _errno.ENOSYS:
        return "the kernel (6.1 is needed), an emulator or a seccomp filter above us does not have that call", ""
    if code == _errno.ELOOP:
        return "the root has a symbolic link where this mount follows none", ""
    if code == _errno.ENODEV:
        return f"this kernel has no file system {fstype}", ""
    return "", ""
