"""`system check`: what is outside, or inside, of the state folder and belongs to no container that there is.

Names of everything external derive from container ids, so that a leak can be told from a neighbour's property: a
cgroup, a lease, a link whose id is no row of this state *and* whose folder is not below this root is only reported
when this root is the one that owns it (cgroups: by the id, which no other root can have made).

What belongs here: looking. What does not: releasing (``shim/release.py``).
"""

from __future__ import annotations

import os
import time

from .settle import release, settle, unlisted_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .base import Engine


class Finding:
    """One thing that should not be there."""

    __slots__ = ("kind", "repaired", "what")

    def __init__(self, kind: str, what: str) -> None:
        self.kind = kind
        self.what = what
        self.repaired = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {"kind": self.kind, "what": self.what, "repaired": self.repaired}


def check(engine: Engine, *, repair: bool = False) -> list[Finding]:
    """Settle everything, then return what is left behind; with ``repair`` it is removed."""
    settle(engine)
    findings = [_folder(engine, identity, repair=repair) for identity in unlisted_folders(engine)]
    findings += _cgroups(engine, repair=repair)
    for identity in leased_ids(engine):
        if engine.store.get(identity) is None:
            finding = Finding("network", identity)
            if repair:
                release(engine, identity)
                finding.repaired = True
            findings.append(finding)
    findings += _volumes(engine, repair=repair)
    findings += _images(engine, repair=repair)
    return findings


def _folder(engine: Engine, identity: str, *, repair: bool) -> Finding:
    """Report a container's folder without row: an interrupted removal."""
    from minidocker.shim.release import remove_folder

    finding = Finding("folder", engine.folder(identity))
    if repair:
        release(engine, identity.partition(".")[0])
        remove_folder(engine.folder(identity))
        finding.repaired = True
    return finding


def _cgroups(engine: Engine, *, repair: bool) -> list[Finding]:
    """Report empty cgroups of no container of ours, older than a minute: another root's are full, or new."""
    from section03_cgroups import Cgroup, Hierarchy

    hierarchy = Hierarchy.detect()
    names: dict[str, float] = {}
    for mount in hierarchy.mounts():
        parent = f"{mount}/minidocker"
        for name in os.listdir(parent) if os.path.isdir(parent) else ():
            if os.path.isdir(f"{parent}/{name}"):
                names[name] = max(names.get(name, 0.0), os.stat(f"{parent}/{name}").st_mtime)
    findings = []
    for name, made in names.items():
        cgroup = Cgroup(hierarchy, f"/minidocker/{name}")
        if time.time() - made < 60 or engine.store.get(name.partition(".")[0]) or cgroup.pids():
            continue
        finding = Finding("cgroup", f"/minidocker/{name}")
        if repair:
            cgroup.remove()
            finding.repaired = True
        findings.append(finding)
    return findings


def leased_ids(engine: Engine) -> list[str]:
    """Return the ids that hold an address lease below this root."""
    found = []
    try:
        networks = os.listdir(engine.root.networks)
    except FileNotFoundError:
        return []
    for network in networks:
        leases = f"{engine.root.networks}/{network}/leases"
        for address in os.listdir(leases) if os.path.isdir(leases) else ():
            path = f"{leases}/{address}"
            if os.path.islink(path):
                found.append(os.readlink(path))
    return list(dict.fromkeys(found))


def _volumes(engine: Engine, *, repair: bool) -> list[Finding]:
    """Report folders of volumes that no row names."""
    from section05_images import remove_tree

    known = {name for name, *_ in engine.store.volumes()}
    findings = []
    for name in os.listdir(engine.root.volumes):
        if name not in known:
            finding = Finding("volume", f"{engine.root.volumes}/{name}")
            if repair:
                remove_tree(finding.what)
                finding.repaired = True
            findings.append(finding)
    return findings


def _images(engine: Engine, *, repair: bool) -> list[Finding]:
    """Report what section 5 finds in its store."""
    if not os.path.isdir(engine.root.images):
        return []
    findings = [Finding("image", line) for line in engine.images.check(repair=repair)]
    for finding in findings:
        finding.repaired = repair
    return findings
