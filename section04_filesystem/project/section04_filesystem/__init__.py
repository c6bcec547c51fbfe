"""File systems: mounts and propagation, safe paths, pivot_root, overlay, a container's root, a root from the host.

The public surface of the section; names load on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .binds import bind as bind
    from .binds import bind_descriptor as bind_descriptor
    from .binds import mount as mount
    from .binds import umount as umount
    from .cgroupfs import CgroupLayout as CgroupLayout
    from .copying import copy_up as copy_up
    from .core.flags import PROPAGATION as PROPAGATION
    from .core.root import plan_private_mounts as plan_private_mounts
    from .core.root import set_propagation as set_propagation
    from .devices import DEFAULT_DEVICES as DEFAULT_DEVICES
    from .devices import DEV_SYMLINKS as DEV_SYMLINKS
    from .errors import FilesystemError as FilesystemError
    from .errors import MountError as MountError
    from .errors import UnsafePath as UnsafePath
    from .hostroot import HostRoot as HostRoot
    from .idmap import idmapped as idmapped
    from .idmap import plan_mapped_sources as plan_mapped_sources
    from .images import create_image as create_image
    from .isolation.executed import ExecutedMethod as ExecutedMethod
    from .isolation.model import EVERYTHING as EVERYTHING
    from .isolation.model import IsolationMethod as IsolationMethod
    from .isolation.runner import isolation_matrix as isolation_matrix
    from .isolation.stage import Stage as Stage
    from .jails import Jails as Jails
    from .jails import state_folder as state_folder
    from .loopdevice import LoopDevice as LoopDevice
    from .loops import attach_loop as attach_loop
    from .loops import detach_loop as detach_loop
    from .loops import list_loops as list_loops
    from .mountinfo import Mount as Mount
    from .mountinfo import MountTable as MountTable
    from .occupants import Occupants as Occupants
    from .options import MountOptions as MountOptions
    from .overlay import mount_overlay as mount_overlay
    from .pivot import pivot_root as pivot_root
    from .procfs import open_proc as open_proc
    from .procfs import write_proc as write_proc
    from .removal import empty_folder as empty_folder
    from .removal import remove_tree as remove_tree
    from .rootfs import ROOT as ROOT
    from .rootfs import plan_pivot as plan_pivot
    from .rootfs import plan_root_mounts as plan_root_mounts
    from .rootfs import plan_rootfs as plan_rootfs
    from .stumbling import STUMBLING_BLOCKS as STUMBLING_BLOCKS
    from .walk import make_target as make_target
    from .walk import safe_open as safe_open

_WHERE = {
    "CgroupLayout": "cgroupfs",
    "DEFAULT_DEVICES": "devices",
    "DEV_SYMLINKS": "devices",
    "EVERYTHING": "isolation.model",
    "ExecutedMethod": "isolation.executed",
    "FilesystemError": "errors",
    "HostRoot": "hostroot",
    "IsolationMethod": "isolation.model",
    "Jails": "jails",
    "LoopDevice": "loopdevice",
    "Mount": "mountinfo",
    "MountError": "errors",
    "MountOptions": "options",
    "MountTable": "mountinfo",
    "Occupants": "occupants",
    "PROPAGATION": "core.flags",
    "ROOT": "rootfs",
    "STUMBLING_BLOCKS": "stumbling",
    "Stage": "isolation.stage",
    "UnsafePath": "errors",
    "attach_loop": "loops",
    "bind": "binds",
    "bind_descriptor": "binds",
    "copy_up": "copying",
    "create_image": "images",
    "detach_loop": "loops",
    "empty_folder": "removal",
    "idmapped": "idmap",
    "isolation_matrix": "isolation.runner",
    "list_loops": "loops",
    "make_target": "walk",
    "mount": "binds",
    "mount_overlay": "overlay",
    "open_proc": "procfs",
    "pivot_root": "pivot",
    "plan_mapped_sources": "idmap",
    "plan_pivot": "rootfs",
    "plan_private_mounts": "core.root",
    "plan_root_mounts": "rootfs",
    "plan_rootfs": "rootfs",
    "remove_tree": "removal",
    "safe_open": "walk",
    "set_propagation": "core.root",
    "state_folder": "jails",
    "umount": "binds",
    "write_proc": "procfs",
}
__all__ = list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)
