"""A program's start as a plan: session, terminal, limits, the last mile, execve. What ``procman spawn`` shows and does.

What belongs here: the actions around ``core/exec`` and their order. What does not: containers; their plans are made of
more floors than this one.
"""

from __future__ import annotations

import os

from .child import lead_session, place_stdio
from .core.exec import change_directory, exec_program, last_mile
from .core.plan import Step, action
from .errors import LcmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .rlimits import Rlimit


@action("ioctl_tty(2), dup2(2)")
def take_terminal(fd: int) -> None:
    """Make terminal ``fd`` our session's controlling terminal and our standard input, output and error."""
    from .pty import make_controlling_terminal

    make_controlling_terminal(fd)
    place_stdio(fd, fd, fd)


@action("setpriority(2)")
def set_nice(value: int) -> None:
    """Set the nice value: -20 (most processor time) to 19. Raises LcmError where that is not permitted."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, value)
    except PermissionError as error:
        raise LcmError(f"cannot set the nice value to {value}: {error.strerror}", hint="needs CAP_SYS_NICE") from error


@action("setrlimit(2)")
def set_limit(limit: Rlimit) -> None:
    """Set one resource limit, soft and hard. Raises LcmError."""
    import resource

    from .rlimits import RLIMITS

    try:
        resource.setrlimit(RLIMITS[limit.name], (limit.soft, limit.hard))
    except (ValueError, OSError) as error:  # Python makes a ValueError of EPERM
        raise LcmError(f"cannot set limit {limit}: {error}", hint="raising needs CAP_SYS_RESOURCE") from error


@action("chdir(2)")
def enter_directory(path: str) -> None:
    """Change the working directory."""
    change_directory(path)


@action("signal(7), close_range(2), umask(2)")
def leave_nothing(keep: Sequence[int]) -> None:
    """Reset signals and mask, mark descriptors close-on-exec, set the umask."""
    last_mile(keep)


@action("execve(2)")
def execute(path: str, argv: Sequence[str], env: Sequence[str]) -> None:
    """Become the program."""
    exec_program([path, *argv[1:]], env, argv0=argv[0])


def plan_program(
    path: str,
    argv: Sequence[str],
    env: Sequence[str],
    *,
    cwd: str = "",
    new_session: bool = False,
    terminal: int = -1,
    stdio: tuple[int, int] | None = None,
    nice: int | None = None,
    limits: Sequence[Rlimit] = (),
) -> list[Step]:
    """Return the steps of a child that becomes program ``path``; ``env`` are ``K=V``. Pure.

    ``terminal``: the slave of a pty, which becomes its terminal (and needs ``new_session``); ``stdio``: descriptors
    for standard input and for both outputs. The limits come last: a low one must not strike us before the program.
    """
    steps = []
    if new_session:
        steps.append(Step(lead_session, about="no terminal's Ctrl-C reaches it"))
    if terminal >= 0:
        steps.append(Step(take_terminal, terminal, about="a terminal of its own, with job control"))
    if stdio:
        steps.append(Step(place_stdio, stdio[0], stdio[1], stdio[1]))
    if nice is not None:
        steps.append(Step(set_nice, nice))
    if cwd:
        steps.append(Step(enter_directory, cwd))
    steps.append(Step(leave_nothing, (), about="what execve would keep: signals, mask, descriptors, umask"))
    steps += [Step(set_limit, limit) for limit in limits]
    steps.append(Step(execute, path, tuple(argv), tuple(env)))
    return steps
