"""The plans of the three processes that make a container, from config.json and options. Pure: nothing is changed here.

    runtime: record · gate · cgroup · fork ───────────────┐· pid, netns · (caller's steps) · console · ready? · go
    child:                                 close · cgroup · namespaces · fork, exit
    init:                                                             session · root · user · … · ready · gate · exec

What belongs here: which steps, in which order, and why. What does not: what each does (``core/``, ``knobs.py``, the
sections below), and running them (``life.py``).
"""

from __future__ import annotations

from section01_processes import Plan, Slot, Step, open_pidfd
from section02_namespaces import CLONE_NEWUSER
from section03_cgroups import Limits, plan_cgroup

from . import knobs
from .bundle import check_spec
from .console import await_console
from .core.family import Program, as_child, await_init, fork_child, reap_child, take_namespace
from .core.gate import make_gate
from .core.protocol import (
    GO,
    HOOKS,
    HOOKS_DONE,
    MAP,
    MAPPED,
    READY,
    await_message,
    open_channel,
    tell,
)
from .defaults import ALWAYS_ALLOWED
from .errors import SpecError
from .hooks import BEFORE_PIVOT, run_recorded_hooks
from .inside import new_namespaces, plan_child, plan_init
from .record import begin_record, record_created

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section03_cgroups import Cgroup

    from .bundle import Bundle
    from .options import ExecOptions, Options

# Slots are untyped: a Step's argument is the value, and in the plan it is the slot.
CHANNEL: Any = Slot("channel", "the channel to child and init")
CHILD: Any = Slot("child", "the child")
PID: Any = Slot("pid", "the init's pid")
PIDFD: Any = Slot("pidfd", "the init's pidfd")
RECORD: Any = Slot("record", "state.json")


def plan_container(bundle: Bundle, options: Options) -> dict[str, Plan]:
    """Return the plans of all three processes, as :func:`section08_oci.create` runs them."""
    check_spec(bundle.spec)
    if "process" not in bundle.spec:
        raise SpecError("the config has no process: there is nothing to run")
    cgroup = options.cgroup(cgroup_path(bundle.spec, options))
    init = plan_init(bundle, options, cgroup)
    child = plan_child(bundle, options, cgroup, _program(init, options))
    runtime = plan_runtime(bundle, options, cgroup, _program(child, options))
    return {options.process: runtime, "child": child, "init": init}


def plan_create(bundle: Bundle, options: Options) -> list[Step]:
    """Return the runtime's own steps, for a caller that embeds them in a plan of its own."""
    return plan_container(bundle, options)[options.process].steps


def _program(plan: Plan, options: ExecOptions) -> Program:
    return Program(plan, options.record_fd, options.crash)


def cgroup_path(spec: dict[str, Any], options: Options) -> str:
    """Return the container's cgroup: the caller's, the config's, or ``/ociman/<id>``."""
    return options.cgroup_path or spec.get("linux", {}).get("cgroupsPath") or f"/ociman/{options.id}"


def plan_runtime(bundle: Bundle, options: Options, cgroup: Cgroup | None, child: Program) -> Plan:
    """Return the plan of the process that stays outside."""
    spec = bundle.spec
    folder = options.state_dir
    steps = [
        Step(begin_record, bundle, options.id, folder, cgroup, about="the intent, before the first step", out=RECORD),
        Step(make_gate, folder, about="the start gate"),
        *plan_limits(spec, options, cgroup),
        Step(open_channel, about="a socket pair for child and init", out=CHANNEL),
        Step(fork_child, CHANNEL, child, about="the child", out=CHILD),
        *_map_ids(spec),
        Step(await_init, CHANNEL, CHILD, about="the child has made the namespaces and forked the init", out=PID),
        Step(open_pidfd, PID, about="a handle that never means another process", out=PIDFD),
        Step(as_child, PID, PIDFD, about="the init is our own child", out=Slot("init", "the init")),
        Step(reap_child, CHILD, about="the child's work is done"),
        Step(take_namespace, CHANNEL, about="the network namespace", out=Slot("netns", "network namespace")),
        *options.between,
        *_runtime_hooks(spec),
    ]
    if spec["process"].get("terminal"):
        steps.append(Step(await_console, CHANNEL, about="the terminal's master", out=Slot("console", "pty master")))
    steps += [
        Step(await_message, CHANNEL, READY, about="the init stands before the gate"),
        Step(record_created, RECORD, PID, about="created"),
        Step(tell, CHANNEL, GO, about="wait at the gate"),
    ]
    return Plan(options.process, steps)


def plan_limits(spec: dict[str, Any], options: Options, cgroup: Cgroup | None) -> list[Step]:
    """Return the steps that make the cgroup and its limits; without rights to cgroups (rootless) they only warn."""
    if cgroup is None or options.cgroup_made:
        return []
    resources = dict(spec.get("linux", {}).get("resources", {}))
    if resources.get("devices"):
        resources["devices"] = [*resources["devices"], *ALWAYS_ALLOWED]
    if options.in_userns:
        resources.pop("devices", None)  # device rules take CAP_SYS_ADMIN on the machine; there are no nodes either
    steps = plan_cgroup(cgroup, Limits.from_oci(resources))
    return knobs.tolerated(steps) if options.in_userns else steps


def _map_ids(spec: dict[str, Any]) -> list[Step]:
    """Return the runtime's part in making a user namespace: write the maps when the child has unshared it."""
    if not new_namespaces(spec) & CLONE_NEWUSER:
        return []
    uids, gids = (knobs.id_maps(spec["linux"][key]) for key in ("uidMappings", "gidMappings"))
    return [
        Step(await_message, CHANNEL, MAP, about="the child has a user namespace"),
        Step(knobs.map_child, CHILD, uids, gids, about="its id maps"),
        Step(tell, CHANNEL, MAPPED, about="mapped"),
    ]


def _runtime_hooks(spec: dict[str, Any]) -> list[Step]:
    """Return the runtime's part in the hooks before pivot_root."""
    hooks = spec.get("hooks", {})
    kinds = [kind for kind in BEFORE_PIVOT if hooks.get(kind)]
    if not kinds:
        return []
    return [
        Step(await_message, CHANNEL, HOOKS, about="mounts are made, the root is still the host's"),
        *(Step(run_recorded_hooks, hooks[kind], kind, RECORD, PID, about=f"{kind} hooks") for kind in kinds),
        Step(tell, CHANNEL, HOOKS_DONE, about="hooks done"),
    ]
