"""The last mile before execve(2): what a new program must not inherit from a Python process.

What belongs here: the steps between "everything is set up" and the new program's first instruction. What does not:
users, capabilities, seccomp (section 7), which program (``programs.py``).

execve keeps more than it replaces: ignored signals, the signal mask, open descriptors, the umask, the working
directory. Python leaves SIGPIPE and SIGXFSZ ignored; a shell pipeline in a container would never end.
"""

from __future__ import annotations

import os

from section01_processes._syscalls import close_from, prepare_execve, raw_getcwd, reset_signals
from section01_processes.errors import LcmError, ProgramNotExecutable, ProgramNotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence
    from typing import NoReturn
else:
    import _signal

ENOENT, ENOTDIR = 2, 20


def exec_program(
    argv: Sequence[str | bytes],
    env: Sequence[str | bytes],
    *,
    keep: Sequence[int] = (),
    argv0: str | bytes | None = None,
) -> NoReturn:
    """Become the program ``argv[0]`` (a path; see find_program), with exactly the environment ``env`` (``K=V``).

    ``keep``: descriptors, besides 0 to 2, that the program inherits. ``argv0``: what it sees as its own name. Raises
    ProgramNotFound or ProgramNotExecutable.
    """
    words = [os.fsencode(word) for word in (argv if argv0 is None else (argv0, *argv[1:]))]
    path = os.fsencode(argv[0])
    execute = prepare_execve(path, words, [os.fsencode(pair) for pair in env])
    last_mile(keep)
    raise exec_error(execute(), os.fsdecode(path))


def last_mile(keep: Sequence[int] = ()) -> None:
    """Leave nothing of ours to the next program: signals, mask, descriptors (except 0 to 2 and ``keep``), umask."""
    reset_signals()
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    close_from(3, keep, at_exec=True)
    for fd in keep:
        os.set_inheritable(fd, True)
    os.umask(0o022)


def change_directory(path: str) -> None:
    """Change to ``path`` and make sure that it lies inside the root.

    A path like /proc/self/fd/7 can lead to a folder of the host (CVE-2024-21626); the kernel then calls the working
    directory unreachable. Raises LcmError.
    """
    try:
        os.chdir(path)
        here = raw_getcwd()
    except OSError as error:
        raise LcmError(f"cannot change to working directory {path!r}: {error.strerror}", exit_code=126) from error
    if not here.startswith(b"/"):
        hint = "refused: this is how CVE-2024-21626 breaks out"
        raise LcmError(f"working directory {path!r} leads out of the container", hint=hint, explain="LCM-OCI-03",
                       exit_code=126)  # fmt: skip


def exec_error(errno: int, path: str) -> LcmError:
    """Return the error that says why execve of ``path`` failed with ``errno``: 127 not found, 126 all else."""
    if errno in (ENOENT, ENOTDIR):
        hint = ""
        if os.path.exists(path):
            hint = "the file is there; its interpreter (#! line or ELF loader) is not"
        return ProgramNotFound(f"exec {path}: {_reason(errno)}", hint=hint, explain="LCM-FS-03" if hint else "")
    return ProgramNotExecutable(f"exec {path}: {_reason(errno)}")


def _reason(errno: int) -> str:
    """Return the kernel's text for ``errno`` as Go's runtimes write it: lower case."""
    return os.strerror(errno).lower()
