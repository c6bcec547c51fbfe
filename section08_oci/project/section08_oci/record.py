"""Writing state.json at the two moments of ``create``: the intent before the first step, ``created`` after the last.

What belongs here: the two actions. What does not: the rules of the states (``core/state.py``).
"""

from __future__ import annotations

from time import time

from section01_processes import ProcessIdentity, action

from .core.state import CREATED, CREATING, State

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
