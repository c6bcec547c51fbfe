"""A container's cgroup: one path, in every hierarchy that the machine has.

What belongs here: choosing, per controller, between version 1 and 2, and the life of the group (create, set, enter,
kill, wait, remove). What does not: how one group's files work (``core.group``, ``v1``), numbers (``stats``).
"""

from __future__ import annotations

import os
from os.path import exists as _exists
from time import monotonic, sleep

from . import v1
from .core import group
from .core import limits as v2
from .core.files import read_value
from .errors import CgroupError, ControllerMissing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.limits import Limits
    from .hierarchy import Hierarchy
    from .stats import Stats

#: Controllers that a version 2 group gets in any case; hugetlb only when a limit asks for it.
USUAL = ("cpuset", "cpu", "io", "memory", "pids")
#: A parent of this name goes with its last child; all others belong to whoever made them.
OWN_PARENT = "minidocker"


class Setting:
    """One file of one group to be written. ``optional``: a missing file is a warning (this text), not an error."""

    __slots__ = ("folder", "name", "optional", "text")

    def __init__(self, folder: str, name: str, text: str, optional: str = "") -> None:
        self.folder = folder
        self.name = name
        self.text = text
        self.optional = optional

    def __repr__(self) -> str:
        return f"{self.text!r} → {self.folder}/{self.name}"


class Cgroup:
    """The group ``path`` (``/minidocker/<id>``) in all hierarchies of ``hierarchy``; making one touches nothing."""

    __slots__ = ("hierarchy", "path")

    def __init__(self, hierarchy: Hierarchy, path: str) -> None:
        names = path.strip("/").split("/")
        if not names[0] or ".." in names or "." in names:
            raise CgroupError(22, "mkdir", (path,), hint="a cgroup needs a path like /minidocker/web")
        self.hierarchy = hierarchy
        self.path = "/" + "/".join(names)

    def __repr__(self) -> str:
        return f"Cgroup({self.path}, {self.hierarchy.mode})"

    def folder(self, controller: str = "") -> str:
        """Return the folder for ``controller`` (v2's name), or the unified one; raises ControllerMissing."""
        mount = self.hierarchy.find(controller)[0] if controller else self.hierarchy.unified
        if not mount:
            raise ControllerMissing(
                f"the {controller or 'unified'} controller is not available here", explain="LCM-CG-01"
            )
        return mount + self.path

    def folders(self) -> list[str]:
        """Return the group's folders: version 1's, then the unified one."""
        return [mount + self.path for mount in self.hierarchy.mounts()]

    def create(self, extra: tuple[str, ...] = ()) -> None:
        """Make the group in every hierarchy; in version 2 enable the usual controllers and ``extra`` on the way down.

        A hierarchy that this user may not change is passed over, and only a limit that needs it fails; CgroupError if
        that is all of them.
        """
        refusal, made = None, 0
        for mount in self.hierarchy.mounts():
            try:
                self._create_in(mount, extra)
                made += 1
            except CgroupError as error:
                if error.errno not in {1, 13, 30}:  # EPERM, EACCES, EROFS
                    raise
                refusal = refusal or error
        if refusal and not made:
            raise refusal

    def _create_in(self, mount: str, extra: tuple[str, ...]) -> None:
        hierarchy = self.hierarchy
        if mount == hierarchy.unified:
            wanted = tuple(c for c in (*USUAL, *extra) if hierarchy.controllers.get(c) == mount)
            group.make_group(mount, self.path, wanted)
        else:
            v1.make_group(mount, self.path, mount == hierarchy.controllers.get("cpuset"))

    def settings(self, limits: Limits, *, fresh: bool = True) -> list[Setting]:
        """Return what :meth:`set` would write, in order. Raises ControllerMissing, LimitRefused.

        ``fresh``: the group is new, so that nothing has to be read. Device rules are not among them.
        """
        found = []
        for controller in v2.CONTROLLERS:
            mount, version = self.hierarchy.find(controller)
            folder = mount + self.path
            if version == 1:
                memsw = None if fresh or controller != "memory" else _number(folder, "memory.memsw.limit_in_bytes")
                pairs = v1.settings(limits, controller, memsw)
            else:
                pairs = v2.settings(limits, controller)
            if pairs and not version:
                name = pairs[0][0]
                raise ControllerMissing(f"{name} cannot be set: no {controller} controller here", explain="LCM-CG-01")
            found += [Setting(folder, name, text, _OPTIONAL.get(name, "")) for name, text in pairs]
        for name, text in (limits.unified or {}).items():
            if not self.hierarchy.unified or "/" in name:
                raise ControllerMissing(f"{name} cannot be set: no cgroup version 2 here", explain="LCM-CG-01")
            found.append(Setting(self.folder(), name, text))
        return found

    def set(self, limits: Limits) -> None:
        """Write ``limits``, device rules included, to the existing group. Raises CgroupError, ControllerMissing."""
        from .plan import apply_devices, write_setting

        for setting in self.settings(limits, fresh=False):
            write_setting(setting)
        if limits.devices:
            apply_devices(self, limits.devices)

    def enter(self, pid: int = 0) -> None:
        """Move ``pid`` (0: the caller) into the group, in each hierarchy where it exists. Raises CgroupError."""
        entered = 0
        for folder in self.folders():
            try:
                group.enter_group(folder, pid)
                entered += 1
            except CgroupError as error:
                if error.errno != 2:
                    raise
        if not entered:
            raise CgroupError(2, "write", (f"{self.path}/cgroup.procs", pid), hint="the cgroup does not exist")

    def exists(self) -> bool:
        """Tell whether the group is there in at least one hierarchy."""
        return any(_exists(folder) for folder in self.folders())

    def pids(self) -> list[int]:
        """Return the pids of all members, those in groups below included."""
        found: dict[int, None] = {}
        for folder in self._tracking():
            found.update(dict.fromkeys(group.members(folder)))
        return list(found)

    def _tracking(self) -> list[str]:
        """Return the folders that must be asked for members: the unified one if there is one, else all of them."""
        return [self.folder()] if self.hierarchy.unified and _exists(self.folder()) else self.folders()

    def kill(self, seconds: float = 5.0) -> bool:
        """SIGKILL every member, also while they fork; True when none is left after at most ``seconds``."""
        if self.hierarchy.unified:
            try:
                group.kill_group(self.folder())
                return self.wait_empty(seconds)
            except CgroupError as error:
                if error.errno != 2:  # ENOENT: Linux < 5.14, or the group is gone
                    raise
        freezer = self.hierarchy.controllers.get("freezer", "")
        freezer = freezer + self.path if freezer and _exists(freezer + self.path) else ""
        done = [v1.kill_members(folder, freezer, seconds) for folder in self._tracking()]
        return all(done)

    def signal(self, number: int, seconds: float = 10.0) -> None:
        """Send signal ``number`` to every member; SIGKILL also reaches who is forked meanwhile, and is waited for."""
        if number == 9:
            self.kill(seconds)
            return
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def wait_empty(self, seconds: float) -> bool:
        """Wait until the group and all below have no member; False after ``seconds``."""
        if self.hierarchy.unified and _exists(self.folder()):
            return group.wait_event(self.folder(), "populated", "0", seconds)
        deadline, pause = monotonic() + seconds, 0.0005
        while self.pids():
            if monotonic() > deadline:
                return False
            sleep(pause)
            pause = min(pause * 2, 0.02)
        return True

    def freeze(self, seconds: float = 5.0) -> None:
        """Stop every member where it stands. Raises CgroupError if one cannot be stopped in ``seconds``."""
        self._freeze(True, seconds)

    def thaw(self, seconds: float = 5.0) -> None:
        """Let a frozen group go on."""
        self._freeze(False, seconds)

    def _freeze(self, frozen: bool, seconds: float) -> None:
        """Use version 2's freezer if there is one (frozen processes can be killed), else version 1's."""
        if self.hierarchy.unified and _exists(self.folder() + "/cgroup.freeze"):
            done = group.freeze_group(self.folder(), frozen, seconds)
        else:
            done = v1.freeze_group(self.folder("freezer"), frozen, seconds)
        if not done:
            raise CgroupError(110, "freeze" if frozen else "thaw", (self.path,), hint="a process sleeps in the kernel")

    def remove(self, seconds: float = 2.0) -> None:
        """Remove the group in every hierarchy; idempotent. A parent named ``minidocker`` goes with its last child."""
        first: CgroupError | None = None
        for folder in self.folders():
            try:
                group.remove_group(folder, seconds)
                parent = folder.rpartition("/")[0]
                if parent.endswith("/" + OWN_PARENT):
                    group.remove_group_if_empty(parent)
            except CgroupError as error:
                if first is None:
                    first = error
                else:
                    first.add_note(str(error))
        if first:
            raise first

    def stats(self) -> Stats:
        """Return what the group has used and may use, from all its controllers."""
        from .stats import Stats

        return Stats.read(self)

    def oom_kills(self) -> int:
        """Return how many processes of the group the kernel has killed for want of memory; 0 if nobody counts."""
        from .stats import oom_kills

        return oom_kills(self)


_OPTIONAL = {
    "memory.memsw.limit_in_bytes": "this kernel does not account swap (swapaccount=1): memory is limited, swap is not",
    "memory.swap.max": "this kernel does not account swap: memory is limited, swap is not",
    "memory.swappiness": "swappiness cannot be set here",
    "memory.soft_limit_in_bytes": "this kernel has no memory reservation",
    "blkio.weight": "this kernel has no block I/O weight",
    "io.weight": "this kernel has no block I/O weight",
}


def _number(folder: str, name: str) -> int | None:
    """Return the number in a group's file, or None if there is no such file."""
    try:
        return int(read_value(folder, name))
    except (OSError, ValueError):
        return None
