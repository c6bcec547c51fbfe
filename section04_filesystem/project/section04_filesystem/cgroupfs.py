"""The cgroup file system as a container sees it at /sys/fs/cgroup: version 1, 2 or both.

What belongs here: which mounts that takes. What does not: limits (section 3).
"""

from __future__ import annotations

import os

from section01_processes import Step

from .binds import change_mount, mount_bind_with
from .core.flags import MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY
from .core.mounts import mount_filesystem
from .devices import make_links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from section01_processes import Slot

_TMPFS = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC


class CgroupLayout:
    """What the mounts depend on: the machine's hierarchies, and whether the container has a cgroup namespace.

    ``controllers``: controller → mount point on the host; ``unified``: version 2's mount point or ""; ``path``: the
    container's cgroup (``/minidocker/ID``), used for binds where there is no ``namespace``.
    """

    __slots__ = ("controllers", "namespace", "path", "unified")

    def __init__(
        self, controllers: Mapping[str, str], unified: str = "", path: str = "/", namespace: bool = True
    ) -> None:
        self.controllers = dict(controllers)
        self.unified = unified
        self.path = path
        self.namespace = namespace

    @classmethod
    def of(cls, hierarchy: Any, path: str = "/", namespace: bool = True) -> CgroupLayout:
        """Take the facts from section 3's ``Hierarchy``."""
        return cls(hierarchy.controllers, hierarchy.unified, path, namespace)

    def v1_mounts(self) -> dict[str, list[str]]:
        """Return version 1's mount points, each with the controllers (``name=…`` too) that are mounted there."""
        found: dict[str, list[str]] = {}
        for controller, mount in self.controllers.items():
            if mount != self.unified:
                found.setdefault(mount, []).append(controller)
        return found


def plan_cgroup_mounts(root: Slot | int, target: str, layout: CgroupLayout, attributes: int) -> list[Step]:
    """Return the steps that show the container its own cgroups at ``target``, and nothing above them.

    With a cgroup namespace a new mount of a hierarchy is rooted at the container's own cgroup; without one, that folder
    is bound. Version 1 needs a tmpfs with one folder per hierarchy and a link per controller in a joint one.
    """
    v1 = layout.v1_mounts()
    if not v1:
        return [_one(root, target, "cgroup2", (), layout.unified, layout, attributes)]
    steps = [
        Step(mount_filesystem, root, target, "tmpfs", "cgroup", ("mode=755",), _TMPFS, about="a folder for cgroups")
    ]
    links = []
    for mount, controllers in v1.items():
        name = os.path.basename(mount)
        steps.append(_one(root, f"{target}/{name}", "cgroup", tuple(controllers), mount, layout, attributes))
        links += [(name, f"{target}/{c}") for c in controllers if c != name and not c.startswith("name=")]
    if layout.unified and layout.unified not in v1:
        steps.append(_one(root, f"{target}/unified", "cgroup2", (), layout.unified, layout, attributes))
    if links:
        steps.append(Step(make_links, root, links, about="links to joint controllers"))
    if attributes & MOUNT_ATTR_RDONLY:
        about = f"make {target} read-only"
        steps.append(Step(change_mount, root, target, MOUNT_ATTR_RDONLY, about=about))
    return steps


def _one(
    root: Slot | int,
    target: str,
    fstype: str,
    data: tuple[str, ...],
    host_mount: str,
    layout: CgroupLayout,
    attributes: int,
) -> Step:
    """Return the step for one hierarchy: a new mount in a cgroup namespace, else a bind of the container's folder."""
    about = f"{fstype} {','.join(data)} → {target}".replace("  ", " ")
    if layout.namespace:
        return Step(mount_filesystem, root, target, fstype, "cgroup", data, attributes, about=about)
    source = (host_mount + "/" + layout.path.strip("/")).rstrip("/")
    return Step(mount_bind_with, root, target, source, True, attributes, 0, about=f"bind {about}")
