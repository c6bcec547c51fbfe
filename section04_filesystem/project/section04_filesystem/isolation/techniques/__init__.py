"""The techniques: what is attempted. One file per subject; each attempt is a function, its docstring the explanation.

What belongs here: the list. Attempts run in the jail and import nothing but section 1, section 2, and this section's
``_syscalls``, so that the jail needs to show no more.
"""

from __future__ import annotations

from section04_filesystem.errors import FilesystemError

from ..model import OPENED, SEEN, Technique
from . import descriptors, devices, kernel, mounts, processes, races, roots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TECHNIQUES = (
    Technique(roots.double_chroot),
    Technique(roots.rename_out),
    Technique(roots.old_root, control="kept-old-root"),
    Technique(roots.setns),
    Technique(descriptors.held_descriptor),
    Technique(descriptors.proc_self_fd),
    Technique(descriptors.passed_descriptor),
    Technique(descriptors.abstract_socket),
    Technique(processes.proc_root),
    Technique(processes.ptrace),
    Technique(mounts.mount_over, proof=SEEN),
    Technique(mounts.bind_outside),
    Technique(devices.mknod, needs=("root", "loop")),
    Technique(devices.open_by_handle, needs=("root", "handles")),
    Technique(races.symlink_race, proof=SEEN),
    Technique(races.rename_race, proof=SEEN),
    Technique(kernel.release_agent, needs=("root", "cgroup-v1"), proof=OPENED),
    Technique(kernel.core_pattern, needs=("root",), proof=OPENED),
    Technique(kernel.sysrq_trigger, needs=("root", "sysrq"), proof=OPENED),
)
_BY_NAME = {technique.name: technique for technique in TECHNIQUES}


def techniques_named(names: Sequence[str] = ()) -> list[Technique]:
    """Return the techniques called ``names``, all for an empty list. Raises FilesystemError."""
    return [named(name) for name in dict.fromkeys(names or _BY_NAME)]


def named(name: str) -> Technique:
    """Return the technique called ``name``. Raises FilesystemError."""
    if name not in _BY_NAME:
        raise FilesystemError(f"no technique is called {name!r}", hint="there are: " + " ".join(_BY_NAME))
    return _BY_NAME[name]
