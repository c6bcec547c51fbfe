"""What a jailed process is, by its own look: capabilities, filters, namespaces. See proc_pid_status(5).

What belongs here: looking, from inside. What does not: concluding (``reasons.py``).
"""

from __future__ import annotations

import errno
import os

from section04_filesystem import _syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The capabilities that the attempts are about: <linux/capability.h>.
CAPABILITIES = {
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_SYS_CHROOT": 18,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27,
}
_KINDS = ("user", "mnt", "pid", "net", "cgroup")


def look() -> dict[str, Any]:
    """Return the facts of this process; what cannot be read is left out."""
    facts: dict[str, Any] = {"uid": os.geteuid(), "filtered": []}
    with open("/proc/self/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    effective = int(status["CapEff"], 16)
    facts["caps"] = [name for name, bit in CAPABILITIES.items() if effective >> bit & 1]
    facts["namespaces"] = {kind: os.stat(f"/proc/self/ns/{kind}").st_ino for kind in _KINDS}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        facts["root_is_mount"] = any(line.split()[4] == "/" for line in file)
    facts["apparmor"] = apparmor_label()
    if status.get("Seccomp", "0") == "2":
        facts["filtered"] = [call for call, probe in _syscalls.HARMLESS_PROBES.items() if refused(probe)]
    return facts


def refused(probe: Any) -> bool:
    """Return whether ``probe()`` gets EPERM. Its arguments are such that the kernel itself would answer otherwise."""
    try:
        probe()
    except OSError as error:
        return error.errno == errno.EPERM
    return False


def apparmor_label() -> str:
    """Return the AppArmor profile that confines this process, or an empty string."""
    for path in ("/proc/self/attr/apparmor/current", "/proc/self/attr/current"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                label = file.read().strip("\0\n")
        except OSError:
            continue
        return "" if label in ("", "unconfined") else label
    return ""
