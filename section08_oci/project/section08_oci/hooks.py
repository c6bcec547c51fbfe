"""OCI hooks: programs of the operator that run at fixed points of a container's life.

| kind | who runs it, where | when |
|---|---|---|
| prestart, createRuntime | the runtime, in its own namespaces | namespaces and mounts are made, before pivot_root |
| createContainer | the init, in the container's namespaces, host's root | the same moment, after the others |
| startContainer | the init, in the container | after ``start``, before the program |
| poststart | the runtime | after the program has been started; a failure is a warning |
| poststop | the runtime | after the container was deleted; a failure is a warning |

What belongs here: running them. What does not: the moment (the plans, ``life.py``). Source: runtime spec, config.md
"POSIX-platform Hooks": state on standard input, timeout in seconds, the first failure ends the operation.
"""

from __future__ import annotations

import os
from select import POLLIN, poll
from time import monotonic

from section01_processes import Child, LcmError, action, exec_program, format_json, place_stdio, spawn, warn

from .errors import OciError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .core.state import State

BEFORE_PIVOT = ("prestart", "createRuntime")


def run_hooks(hooks: list[dict[str, Any]], kind: str, state: dict[str, Any], *, tolerant: bool = False) -> None:
    """Run ``hooks`` in order, ``state`` on their standard input. Raises OciError; ``tolerant``: warns instead."""
    text = format_json(state).encode()
    for hook in hooks:
        try:
            _run_hook(hook, kind, text)
        except LcmError as error:
            if not tolerant:
                raise
            warn(str(error))


@action("config.md#posix-platform-hooks")
def run_recorded_hooks(hooks: list[dict[str, Any]], kind: str, record: State, pid: int) -> None:
    """Run hooks in the runtime, while the container is made: the state is the recorded one, with the init's pid."""
    run_hooks(hooks, kind, {**record.oci(), "pid": pid})


@action("config.md#posix-platform-hooks")
def run_inner_hooks(hooks: list[dict[str, Any]], kind: str, state: dict[str, Any], pid: int) -> None:
    """Run hooks in the init; ``pid`` is its pid as the runtime's /proc knows it."""
    run_hooks(hooks, kind, {**state, "pid": pid})


@action("proc_pid(5)")
def own_host_pid() -> int:
    """Return our pid in the pid namespace of the /proc that is mounted here: the runtime's."""
    return int(os.readlink("/proc/self"))


def _run_hook(hook: dict[str, Any], kind: str, state: bytes) -> None:
    """Run one hook to its end, or to its timeout."""
    path = hook["path"]
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        child = spawn(lambda: _become_hook(hook, reader), report=True)
    except LcmError as error:
        os.close(writer)
        raise OciError(f"{kind} hook {path} cannot be run: {error}") from None
    finally:
        os.close(reader)
    try:
        try:
            os.write(writer, state)  # a state is smaller than a pipe
        except BrokenPipeError:
            pass  # it does not want to know
        os.close(writer)
        _await_hook(child, path, kind, hook.get("timeout"))
    finally:
        child.close()


def _become_hook(hook: dict[str, Any], stdin: int) -> None:
    """In the forked child: the hook's program, with exactly its arguments and environment."""
    place_stdio(stdin, 1, 2)
    args = hook.get("args") or [hook["path"]]
    exec_program([hook["path"], *args[1:]], hook.get("env", []), argv0=args[0])


def _await_hook(child: Child, path: str, kind: str, timeout: float | None) -> None:
    """Wait for the hook; kill it when its time is up. Raises OciError unless it ended with 0."""
    waiter = poll()
    waiter.register(child.fileno(), POLLIN)
    end = monotonic() + timeout if timeout else None
    while not waiter.poll(None if end is None else max(0.0, end - monotonic()) * 1000):
        child.signal(9)
        child.wait()
        raise OciError(f"{kind} hook {path} took longer than {timeout} s and was killed")
    code = child.wait()
    if code:
        raise OciError(f"{kind} hook {path} ended with status {code}")
