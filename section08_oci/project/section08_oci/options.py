"""What the caller of the runtime decides, beyond config.json.

What belongs here: two shapes and the facts that plans depend on. What does not: acting on them.
"""

from __future__ import annotations

import os

from section01_processes import warn
from section02_namespaces import inside_user_namespace
from section03_cgroups import Cgroup, ControllerMissing, Hierarchy
from section07_security import CapabilitySets, mask_of, names_of, seccomp_flags, seccomp_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from section01_processes import Step


class ExecOptions:
    """How a process is started; all that ``exec`` needs.

    stdio: descriptors that become 0, 1 and 2 (without terminal). console_size: (rows, columns); (0, 0): leave it.
    record_fd, crash: the Recorder's. close_first: descriptors that child and init close before anything else.
    die_with_parent: SIGKILL for the process when the runtime dies. seccomp_cache: folder of compiled filters, "" for
    none. cgroup_path: in place of the config's. hierarchy, in_userns: facts; None means look.
    """

    __slots__ = (
        "cgroup_path",
        "close_first",
        "console_size",
        "crash",
        "die_with_parent",
        "hierarchy",
        "in_userns",
        "process",
        "record_fd",
        "seccomp_cache",
        "stdio",
    )

    def __init__(
        self,
        *,
        stdio: tuple[int, int, int] = (0, 1, 2),
        console_size: tuple[int, int] = (0, 0),
        record_fd: int = -1,
        crash: str = "",
        process: str = "shim",
        close_first: Sequence[int] = (),
        die_with_parent: bool = False,
        seccomp_cache: str = "",
        cgroup_path: str = "",
        hierarchy: Hierarchy | None = None,
        in_userns: bool | None = None,
    ) -> None:
        self.stdio = stdio
        self.console_size = console_size
        self.record_fd = record_fd
        self.crash = crash
        self.process = process
        self.close_first = tuple(close_first)
        self.die_with_parent = die_with_parent
        self.seccomp_cache = seccomp_cache
        self.cgroup_path = cgroup_path
        self.hierarchy = hierarchy
        self.in_userns = inside_user_namespace() if in_userns is None else in_userns

    def seccomp(self, spec: dict[str, Any]) -> tuple[bytes, int]:
        """Return the filter that ``spec`` asks for, compiled (or from the cache), and its flags; ``(b"", 0)``: none."""
        wanted = spec.get("linux", {}).get("seccomp")
        if not wanted:
            return b"", 0
        return seccomp_program(wanted, self.seccomp_cache), seccomp_flags(wanted)

    def cgroup(self, path: str) -> Cgroup | None:
        """Return the cgroup at ``path``; None, with a warning, where there is no hierarchy (or rootless, no right)."""
        try:
            if self.hierarchy is None:
                self.hierarchy = Hierarchy.detect()
            return Cgroup(self.hierarchy, path)
        except ControllerMissing as error:
            warn(f"the container gets no cgroup: {error}")
            return None


class Options(ExecOptions):
    """What ``create`` needs: the container's ``id`` and ``state_dir`` (a folder of its own), and the rest.

    become: ``(program, argv, env)`` → never returns, in place of execve, after capabilities and seccomp (``--init``).
    between: the caller's steps at the moment when the init's namespaces exist (slots pid, pidfd, netns are filled).
    cgroup_made: the caller has made the cgroup and set its limits.
    """

    __slots__ = ("become", "between", "cgroup_made", "id", "state_dir")

    def __init__(
        self,
        id: str,  # noqa: A002 - the runtime spec's own word
        state_dir: str,
        *,
        become: Callable[[str, list[bytes], list[bytes]], Any] | None = None,
        between: Sequence[Step] = (),
        cgroup_made: bool = False,
        **rest: Any,
    ) -> None:
        super().__init__(**rest)
        self.id = id
        self.state_dir = os.path.abspath(state_dir)
        self.become = become
        self.between = list(between)
        self.cgroup_made = cgroup_made


def capabilities_held(process: dict[str, Any], new_user_namespace: bool) -> int:
    """Return the mask of capabilities that we can give ``process``; a warning names those it asks for in vain.

    In a user namespace that is new to us (made, or joined) we have all of them; an ordinary user who plans, plans for
    the root of one.
    """
    if new_user_namespace or os.geteuid() != 0:
        return -1
    held = CapabilitySets.of().permitted
    missing = mask_of((process.get("capabilities") or {}).get("permitted") or ()) & ~held
    if missing:
        warn(f"capabilities that this runtime does not have itself: {' '.join(names_of(missing))}")
    return held
