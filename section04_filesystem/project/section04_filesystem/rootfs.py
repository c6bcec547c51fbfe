"""From the OCI config's ``mounts`` and ``linux.*`` to the steps that build a container's root and change to it.

What belongs here: the plan; pure. What does not: the actions (``core/``, ``binds.py``, ``devices.py``, ``masks.py``).

The order is treacherous, so it is fixed here. All of it runs in the container's init, in its new mount namespace:

1. private mounts first: from here on nothing travels to the host (LCM-NS-01);
2. the root is bound on itself and opened; every target is resolved from that descriptor (RESOLVE_IN_ROOT);
3. the spec's mounts, in the spec's order: a later one may lie inside an earlier one;
4. devices and links, once /dev is mounted; then a read-only /dev becomes so;
5. masks and read-only paths, *before* the pivot, while the host's own /dev/null is in reach. Sysctls are written
   through a procfs mount of their own (``procfs.py``), so they may come later;
6. pivot_root: the host is out of reach;
7. the root's propagation, and the root read-only, last.
"""

from __future__ import annotations

import os

from section01_processes import Slot, Step, UsageError

from . import walk as walk  # noqa: PLC0414  registers the fall-back of safe_open
from .binds import change_mount, check_no_data, mount_bind_with, mount_tmpfs
from .cgroupfs import plan_cgroup_mounts
from .core.flags import MOUNT_ATTR_RDONLY
from .core.mounts import mount_bind, mount_filesystem
from .core.root import bind_root, make_root_readonly, plan_private_mounts, set_propagation
from .devices import DEV_SYMLINKS, make_links, plan_devices
from .masks import make_readonly, mask_path
from .options import MountOptions
from .pivot import make_parent_private, pivot_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from .cgroupfs import CgroupLayout
    from .idmap import MappedSource

#: Where the descriptor of the new root is kept between the steps.
ROOT = Slot("rootfs", "the root's descriptor")

#: Files below /proc that a bind may cover (lxcfs does); everything else there is trusted by the runtime.
PROC_BINDS = (
    *("/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime"),
    *("/proc/loadavg", "/proc/slabinfo", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid"),
    "/proc/sys/crypto/fips_enabled",
)

#: File systems whose superblock is one for all: ``ro`` is the mount's property alone.
_KERNEL_FILESYSTEMS = ("proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "tmpfs", "devtmpfs", "securityfs")


def plan_rootfs(
    root: str,
    mounts: Iterable[Mapping[str, Any]],
    *,
    readonly: bool = False,
    masked_paths: Iterable[str] = (),
    readonly_paths: Iterable[str] = (),
    devices: Iterable[dict[str, Any]] = (),
    propagation: str = "",
    dev_symlinks: Sequence[tuple[str, str]] = DEV_SYMLINKS,
    userns: bool = False,
    cgroup_layout: CgroupLayout | None = None,
) -> list[Step]:
    """Return all steps: :func:`plan_root_mounts` and :func:`plan_pivot`. The caller may put its own between the two.

    ``mounts``, ``devices``, ``masked_paths``, ``readonly_paths``, ``propagation`` are the OCI config's ``mounts``,
    ``linux.devices``, ``maskedPaths``, ``readonlyPaths``, ``rootfsPropagation``. ``userns``: the container is in a user
    namespace, so devices are bound. ``cgroup_layout`` is needed for a mount of type ``cgroup``. Raises UsageError.
    """
    steps = plan_root_mounts(
        root,
        mounts,
        masked_paths=masked_paths,
        readonly_paths=readonly_paths,
        devices=devices,
        propagation=propagation,
        dev_symlinks=dev_symlinks,
        userns=userns,
        cgroup_layout=cgroup_layout,
    )
    return steps + plan_pivot(propagation=propagation, readonly=readonly)


def plan_root_mounts(
    root: str,
    mounts: Iterable[Mapping[str, Any]],
    *,
    masked_paths: Iterable[str] = (),
    readonly_paths: Iterable[str] = (),
    devices: Iterable[dict[str, Any]] = (),
    propagation: str = "",
    dev_symlinks: Sequence[tuple[str, str]] = DEV_SYMLINKS,
    userns: bool = False,
    cgroup_layout: CgroupLayout | None = None,
    mapped: Mapping[str, MappedSource] | None = None,
) -> list[Step]:
    """Return the steps up to the pivot; they leave the root's descriptor in slot :data:`ROOT`.

    ``mapped``: the sources of id-mapped binds that another process opens (``plan_mapped_sources``), by destination.
    """
    wanted = [dict(mount) for mount in mounts]
    steps = _plan_root(root, propagation)
    for mount in wanted:
        steps += plan_mount(mount, cgroup_layout, (mapped or {}).get(mount["destination"]))
    dev = [mount for mount in wanted if _target(mount) == "/dev"]
    if not any(_is_bind(mount) for mount in dev):
        steps += plan_devices(ROOT, devices, userns)
        if dev_symlinks:
            steps.append(Step(make_links, ROOT, list(dev_symlinks), about="/dev/fd, stdin, stdout, stderr, core, ptmx"))
    if dev and MountOptions.parse(dev[-1].get("options") or ()).set & MOUNT_ATTR_RDONLY:
        steps.append(Step(change_mount, ROOT, "/dev", MOUNT_ATTR_RDONLY, about="make /dev read-only"))
    steps += [Step(make_readonly, ROOT, path, about=f"read-only {path}") for path in readonly_paths]
    steps += [Step(mask_path, ROOT, path, about=f"mask {path}") for path in masked_paths]
    return steps


def plan_pivot(*, propagation: str = "", readonly: bool = False) -> list[Step]:
    """Return the steps that change the root to the descriptor in :data:`ROOT`, and finish it."""
    steps = [Step(pivot_root, ROOT, about="the root changes; the old one is let go")]
    if propagation and propagation.removeprefix("r") not in ("private", "slave"):
        steps.append(Step(set_propagation, "/", propagation, about=f"the root's propagation: {propagation}"))
    if readonly:
        steps.append(Step(make_root_readonly, about="the root becomes read-only"))
    return steps


def _plan_root(root: str, propagation: str) -> list[Step]:
    """Return the steps that begin: propagation, then the root on itself."""
    kind = propagation.removeprefix("r")
    if kind == "shared":  # mounts shall travel; only the root's own parent may not be shared (pivot_root(2))
        steps = [Step(make_parent_private, root, about="the mount that holds the root becomes private")]
    else:
        steps = plan_private_mounts("rprivate" if kind == "private" else "rslave")
    return [*steps, Step(bind_root, root, about=f"{root} becomes a mount point, and is opened", out=ROOT)]


def plan_mount(
    mount: Mapping[str, Any], cgroup_layout: CgroupLayout | None = None, mapped: MappedSource | None = None
) -> list[Step]:
    """Return the steps of one entry of the spec's ``mounts``. Raises UsageError for one that cannot be."""
    target, source = _target(mount), str(mount.get("source") or "")
    options = MountOptions.parse(mount.get("options") or ())
    fstype = "bind" if _is_bind(mount) else str(mount.get("type") or "none")
    _check_proc(target, fstype)
    about = f"{source or fstype} → {target} ({fstype})"
    change = (options.set, options.clear, options.all_set, options.all_clear, options.propagation)
    if options.remount:
        return [Step(change_mount, ROOT, target, *change, about=f"remount {target}")]
    if fstype == "bind":
        check_no_data(target, options.data)
        if options.idmap or mount.get("uidMappings") or mount.get("gidMappings"):
            return [_plan_idmapped(mount, target, source, options, change, about, mapped)]
        return [_plan_bind(target, source, options, change, about)]
    if options.idmap or mount.get("uidMappings"):
        raise UsageError(f"mount {target}: only a bind mount can be id-mapped, not a new {fstype}")
    if fstype == "none":
        raise UsageError(f"mount {target}: neither a type nor bind is given")
    attributes = options.attributes()
    if target == "/dev":
        attributes &= ~MOUNT_ATTR_RDONLY
    if fstype == "cgroup":
        return _plan_cgroup(target, attributes, cgroup_layout)
    data = tuple(options.superblock + options.data)
    if fstype == "tmpfs":
        step = Step(mount_tmpfs, ROOT, target, source or "tmpfs", data, attributes, options.copy_up, about=about)
    else:
        if attributes & MOUNT_ATTR_RDONLY and fstype not in _KERNEL_FILESYSTEMS:
            data += ("ro",)
        step = Step(mount_filesystem, ROOT, target, fstype, source, data, attributes, about=about)
    steps = [step]
    if options.propagation:
        word = options.propagation
        steps.append(Step(change_mount, ROOT, target, 0, 0, 0, 0, word, about=f"{target}: {word}"))
    return steps


def _plan_bind(
    target: str, source: str, options: MountOptions, change: tuple[int, int, int, int, str], about: str
) -> Step:
    """Return the step of a bind: core's where that is enough."""
    if not source:
        raise UsageError(f"mount {target}: a bind needs a source")
    recursive = options.bind != "bind"
    if change == (options.set, 0, 0, 0, ""):
        return Step(mount_bind, ROOT, target, source, recursive, options.set, about=about)
    return Step(mount_bind_with, ROOT, target, source, recursive, *change, about=about)


def _plan_idmapped(
    mount: Mapping[str, Any],
    target: str,
    source: str,
    options: MountOptions,
    change: tuple[object, ...],
    about: str,
    mapped: MappedSource | None,
) -> Step:
    """Return the step of an id-mapped bind (config.md "Mounts", ``uidMappings``); its module loads only for one."""
    from .idmap import attach_mapped, mount_idmapped, parse_maps

    if not source:
        raise UsageError(f"mount {target}: a bind needs a source")
    if mapped is not None:
        return Step(attach_mapped, ROOT, target, mapped, *change, about=f"{about}, id-mapped before")
    maps = (*parse_maps(mount), options.idmap == "ridmap")
    recursive = options.bind != "bind"
    return Step(mount_idmapped, ROOT, target, source, recursive, maps, *change, about=f"{about}, id-mapped")


def _plan_cgroup(target: str, attributes: int, layout: CgroupLayout | None) -> list[Step]:
    if layout is None:
        raise UsageError(f"mount {target}: a cgroup mount needs to know the machine's cgroup hierarchies")
    return plan_cgroup_mounts(ROOT, target, layout, attributes)


def _target(mount: Mapping[str, Any]) -> str:
    """Return the mount's target as an absolute path without ``..`` (its links are resolved when it is opened)."""
    return os.path.normpath("/" + str(mount["destination"]).lstrip("/"))


def _is_bind(mount: Mapping[str, Any]) -> bool:
    words = mount.get("options") or ()
    return mount.get("type") == "bind" or "bind" in words or "rbind" in words


def _check_proc(target: str, fstype: str) -> None:
    """Refuse mounts that would make /proc lie to the runtime (CVE-2019-16884, CVE-2019-19921)."""
    if target == "/proc" and fstype not in ("proc", "bind"):
        raise UsageError(f"mount {target}: only proc can be mounted there, not {fstype}")
    if target.startswith("/proc/") and target not in PROC_BINDS:
        raise UsageError(f"mount {target}: nothing may be mounted inside /proc", hint="except " + ", ".join(PROC_BINDS))
