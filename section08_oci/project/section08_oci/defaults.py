"""What a container is when nobody says otherwise: Docker's defaults as an OCI config.

What belongs here: the data, and ``default_spec`` that puts it together. What does not: reading or checking a
config.json (``bundle.py``). Mounts, device rules and namespaces are those that dockerd writes for ``docker run``; the
capability set and the masked paths are section 7's.
"""

from __future__ import annotations

from section07_security import DOCKER_DEFAULT, MASKED_PATHS, READONLY_PATHS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OCI_VERSION = "1.0.2"

DEFAULT_ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]


def _rule(major: int | None, minor: int | None, access: str, kind: str = "c") -> dict[str, Any]:
    """Return one allowing device rule; None is the wildcard."""
    rule: dict[str, Any] = {"allow": True, "type": kind, "access": access}
    if major is not None:
        rule["major"] = major
    if minor is not None:
        rule["minor"] = minor
    return rule


#: What every container may do with devices, whatever its config denies: make nodes, and use the harmless ones. The
#: runtime spec asks for these devices ("Default Devices"), so a runtime adds the rules to a config that has any.
ALWAYS_ALLOWED: list[dict[str, Any]] = [
    _rule(None, None, "m"),
    _rule(None, None, "m", "b"),
    _rule(1, 3, "rwm"),  # null
    _rule(1, 5, "rwm"),  # zero
    _rule(1, 7, "rwm"),  # full
    _rule(1, 8, "rwm"),  # random
    _rule(1, 9, "rwm"),  # urandom
    _rule(5, 0, "rwm"),  # tty
    _rule(5, 1, "rwm"),  # console
    _rule(5, 2, "rwm"),  # ptmx
    _rule(136, None, "rwm"),  # pts/N
]

#: ``linux.resources.devices`` as Docker has it: nothing, then the harmless ones; fuse stays denied.
DEVICE_RULES: list[dict[str, Any]] = [{"allow": False, "access": "rwm"}, *ALWAYS_ALLOWED]

DEFAULT_NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")


def _mount(target: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    """Return one entry of ``mounts``."""
    return {"destination": target, "type": kind, "source": source, "options": list(options)}


def default_mounts(shm_size: int = 67108864, cgroup: bool = True) -> list[dict[str, Any]]:
    """Return Docker's mounts in Docker's order; ``shm_size`` in bytes, ``cgroup`` False leaves /sys/fs/cgroup out."""
    mounts = [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    ]
    if cgroup:
        mounts.append(_mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev"))
    mounts.append(_mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"))
    shm = ("nosuid", "noexec", "nodev", "mode=1777", f"size={shm_size}")
    return [*mounts, _mount("/dev/shm", "tmpfs", "shm", *shm)]


def default_spec(args: list[str] | None = None, *, terminal: bool = False) -> dict[str, Any]:
    """Return a complete config: Docker's defaults around ``args`` (default ``sh``), root file system ``rootfs``."""
    capabilities = sorted(DOCKER_DEFAULT)
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": terminal,
            "user": {"uid": 0, "gid": 0},
            "args": args or ["sh"],
            "env": list(DEFAULT_ENV),
            "cwd": "/",
            "capabilities": {name: list(capabilities) for name in ("bounding", "effective", "permitted")},
            "noNewPrivileges": False,
        },
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "ociman",
        "mounts": default_mounts(),
        "linux": {
            "resources": {"devices": [dict(rule) for rule in DEVICE_RULES]},
            "namespaces": [{"type": kind} for kind in DEFAULT_NAMESPACES],
            "maskedPaths": list(MASKED_PATHS),
            "readonlyPaths": list(READONLY_PATHS),
        },
    }
