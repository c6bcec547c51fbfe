"""``release``: take back everything outside a container's folder that a container may have, and the folder if wanted.

One function for all ends: the shim's own, ``rm``, and healing after a SIGKILL at whatever moment. It is idempotent,
tolerates "not there", needs only the container's folder and id, and may be repeated from any process that holds the
container's lock. What the kernel frees by itself (mounts, namespaces, processes in them) is not its business.

What belongs here: that function; it is loaded without the shim's loop. What does not: deciding when.
"""

from __future__ import annotations

import os
from time import monotonic_ns

from section01_processes import LcmError, Plan, Slot, Step, action, read_json, spawn
from section03_cgroups import Cgroup, ControllerMissing, Hierarchy

from . import protocol as p
from .recorder import make_recorder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section01_processes import Child

    from .recorder import ShimRecorder

#: How long killed processes may take to be gone, in seconds. Longer only for those that sleep in the kernel.
PATIENCE = 10.0
REMOVING = ".removing"
LEAVER: Any = Slot("leaver", "the helper that moves us")


def release(
    folder: str,
    container_id: str,
    *,
    remove: bool = False,
    by_shim: str = "",
    later: bool = False,
    record_fd: int = -1,
    crash: str = "",
) -> None:
    """Release container ``container_id``; with ``remove`` its folder goes too (and the anonymous volumes).

    The caller holds the lock. ``by_shim`` is only for the shim itself: where it came from (text of /proc/self/cgroup),
    as it must leave its own cgroup before that can be removed. With ``later`` the network's links stay for
    :func:`finish_network`. Every step is tried; the first error is raised at the end with the others noted.
    """
    config = _config_of(folder)
    steps = plan_release(folder, container_id, config, remove=remove, by_shim=by_shim, later=later)
    plan = Plan("release", steps)
    run_all(plan, make_recorder(record_fd, "release", crash))


def run_all(plan: Plan, recorder: ShimRecorder | None = None) -> None:
    """Run every step, whatever happened to those before; raise the first error at the end, the others noted."""
    first: Exception | None = None
    slots: dict[str, Any] = {}
    for number, step in enumerate(plan.steps):
        began = monotonic_ns()
        errno = 0
        try:
            step.apply(slots)
        except Exception as error:
            errno = getattr(error, "errno", None) or -1
            error.add_note(f"while {plan.process} did step {number}: {step.about}")
            if first is None:
                first = error
            else:
                first.add_note(f"and then: {error}")
        if recorder:
            recorder(number, errno, began)
    if first:
        raise first


def plan_release(
    folder: str,
    container_id: str,
    config: dict[str, Any],
    *,
    remove: bool = False,
    by_shim: str = "",
    later: bool = False,
) -> list[Step]:
    """Return the steps. Names derive from the id, so ``config`` may be empty (killed before shim.json was written)."""
    own = config.get("shim_cgroup") or f"/minidocker/{container_id}.shim"
    steps = plan_release_life(folder, container_id, config, later=later)
    if by_shim:
        from section04_filesystem import umount

        steps.insert(
            0, Step(begin_leave, by_shim, own, about="a helper moves us back to where we came from", out=LEAVER)
        )
        steps.append(Step(umount, os.path.join(folder, "rootfs"), about="the root, mounted in our namespace only"))
        steps.append(Step(end_leave, LEAVER, about="we are out of our own cgroup"))
    else:
        steps.append(Step(kill_cgroup, own, about="what a dead shim left: helpers"))
    steps.append(Step(remove_cgroup, own, about=f"cgroup {own}"))
    steps.append(Step(remove_leftovers, folder, about="socket and half-written files"))
    if remove:
        steps += [Step(remove_folder, path, about=path) for path in config.get("anonymous_volumes", ())]
        steps.append(Step(remove_folder, folder, about="the container's folder"))
    return steps


def plan_release_life(folder: str, container_id: str, config: dict[str, Any], *, later: bool = False) -> list[Step]:
    """Return the steps that release one life of the container's process; a restart needs no more."""
    cgroup = config.get("cgroup") or f"/minidocker/{container_id}"
    about = "published ports, address; the links later" if later else "links, published ports, address"
    return [
        Step(kill_cgroup, cgroup, about="kill what lives in the container's cgroup"),
        Step(release_network, _root_of(folder, config), container_id, not later, about=about),
        Step(remove_cgroup, cgroup, about=f"cgroup {cgroup}"),
        Step(remove_state, folder, about="the runtime's state folder"),
    ]


def _root_of(folder: str, config: dict[str, Any]) -> str:
    """Return the state root of the container in ``folder``."""
    return config.get("root") or os.path.dirname(os.path.dirname(folder))


def _config_of(folder: str) -> dict[str, Any]:
    """Return shim.json; empty when it is not there or was never finished."""
    try:
        config: dict[str, Any] = read_json(os.path.join(folder, p.SHIM))
    except (OSError, LcmError):
        return {}
    return config


def _cgroup(path: str) -> Cgroup | None:
    """Return the group at ``path``, or None where no hierarchy is mounted."""
    try:
        return Cgroup(Hierarchy.detect(), path)
    except ControllerMissing:
        return None


@action("cgroups(7)")
def kill_cgroup(path: str) -> None:
    """Kill every member of the group and wait until it is empty."""
    cgroup = _cgroup(path)
    if cgroup and cgroup.exists() and cgroup.pids() and not cgroup.kill(PATIENCE):
        raise LcmError(f"processes of {path} do not end", hint="they sleep in the kernel; try again later")


@action("rmdir(2)")
def remove_cgroup(path: str) -> None:
    """Remove the group from every hierarchy. Without rights to it (rootless) there never was one."""
    cgroup = _cgroup(path)
    if cgroup and cgroup.exists():
        cgroup.remove()


@action("rtnetlink(7)")
def release_network(root: str, container_id: str, finish: bool = True) -> None:
    """Remove links (only to ``finish``), rules' elements and lease of the container, if it has an endpoint anywhere."""
    networks = os.path.join(root, "networks")
    if os.path.isdir(networks):
        from section06_network import NetworkStore, release_endpoint

        release_endpoint(NetworkStore(networks), container_id, finish=finish)


def finish_network(folder: str, config: dict[str, Any]) -> None:
    """Remove the links that :func:`release` left: the kernel makes us wait for their readers, but nobody for us."""
    networks = os.path.join(_root_of(folder, config), "networks")
    if os.path.isdir(networks):
        from section06_network import NetworkStore, finish_releases

        finish_releases(NetworkStore(networks))


@action("unlink(2)")
def remove_state(folder: str) -> None:
    """Remove the runtime's state folder."""
    from section05_images import remove_tree

    remove_tree(os.path.join(folder, "oci"))


@action("cgroups(7)")
def begin_leave(came_from: str, own: str) -> Child:
    """Fork the helper that moves us out of our cgroup: the move waits for the kernel, and we have work to do."""
    shim = os.getpid()
    return spawn(lambda: leave(came_from, own, shim))


def leave(came_from: str, own: str, pid: int) -> int:
    """Be the helper: move ``pid``, in each hierarchy, back to where it came from, or to the root if that is gone."""
    cgroup = _cgroup(own)
    if cgroup is None:
        return 0
    paths: dict[str, str] = {}
    for line in came_from.splitlines():
        _, names, path = line.split(":", 2)
        paths.update(dict.fromkeys(names.split(","), path))
    for mount in cgroup.hierarchy.mounts():
        if os.path.isdir(mount + own):
            here = [name for name, where in cgroup.hierarchy.controllers.items() if where == mount]
            back = paths.get("" if mount == cgroup.hierarchy.unified else here[0], "/")
            for process in (pid, os.getpid()):
                if not _move(process, mount + back):
                    _move(process, mount)
    return 0


@action("waitpid(2)")
def end_leave(helper: Child) -> None:
    """Wait for the helper; what it could not do, removing the cgroup will say."""
    with helper:
        helper.wait()


def _move(pid: int, folder: str) -> bool:
    """Move ``pid`` into the group ``folder``; False if that cannot be."""
    try:
        fd = os.open(f"{folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, b"%d" % pid)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


@action("unlink(2)")
def remove_leftovers(folder: str) -> None:
    """Remove the socket and temporary files of a rename that never came."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        if name == p.SOCK or (name.startswith(".") and name.endswith("~")):
            try:
                os.unlink(os.path.join(folder, name))
            except FileNotFoundError:
                pass


@action("rename(2)")
def remove_folder(path: str) -> None:
    """Take the folder's name away first, in one step, then remove it: nobody ever sees half of it under its name."""
    from section05_images import remove_tree

    doomed = path.rstrip("/") + REMOVING
    remove_tree(doomed)  # of an earlier try that was killed
    try:
        os.rename(path, doomed)
    except FileNotFoundError:
        return
    remove_tree(doomed)
