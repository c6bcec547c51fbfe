"""One life of the container's process: its plan (the runtime's steps with the network's between), and what it leaves.

What belongs here: choosing options, order of the steps, who is told what. What does not: the steps of other sections,
and serving the running container (``main.py``).
"""

from __future__ import annotations

import os

from section01_processes import LcmError, Plan, Slot, Step, action
from section08_oci import Bundle, Options, plan_container, start

from .etcfiles import fill_etc_files
from .status import Status, record_created, record_running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from section06_network import EndpointSpec, NetworkStore

#: The runtime's state (state.json, the gate) within the container's folder.
STATE_FOLDER = "oci"
_PID: Any = Slot("pid", "the init's pid")
_NETNS = Slot("netns", "network namespace")


def state_folder(folder: str) -> str:
    """Return the runtime's state folder of the container in ``folder``."""
    return os.path.join(folder, STATE_FOLDER)


def plan_between(folder: str, config: dict[str, Any]) -> list[Step]:
    """Return the steps once the namespaces exist: the network, then the files that tell about it."""
    network = config.get("network") or {"mode": "none"}
    address: Any = ""
    gateway: Any = None
    steps: list[Step] = []
    if network["mode"] == "bridge":
        from section06_network import plan_endpoint

        store, spec = endpoint_of(config)
        steps += plan_endpoint(store, spec, _NETNS)
        address, gateway = Slot("address", "the address"), Slot("network", "the network")
    elif network["mode"] == "none":
        from section06_network import loopback_up

        steps.append(Step(loopback_up, _NETNS, about="lo up"))
    if config.get("etc_files"):
        about = "hosts, hostname, resolv.conf filled in place"
        steps.append(Step(fill_etc_files, folder, config, address, gateway, about=about))
    return steps


def endpoint_of(config: dict[str, Any]) -> tuple[NetworkStore, EndpointSpec]:
    """Return the network store and the endpoint that shim.json asks for."""
    from section06_network import EndpointSpec, NetworkStore, PublishedPort

    wish = config["network"]
    spec = EndpointSpec(
        config["id"],
        network=wish.get("network") or "bridge",
        host_if=wish.get("host_if", ""),
        mac=wish.get("mac", ""),
        address=wish.get("address", ""),
        ports=[PublishedPort.parse(text) for text in wish.get("ports", ())],
        hostname=config.get("hostname", ""),
    )
    return NetworkStore(os.path.join(config["root"], "networks")), spec


def make_options(
    folder: str,
    config: dict[str, Any],
    *,
    stdio: tuple[int, int, int] = (0, 1, 2),
    console_size: tuple[int, int] = (0, 0),
    close_first: tuple[int, ...] = (),
    record_fd: int = -1,
    crash: str = "",
) -> Options:
    """Return section 8's options for this container."""
    become: Any = None
    if config.get("init"):
        from section09_init import run_init  # loaded now: no import after the container's root is ours

        become = run_init
    return Options(
        config["id"],
        state_folder(folder),
        stdio=stdio,
        console_size=console_size,
        close_first=close_first,
        record_fd=record_fd,
        crash=crash,
        die_with_parent=True,
        become=become,
        between=plan_between(folder, config),
        cgroup_path=config["cgroup"],
        seccomp_cache=config.get("seccomp_cache", ""),
    )


def plan_life(folder: str, spec: dict[str, Any], options: Options, status: Status | None = None) -> dict[str, Plan]:
    """Return the plans of shim, child and init for one life of the container's process."""
    status = status or Status()
    plans = plan_container(Bundle(folder, spec), options)
    plans["shim"] = Plan(
        "shim",
        [
            Step(make_state_folder, options.state_dir, about="the runtime's state folder"),
            *plans["shim"].steps,
            Step(record_created, status, folder, _PID, about="status: created"),
            Step(start, options.state_dir, about="open the gate: the init executes the program"),
            Step(record_running, status, folder, about="status: running"),
        ],
    )
    return plans


def plan_shim(folder: str, config: dict[str, Any], spec: dict[str, Any]) -> dict[str, Plan]:
    """Return all plans of a start, by process, numbered as their records are. Pure: for --dry-run and --explain."""
    from .place import plan_place
    from .prepare import plan_prepare

    plans = plan_life(folder, spec, make_options(folder, config))
    steps = [*plan_place(folder, config), *plan_prepare(folder, config, spec), *plans["shim"].steps]
    return {**plans, "shim": Plan("shim", steps)}


@action("mkdir(2)")
def make_state_folder(path: str) -> None:
    """Make the runtime's state folder. Raises LcmError when one is there: it was not released."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        raise LcmError(f"{path} is there already: the container was not released") from None
