"""The plans of the two processes inside: the child, which makes the namespaces, and the init, which lives in them.

What belongs here: their steps and the reasons for the order. What does not: the runtime's side (``plans.py``).
"""

from __future__ import annotations

from section01_processes import Plan, Slot, Step, become_undumpable, close_descriptors, lead_session, place_stdio
from section02_namespaces import (
    CLONE_NEWUSER,
    kind_named,
    open_namespace,
    plan_namespaces,
    setdomainname,
    setgroups_denied,
    sethostname,
    unshare,
)
from section03_cgroups import plan_enter_cgroup

from . import knobs
from .console import own_stdio, plan_terminal
from .core.become import plan_become, plan_bounding, plan_execute
from .core.family import Program, die_with, fork_init
from .core.gate import find_gate, hold_proc, wait_at_gate
from .core.protocol import GO, HOOKS, HOOKS_DONE, MAP, MAPPED, READY, await_message, tell
from .hooks import BEFORE_PIVOT, own_host_pid, run_inner_hooks
from .options import capabilities_held
from .root import plan_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section03_cgroups import Cgroup

    from .bundle import Bundle
    from .options import ExecOptions, Options

CHANNEL: Any = Slot("channel", "the channel to the runtime")
FIFO: Any = Slot("fifo", "exec.fifo, not yet opened")
NETNS: Any = Slot("netns", "the network namespace")
OWN_FDS: Any = Slot("own fds", "our folder in the host's /proc")
HOST_PID: Any = Slot("host pid", "our pid as the host sees it")


def new_namespaces(spec: dict[str, Any]) -> int:
    """Return the CLONE_NEW* flags of the namespaces that the config asks to make."""
    flags = 0
    for entry in spec.get("linux", {}).get("namespaces", ()):
        if not entry.get("path"):
            flags |= kind_named(entry["type"]).flag
    return flags


def joined_namespaces(spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (kind, path) of the namespaces that the config asks to join."""
    entries = spec.get("linux", {}).get("namespaces", ())
    return [(kind_named(e["type"]).name, e["path"]) for e in entries if e.get("path")]


def time_offsets(entries: dict[str, dict[str, int]]) -> dict[str, tuple[int, int]]:
    """Return the config's ``timeOffsets`` as section 2 takes them: clock → seconds, nanoseconds."""
    return {clock: (entry.get("secs", 0), entry.get("nanosecs", 0)) for clock, entry in entries.items()}


def plan_child(bundle: Bundle, options: Options, cgroup: Cgroup | None, init: Program) -> Plan:
    """Return the child's plan.

    The cgroup comes first: then everything the container costs is counted, and a cgroup namespace made later has this
    group as its root. A user namespace comes before the others, which then belong to its root.
    """
    spec, new = bundle.spec, new_namespaces(bundle.spec)
    steps = [
        Step(close_descriptors, options.close_first, about="what is the runtime's alone"),
        Step(find_gate, options.state_dir, about="the gate, while we may enter its folder", out=FIFO),
        *plan_join_cgroup(options, cgroup),
    ]
    score = spec["process"].get("oomScoreAdj")
    if score is not None:
        steps.append(Step(knobs.adjust_oom_score, score, about=f"oom_score_adj {score}"))
    if new & CLONE_NEWUSER:
        steps += _plan_user_namespace()
    joined = joined_namespaces(spec)
    steps.append(Step(become_undumpable, about="before anything of the container can see us"))
    if any(kind == "user" for kind, _ in joined):
        steps += plan_namespaces(0, joined)
        steps.append(Step(knobs.become_root_inside, about="root of the joined user namespace"))
        joined = []
    steps += plan_namespaces(new & ~CLONE_NEWUSER, joined)
    offsets = spec.get("linux", {}).get("timeOffsets")
    if offsets:
        from section02_namespaces import write_time_offsets

        steps.append(Step(write_time_offsets, time_offsets(offsets), about="clocks of the new time namespace"))
    # A runtime without power over us (rootless; we are undumpable) could not open it from outside.
    steps.append(Step(open_namespace, "/proc/self/ns/net", about="the network namespace, for the runtime", out=NETNS))
    steps.append(Step(fork_init, CHANNEL, init, FIFO, NETNS, about="the init, as the runtime's child"))
    return Plan("child", steps)


def plan_join_cgroup(options: ExecOptions, cgroup: Cgroup | None) -> list[Step]:
    """Return the step into the cgroup; without rights to cgroups (rootless) it only warns."""
    if cgroup is None:
        return []
    steps = plan_enter_cgroup(cgroup)
    return knobs.tolerated(steps) if options.in_userns else steps


def _plan_user_namespace() -> list[Step]:
    """Return the child's part in a new user namespace: unshare, ask for the maps, be its root."""
    return [
        Step(unshare, CLONE_NEWUSER, about="new user namespace: its ids are not mapped yet"),
        Step(tell, CHANNEL, MAP, about="ask the runtime to map the ids"),
        Step(await_message, CHANNEL, MAPPED, about="mapped"),
        Step(knobs.become_root_inside, about="root inside"),
    ]


def plan_init(bundle: Bundle, options: Options, cgroup: Cgroup | None) -> Plan:
    """Return the init's plan: its life until it becomes the program, a group of steps per line."""
    spec, process = bundle.spec, bundle.spec["process"]
    seccomp, flags = options.seccomp(spec)
    denied = options.in_userns and setgroups_denied()
    held = capabilities_held(process, any(e["type"] == "user" for e in spec.get("linux", {}).get("namespaces", ())))
    early, late = knobs.plan_rlimits(process)
    hooks = spec.get("hooks", {})
    return Plan(
        "init",
        [
            Step(lead_session, about="a session of our own"),
            Step(knobs.new_keyring, about="a keyring of our own"),
            Step(hold_proc, about="the way to the gate, while the host's /proc is there", out=OWN_FDS),
            *_plan_names(spec),
            *_plan_sysctls(spec),
            *plan_bounding(process),
            *plan_root(bundle, options, cgroup, _plan_hooks(bundle, options)),
            *early,
            *plan_stdio(process, options, console=True),
            *plan_become(process, seccomp, flags, not denied, held),
            *plan_death(options),
            Step(tell, CHANNEL, READY, about="all is done but the gate"),
            Step(await_message, CHANNEL, GO, about="the runtime has recorded us"),
            Step(wait_at_gate, FIFO, OWN_FDS, about="until somebody starts us", out=Slot("gate", "the opened gate")),
            *_plan_inner_hooks(hooks, "startContainer", bundle, options),
            *late,
            *plan_execute(process, seccomp, options.become),
        ],
    )


def _plan_names(spec: dict[str, Any]) -> list[Step]:
    """Return the steps that set host name and domain name."""
    steps = []
    if spec.get("hostname"):
        steps.append(Step(sethostname, spec["hostname"], about=f"host name {spec['hostname']}"))
    if spec.get("domainname"):
        steps.append(Step(setdomainname, spec["domainname"], about=f"domain name {spec['domainname']}"))
    return steps


def _plan_sysctls(spec: dict[str, Any]) -> list[Step]:
    """Return the sysctls, written through the *host's* /proc, which nobody in the image can have forged."""
    wanted = spec.get("linux", {}).get("sysctl") or {}
    return [Step(knobs.write_sysctl, name, value, about=f"{name} = {value}") for name, value in wanted.items()]


def _plan_hooks(bundle: Bundle, options: Options) -> list[Step]:
    """Return the init's part in the hooks before pivot_root."""
    hooks = bundle.spec.get("hooks", {})
    steps = []
    if hooks.get("createContainer") or hooks.get("startContainer"):
        steps.append(Step(own_host_pid, about="what hooks will be told", out=HOST_PID))
    if any(hooks.get(kind) for kind in BEFORE_PIVOT):
        steps.append(Step(tell, CHANNEL, HOOKS, about="the mounts are made"))
        steps.append(Step(await_message, CHANNEL, HOOKS_DONE, about="the runtime's hooks are done"))
    return [*steps, *_plan_inner_hooks(hooks, "createContainer", bundle, options)]


def _plan_inner_hooks(hooks: dict[str, Any], kind: str, bundle: Bundle, options: Options) -> list[Step]:
    """Return the step that runs hooks of ``kind`` in the init."""
    if not hooks.get(kind):
        return []
    status = "creating" if kind == "createContainer" else "created"
    state = {
        "ociVersion": bundle.spec["ociVersion"],
        "id": options.id,
        "status": status,
        "bundle": bundle.folder,
        "annotations": bundle.spec.get("annotations", {}),
    }
    return [Step(run_inner_hooks, hooks[kind], kind, state, HOST_PID, about=f"{kind} hooks")]


def plan_stdio(process: dict[str, Any], options: ExecOptions, *, console: bool) -> list[Step]:
    """Return the steps to descriptors 0 to 2: a terminal of the container's, or what the caller gave."""
    uid = process.get("user", {}).get("uid", 0)
    if process.get("terminal"):
        size = process.get("consoleSize") or {}
        wanted = (size["height"], size["width"]) if size else options.console_size
        steps = plan_terminal(wanted, console=console)
    else:
        steps = [Step(place_stdio, *options.stdio, about="descriptors 0, 1, 2")]
    return [*steps, Step(own_stdio, uid, about=f"pipes and terminal belong to user {uid}")]


def plan_death(options: ExecOptions) -> list[Step]:
    """Return the step that ties us to the runtime's life, if that is wanted: last, since setuid(2) clears it."""
    return [Step(die_with, CHANNEL, 9, about="SIGKILL when the runtime dies")] if options.die_with_parent else []
