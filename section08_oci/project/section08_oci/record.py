"""Writing state.json at the two moments of ``create``: the intent before the first step, ``created`` after the last.

What belongs here: the two actions, and the lock that all later operations take. What does not: the rules of the states
(``core/state.py``).
"""

from __future__ import annotations

import os
from fcntl import LOCK_EX, flock
from time import time

from section01_processes import ProcessIdentity, action

from .core.state import CREATED, CREATING, State
from .errors import ContainerNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from section03_cgroups import Cgroup

    from .bundle import Bundle


@action("runtime.md#state")
def begin_record(bundle: Bundle, name: str, folder: str, cgroup: Cgroup | None) -> State:
    """Record that container ``name`` is being made, and where its cgroup will be: ``delete`` needs no more."""
    spec = bundle.spec
    state = State(
        folder,
        {
            "ociVersion": spec["ociVersion"],
            "id": name,
            "bundle": bundle.folder,
            "annotations": spec.get("annotations", {}),
            "cgroup": cgroup.path if cgroup else "",
            "created": time(),
            "rootfs": bundle.rootfs,
        },
    )
    state.move(CREATING)
    return state


@action("runtime.md#state")
def record_created(state: State, pid: int) -> None:
    """Record the init's pid and identity: from now on every process can start, signal and delete the container."""
    state.values["pid"] = pid
    state.values["identity"] = str(ProcessIdentity.of(pid))
    state.move(CREATED)


class StateLock:
    """An exclusive flock(2) on the container's folder: one operation at a time changes its state."""

    __slots__ = ("fd", "folder")

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        try:
            self.fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ContainerNotFound(f"no container has its state in {self.folder!r}") from None
        flock(self.fd, LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
