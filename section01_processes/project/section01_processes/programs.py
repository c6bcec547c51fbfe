"""Find the program a name means, along PATH, in the current root.

What belongs here: the search, with execvp(3)'s rules and Docker's words. What does not: executing it.
"""

from __future__ import annotations

import os
import stat

from .errors import LcmError, ProgramNotExecutable, ProgramNotFound

#: Where execvp(3) looks when there is no PATH (confstr _CS_PATH).
DEFAULT_PATH = "/bin:/usr/bin"


def find_program(name: str, path: str = DEFAULT_PATH, cwd: str = "") -> str:
    """Return the path to execute for ``name``: searched along ``path`` unless it contains a slash.

    Relative paths (and empty entries of PATH, which mean "here") are taken from ``cwd``. Raises ProgramNotFound (exit
    code 127) or, when something is there that cannot be executed, ProgramNotExecutable (126).
    """
    if "/" in name:
        problem = _problem(name, os.path.join(cwd, name))
        if problem:
            raise problem
        return os.path.join(cwd, name)
    refused: LcmError | None = None
    for folder in (path or DEFAULT_PATH).split(":") if name else ():
        candidate = os.path.join(cwd, folder or ".", name)
        problem = _problem(name, candidate)
        if problem is None:
            return candidate
        if isinstance(problem, ProgramNotExecutable) and not os.path.isdir(candidate):
            refused = refused or problem
    raise refused or ProgramNotFound(f'exec: "{name}": executable file not found in $PATH')


def _problem(name: str, path: str) -> LcmError | None:
    """Return why ``path`` cannot be executed, or None if it can."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            return ProgramNotFound(f'exec: "{name}": stat {path}: {os.strerror(error.errno or 0).lower()}')
        return ProgramNotExecutable(f'exec: "{name}": stat {path}: {os.strerror(error.errno or 0).lower()}')
    if stat.S_ISDIR(mode):
        return ProgramNotExecutable(f'exec: "{name}": is a directory')
    if not stat.S_ISREG(mode) or not os.access(path, os.X_OK, effective_ids=True):
        return ProgramNotExecutable(f'exec: "{name}": permission denied')
    return None
