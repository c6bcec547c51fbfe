"""AppArmor: is it there, and which profile the next execve shall enter.

What belongs here: detection and the one write. What does not: writing or loading profiles. Source: apparmor(7),
aa_change_onexec(2), the kernel's LSM/apparmor.rst.
"""

from __future__ import annotations

import os

from section01_processes import SyscallError, action

from .errors import SecurityMissing


def apparmor_enabled() -> bool:
    """Tell whether AppArmor is compiled in and switched on."""
    try:
        with open("/sys/module/apparmor/parameters/enabled") as file:
            return file.read(1) == "Y"
    except OSError:
        return os.path.isdir("/sys/kernel/security/apparmor")


@action("aa_change_onexec(2)")
def set_exec_profile(name: str) -> None:
    """Let the next execve enter AppArmor profile ``name``. Raises SecurityMissing where there is no AppArmor."""
    if not apparmor_enabled():
        raise SecurityMissing(f"AppArmor profile {name!r} was asked for, but this kernel has no AppArmor")
    for path in ("/proc/self/attr/apparmor/exec", "/proc/self/attr/exec"):
        try:
            fd = os.open(path, os.O_WRONLY)
        except FileNotFoundError:
            continue
        try:
            os.write(fd, b"exec " + os.fsencode(name))
        except OSError as error:
            hint = "the profile is not loaded (apparmor_parser -r FILE)" if error.errno == 2 else ""
            raise SyscallError(error.errno or 0, "write", (path, f"exec {name}"), hint=hint) from None
        finally:
            os.close(fd)
        return
    raise SecurityMissing("no AppArmor interface in /proc/self/attr")
