"""Capabilities: root's power in 41 pieces, and the five sets of them that each thread has.

What belongs here: names and bits, the sets as data, the actions that give pieces up. What does not: showing them
(``cli``), and when in a container's start each action comes (section 8). Source: capabilities(7), linux/capability.h.

The order at a container's start, and why:

1. ``drop_bounding`` while CAP_SETPCAP is still there: what is not in the bounding set can never come back by execve.
2. ``keep_capabilities``, or setuid(2) to an ordinary user would empty the permitted set.
3. setgroups, setgid, setuid (the runtime's step).
4. ``set_capabilities``: effective, permitted, inheritable at once.
5. ``set_ambient``: needs each capability permitted *and* inheritable; survives an execve of an ordinary user.
"""

from __future__ import annotations

from section01_processes import action
from section07_security import _syscalls as sys
from section07_security.errors import UnknownCapability

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

#: In the order of their bits, linux/capability.h.
NAMES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip
CAPABILITIES = {name: bit for bit, name in enumerate(NAMES)}

#: What Docker leaves to root in a container (moby: daemon/pkg/oci/caps/defaults.go), in Docker's order.
DOCKER_DEFAULT = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
    "CAP_AUDIT_WRITE",
)  # fmt: skip
SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")


def last_cap() -> int:
    """Return the number of the last capability that this kernel knows."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        return int(file.read())


def bit_of(name: str) -> int:
    """Return the bit of ``CAP_CHOWN``, ``chown`` …; raises UnknownCapability with the nearest name."""
    full = name.upper()
    full = full if full.startswith("CAP_") else "CAP_" + full
    bit = CAPABILITIES.get(full)
    if bit is None:
        from difflib import get_close_matches

        near = get_close_matches(full, NAMES, 1)
        raise UnknownCapability(f"unknown capability {name!r}", hint=f"did you mean {near[0]}?" if near else "")
    return bit


def mask_of(names: Iterable[str]) -> int:
    """Return the bit mask of ``names``; ``ALL`` is every capability in the table. Raises UnknownCapability."""
    mask = 0
    for name in names:
        mask |= (1 << len(NAMES)) - 1 if name.upper() in {"ALL", "CAP_ALL"} else 1 << bit_of(name)
    return mask


def names_of(mask: int) -> list[str]:
    """Return the names in ``mask``, in the order of the bits; a bit without a name reads ``CAP_<number>``."""
    bits = [bit for bit in range(mask.bit_length()) if mask >> bit & 1]
    return [NAMES[bit] if bit < len(NAMES) else f"CAP_{bit}" for bit in bits]


class CapabilitySets:
    """The five sets of a thread as bit masks."""

    __slots__ = SETS

    def __init__(
        self, bounding: int = 0, effective: int = 0, permitted: int = 0, inheritable: int = 0, ambient: int = 0
    ) -> None:
        self.bounding = bounding
        self.effective = effective
        self.permitted = permitted
        self.inheritable = inheritable
        self.ambient = ambient

    def __repr__(self) -> str:
        return f"CapabilitySets({', '.join(f'{name}={getattr(self, name):#x}' for name in SETS)})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CapabilitySets) and all(getattr(self, n) == getattr(other, n) for n in SETS)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def from_oci(cls, capabilities: dict[str, list[str]]) -> CapabilitySets:
        """Return the sets of an OCI ``process.capabilities``; a set that is not there is empty."""
        return cls(**{name: mask_of(capabilities.get(name) or ()) for name in SETS})

    @classmethod
    def parse_status(cls, text: str) -> CapabilitySets:
        """Return the sets from the text of /proc/PID/status (``CapBnd:`` …); proc_pid_status(5)."""
        keys = {"CapBnd": "bounding", "CapEff": "effective", "CapPrm": "permitted", "CapInh": "inheritable",
                "CapAmb": "ambient"}  # fmt: skip
        pairs = (line.split(":\t", 1) for line in text.splitlines() if line.startswith("Cap"))
        return cls(**{keys[key]: int(value, 16) for key, value in pairs if key in keys})

    @classmethod
    def of(cls, pid: int | str = "self") -> CapabilitySets:
        """Return the sets of process ``pid``."""
        with open(f"/proc/{pid}/status") as file:
            return cls.parse_status(file.read())

    def limited(self, mask: int) -> CapabilitySets:
        """Return these sets without what is not in ``mask`` (what this process itself does not have)."""
        return CapabilitySets(*(getattr(self, name) & mask for name in SETS))


@action("prctl(2)")
def drop_bounding(mask: int) -> None:
    """Drop every capability not in ``mask`` from the bounding set. Needs CAP_SETPCAP."""
    for bit in range(last_cap() + 1):
        if not mask >> bit & 1:
            sys.prctl(sys.PR_CAPBSET_DROP, bit, 0, 0, 0)


@action("prctl(2)")
def keep_capabilities() -> None:
    """Keep the permitted set over the coming setuid(2); execve(2) ends it."""
    sys.prctl(sys.PR_SET_KEEPCAPS, 1, 0, 0, 0)


@action("capset(2)")
def set_capabilities(effective: int, permitted: int, inheritable: int) -> None:
    """Set the three sets of this thread."""
    sys.capset(effective, permitted, inheritable)


@action("prctl(2)")
def set_ambient(mask: int) -> None:
    """Make ``mask`` the ambient set. EPERM for a capability that is not both permitted and inheritable."""
    sys.prctl(sys.PR_CAP_AMBIENT, sys.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for bit in range(mask.bit_length()):
        if mask >> bit & 1:
            sys.prctl(sys.PR_CAP_AMBIENT, sys.PR_CAP_AMBIENT_RAISE, bit, 0, 0)


@action("prctl(2)")
def set_no_new_privileges() -> None:
    """Let no execve from here on gain anything: set-user-id bits and file capabilities count no more."""
    sys.prctl(sys.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
