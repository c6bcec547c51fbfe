"""A container's cgroup as steps of a plan.

What belongs here: the actions that change cgroups, and the functions that list them. What does not: how each of them
works (``cgroup``, ``core.group``).
"""

from __future__ import annotations

from section01_processes import Step, action

from .core.files import write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section01_processes import Slot

    from .cgroup import Cgroup, Setting
    from .core.limits import Limits


@action("cgroups(7)")
def create_cgroup(cgroup: Cgroup, extra: tuple[str, ...] = ()) -> None:
    """Make the group's folder in every hierarchy (and enable controllers on the way down in version 2)."""
    cgroup.create(extra)


@action("cgroups(7)")
def write_setting(setting: Setting) -> None:
    """Write one limit; a missing file of an optional one is a warning."""
    try:
        write_value(setting.folder, setting.name, setting.text)
    except OSError as error:
        if error.errno != 2 or not setting.optional:
            raise
        from section01_processes import warn

        warn(setting.optional)


@action("cgroups(7)")
def apply_devices(cgroup: Cgroup, rules: list[dict[str, Any]]) -> None:
    """Say which devices the group may use: version 1 by writing rules, version 2 by a BPF program."""
    from .devices import apply_rules

    apply_rules(cgroup, rules)


@action("cgroups(7)")
def enter_cgroup(cgroup: Cgroup, pid: int) -> None:
    """Move ``pid`` (0: the caller) into the group in every hierarchy."""
    cgroup.enter(pid)


def plan_cgroup(cgroup: Cgroup, limits: Limits) -> list[Step]:
    """Return the steps that make ``cgroup`` and limit it: create, then one step per setting, then the devices."""
    extra = ("hugetlb",) if limits.hugetlb else ()
    steps = [Step(create_cgroup, cgroup, extra, about=f"cgroup {cgroup.path}")]
    steps += [Step(write_setting, s, about=f"{s.name} = {s.text}") for s in cgroup.settings(limits)]
    if limits.devices:
        steps.append(Step(apply_devices, cgroup, limits.devices, about=f"{len(limits.devices)} device rules"))
    return steps


def plan_enter_cgroup(cgroup: Cgroup, pid: int | Slot = 0) -> list[Step]:
    """Return the step that moves ``pid`` (0: the process that runs the plan) into ``cgroup``."""
    return [Step(enter_cgroup, cgroup, pid, about=f"join cgroup {cgroup.path}")]
