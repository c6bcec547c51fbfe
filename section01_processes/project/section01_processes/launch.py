"""A program's start as a plan: session, directory, the last mile, execve. What ``procman spawn`` shows and does.

What belongs here: the actions around ``core/exec`` and their order. What does not: containers; their plans are made of
more floors than this one.
"""

from __future__ import annotations

import os

from .core.exec import change_directory, exec_program, last_mile
from .core.plan import Step, action

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


@action("setsid(2)")
def lead_session() -> None:
    """Become the leader of a new session, without a terminal."""
    os.setsid()


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
    path: str, argv: Sequence[str], env: Sequence[str], *, cwd: str = "", new_session: bool = False
) -> list[Step]:
    """Return the steps of a child that becomes program ``path``; ``env`` are ``K=V``. Pure."""
    steps = []
    if new_session:
        steps.append(Step(lead_session, about="no terminal's Ctrl-C reaches it"))
    if cwd:
        steps.append(Step(enter_directory, cwd))
    steps.append(Step(leave_nothing, (), about="what execve would keep: signals, mask, descriptors, umask"))
    steps.append(Step(execute, path, tuple(argv), tuple(env)))
    return steps
