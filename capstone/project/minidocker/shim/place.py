"""The shim takes its place, before anything heavy is loaded: lock, user namespace, cgroup.

What belongs here: the first steps and their actions. What does not: the container's root and user (``prepare.py``).

Moving a process between cgroups waits for an RCU grace period, ten milliseconds in which nobody works. So a helper
makes the cgroup and moves us, while we load the rest and mount the root; the last step of the preparation waits for it.
The helper keeps the container's lock: as long as it may still make something, nobody heals behind its back.
"""

from __future__ import annotations

import os
from fcntl import LOCK_EX, LOCK_NB, flock

from section01_processes import LcmError, Slot, Step, action, set_death_signal, set_dumpable, set_subreaper, spawn, warn

from . import protocol as p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section01_processes import Child

MOVER: Any = Slot("mover", "the helper")


def plan_place(folder: str, config: dict[str, Any], lock_fd: int = -1) -> list[Step]:
    """Return the shim's first steps for the container in ``folder`` (``config``: shim.json)."""
    steps = [
        Step(hold_lock, lock_fd, os.path.join(folder, p.LOCK), about="the container's lock, held as long as we live"),
    ]
    if config.get("uid_maps"):
        steps += plan_user_namespace(config)
    steps += [
        Step(set_subreaper, about="what exec's helper leaves behind becomes our child"),
        Step(set_dumpable, 0, about="our memory and /proc/PID/exe are closed to others"),
    ]
    own = config.get("shim_cgroup")
    if own:
        rootless = bool(config.get("uid_maps"))
        steps.append(Step(begin_move, own, rootless, about=f"a helper moves us to cgroup {own}", out=MOVER))
    return steps


def plan_user_namespace(config: dict[str, Any]) -> list[Step]:
    """Return the steps of a rootless shim into a user namespace of its own, in which it is root.

    Without a network of the machine's: with a network namespace that it owns, as who visits the container's from the
    machine's could not return.
    """
    from section02_namespaces import CLONE_NEWNET, CLONE_NEWUSER, IdMap, plan_namespaces, write_id_maps

    alone = (config.get("network") or {}).get("mode", "none") == "none"
    maps = [[IdMap(*line) for line in config[key]] for key in ("uid_maps", "gid_maps")]
    steps = plan_namespaces(CLONE_NEWUSER | (CLONE_NEWNET if alone else 0))
    steps.insert(1, Step(write_id_maps, 0, *maps, about="we are root in it"))
    return steps


def in_user_namespace(config: dict[str, Any]) -> int:
    """Return after how many steps a rootless shim is in its user namespace, and executes itself again."""
    return 1 + len(plan_user_namespace(config))


def plan_placed(config: dict[str, Any]) -> list[Step]:
    """Return the step after which we are in our cgroup."""
    return [Step(end_move, MOVER, about="we are in our own cgroup")] if config.get("shim_cgroup") else []


@action("flock(2)")
def hold_lock(fd: int, path: str) -> None:
    """Make sure that the inherited descriptor is the lock of this container, and held. Raises LcmError."""
    given, wanted = os.fstat(fd), os.stat(path)
    if (given.st_dev, given.st_ino) != (wanted.st_dev, wanted.st_ino):
        raise LcmError(f"the inherited descriptor {fd} is not {path}")
    flock(fd, LOCK_EX | LOCK_NB)


@action("cgroups(7)")
def begin_move(path: str, rootless: bool) -> Child:
    """Fork the helper that makes the cgroup and moves us into it: the caller's limits and end are not ours."""
    shim = os.getpid()
    return spawn(lambda: move(path, shim, rootless))


def move(path: str, pid: int, rootless: bool) -> int:
    """Be the helper. Without rights to cgroups (rootless, not delegated) the shim stays where it is: a warning."""
    from section03_cgroups import Cgroup, ControllerMissing, Hierarchy

    set_death_signal(9)
    try:
        cgroup = Cgroup(Hierarchy.detect(), path)
        cgroup.create()
        cgroup.enter(pid)
    except (ControllerMissing, OSError) as error:
        if not rootless and not isinstance(error, ControllerMissing):
            raise
        warn(f"the shim stays in its caller's cgroup: {error}")
    return 0


@action("waitpid(2)")
def end_move(helper: Child) -> None:
    """Wait for the helper. Raises LcmError when it failed (it wrote why to shim.log)."""
    with helper:
        if helper.wait():
            raise LcmError("the shim cannot enter a cgroup of its own", hint="its shim.log says why")
