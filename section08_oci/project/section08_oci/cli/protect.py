"""The tool's first act: to run again on an interpreter that no container can write to (CVE-2019-5736).

What belongs here: that one execve, before anything slow is imported. What does not: how the interpreter is protected
(section 1), nor the shim, which is started on a protected one.

What joins a container can be made to execute itself inside, through ``#!/proc/self/exe``: the container then holds the
file that every later command of the host runs. In place, not in a child: podman and containerd wait for our pid.
"""

from __future__ import annotations

import os
import sys

from section01_processes import LcmError, exec_error, prepare_execve, protected_copy, set_name

JOINING = {"create", "run", "exec"}
MARK = "protected"  # python -X protected: it is done


def protect(words: list[str]) -> None:
    """Execute this very command again on a protected interpreter, if ``words`` may join a container; else return.

    Ends the process with an error of one line if that cannot be.
    """
    if MARK in sys._xoptions:  # noqa: SLF001 (documented, however it is spelled)
        set_name("ociman")  # a program that is executed by descriptor is named after the descriptor
        return
    if not JOINING.intersection(words):
        return
    python = os.path.realpath(sys.executable)
    argv = [os.fsencode(word) for word in (sys.executable, "-X", MARK, *sys.orig_argv[1:])]
    env = [name + b"=" + value for name, value in os.environb.items()]
    try:
        raise exec_error(prepare_execve(python, argv, env, fd=protected_copy(python))(), python)
    except (LcmError, OSError) as error:
        sys.exit(f"ociman: error: {error}")
