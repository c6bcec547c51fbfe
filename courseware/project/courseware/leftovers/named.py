"""Named processes of ``procman``: their supervisors, what was orphaned, the state folder.

What belongs here: finding them. What does not: ending one that has a name, which ``procman rm --force`` does.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial

from courseware.exercises import descendants

from . import Leftover, call, kill, remove_with_parents, words_of

SUPERVISOR = "section01_processes/manager/__main__.py"


def state_folder() -> tuple[str, str]:
    """Return where procman keeps this user's processes, by its own rules, and the folder above that is not ours."""
    named = os.environ.get("PROCMAN_STATE", "")
    if named:
        return os.path.abspath(named), os.path.dirname(os.path.abspath(named))
    if os.geteuid() == 0:
        return "/var/lib/lcm/procman", "/var/lib"
    home = os.path.expanduser("~")
    base = os.environ.get("XDG_STATE_HOME", "")
    base, stop = (base, base) if base.startswith("/") else (os.path.join(home, ".local", "state"), home)
    return os.path.join(base, "lcm", "procman"), stop


def leftovers(clone: str) -> Iterator[Leftover]:
    """Yield this user's named processes, supervisors that have lost their folder, and the state folder."""
    tool, (state, stop) = f"{clone}/.venv/bin/procman", state_folder()
    for name in sorted(os.listdir(state)) if os.path.isdir(state) else ():
        if not name.startswith("."):
            yield Leftover("named process", name, partial(call, tool, "--state", state, "rm", "--force", name))
    for pid, folder in supervisors():
        if not os.path.isdir(folder):
            yield Leftover("supervisor", f"{pid} of {folder}, which is gone", partial(end_supervisor, pid))
    if os.path.isdir(state):
        yield Leftover("state folder", state, partial(remove_with_parents, state, stop))


def elsewhere() -> list[str]:
    """Return the state folders, named by somebody, in which this user's supervisors live: they are kept."""
    mine = state_folder()[0]
    return sorted({os.path.dirname(folder) for _, folder in supervisors() if os.path.isdir(folder)} - {mine})


def supervisors() -> Iterator[tuple[int, str]]:
    """Yield pid and folder of each supervisor of this user."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        folder = _folder_of(int(name))
        if folder:
            yield int(name), folder


def _folder_of(pid: int) -> str:
    """Return the folder that ``pid`` supervises; "" when it is no supervisor of ours."""
    words = words_of(pid)
    try:
        if not any(word.endswith(SUPERVISOR) for word in words) or os.stat(f"/proc/{pid}").st_uid != os.geteuid():
            return ""
    except FileNotFoundError:
        return ""
    return next((word.removeprefix("folder=") for word in words if word.startswith("folder=")), "")


def end_supervisor(pid: int) -> None:
    """Kill a supervisor that has lost its folder, so that it starts nothing again, then all that is below it."""
    try:
        os.kill(pid, signal.SIGSTOP)  # from here on it makes no child
    except ProcessLookupError:
        return
    below = {stat.pid: stat.start_time for stat in descendants.below([pid])}
    kill([pid], lambda found: bool(_folder_of(found)))
    for child, started in below.items():
        kill([child], lambda found, started=started: _started(found) == started)  # type: ignore[misc]


def _started(pid: int) -> int:
    stat = descendants.all_stats().get(pid)
    return stat.start_time if stat else -1
