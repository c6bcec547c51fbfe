"""The init's root file system: section 4's plan, with what must happen right before pivot_root put in its place.

What belongs here: reading the config's file system part. What does not: mounting (section 4).
"""

from __future__ import annotations

import os

from section01_processes import Step, action
from section02_namespaces import kind_named
from section04_filesystem import ROOT, CgroupLayout, make_target, plan_pivot, plan_root_mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section03_cgroups import Cgroup

    from .bundle import Bundle
    from .options import Options


def plan_root(bundle: Bundle, options: Options, cgroup: Cgroup | None, before_pivot: list[Step]) -> list[Step]:
    """Return the init's steps from the host's root to the container's; ``before_pivot`` run at the last moment before.

    Without a mount namespace of its own the container keeps the mounts it joined: nothing is mounted then.
    """
    spec = bundle.spec
    linux = spec.get("linux", {})
    kinds = {kind_named(e["type"]).name: e.get("path", "") for e in linux.get("namespaces", ())}
    if kinds.get("mnt", "joined"):
        return before_pivot
    propagation = linux.get("rootfsPropagation") or ""
    layout = CgroupLayout.of(cgroup.hierarchy, cgroup.path, "cgroup" in kinds) if cgroup else None
    steps = plan_root_mounts(
        bundle.rootfs,
        [_from_bundle(mount, bundle.folder) for mount in spec.get("mounts") or () if layout or not _is_cgroup(mount)],
        masked_paths=linux.get("maskedPaths") or (),
        readonly_paths=linux.get("readonlyPaths") or (),
        devices=linux.get("devices") or (),
        propagation=propagation,
        userns=options.in_userns or "user" in kinds,
        cgroup_layout=layout,
    )
    cwd = spec["process"]["cwd"]
    if cwd != "/":
        steps.append(Step(make_cwd, ROOT, cwd, about=f"working directory {cwd}"))
    pivot = plan_pivot(propagation=propagation, readonly=bool(spec["root"].get("readonly")))
    return [*steps, *before_pivot, *pivot]


def _from_bundle(mount: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return ``mount``; the source of a bind is relative to the bundle (config.md "Mounts")."""
    source = mount.get("source", "")
    is_bind = mount.get("type") == "bind" or {"bind", "rbind"} & set(mount.get("options") or ())
    return {**mount, "source": os.path.join(folder, source)} if is_bind and source else mount


def _is_cgroup(mount: dict[str, Any]) -> bool:
    return mount.get("type") == "cgroup"


@action("mkdirat(2)")
def make_cwd(root_fd: int, path: str) -> None:
    """Make the working directory if it is missing, inside the root. Where that cannot be, entering it will tell."""
    try:
        os.close(make_target(root_fd, path))
    except OSError:
        return
