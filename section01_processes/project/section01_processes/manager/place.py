"""Where named processes are kept, and whether their supervisors live.

    STATE/            0700; --state, else PROCMAN_STATE, else /var/lib/lcm/procman (root), $XDG_STATE_HOME/lcm/procman
      .lock           flock: held while a name is taken or given back
      NAME/           0700
        lock          flock: held by the supervisor for its whole life
        spec.json     what to run (``record.py``)
        state.json    how it stands
        process       which process was started last: boot id, pid, start time; written by itself before its execve
        log, log.1 …  what it wrote
        supervisor.log  what went wrong with its keeping
        sock          SOCK_SEQPACKET: stop, attach (``door.py``)

What belongs here: paths, names, locks. What does not: what the files say.
"""

from __future__ import annotations

import fcntl
import os
import time

from ..errors import LcmError, UsageError

LOCK, SPEC, STATE, PROCESS, SOCKET = "lock", "spec.json", "state.json", "process", "sock"
LOG, SUPERVISOR_LOG = "log", "supervisor.log"
LONGEST_NAME = 64
EXTRA = "_.-"


def state_folder(wanted: str = "") -> str:
    """Return the absolute path of the state folder: ``wanted``, or where this user's is by default."""
    wanted = wanted or os.environ.get("PROCMAN_STATE", "")
    if wanted:
        return os.path.abspath(wanted)
    if os.geteuid() == 0:
        return "/var/lib/lcm/procman"
    base = os.environ.get("XDG_STATE_HOME", "")  # a relative one is to be ignored (XDG base directory specification)
    return os.path.join(base if base.startswith("/") else os.path.expanduser("~/.local/state"), "lcm", "procman")


def make_state_folder(state: str) -> None:
    """Make the state folder, 0700. Raises LcmError when others could write to it, OSError."""
    os.makedirs(os.path.dirname(state), 0o755, exist_ok=True)
    try:
        os.mkdir(state, 0o700)
    except FileExistsError:
        facts = os.stat(state)
        if facts.st_uid not in (os.geteuid(), 0) or facts.st_mode & 0o022:
            raise LcmError(
                f"state folder {state} can be written by others (owner {facts.st_uid}, mode {facts.st_mode & 0o777:o})",
                hint=f"chmod 700 {state}, or --state with a folder of your own",
            ) from None


def is_name(text: str) -> bool:
    """Whether ``text`` can name a process: letters, digits, ``_.-``; a number would be taken for a pid."""
    plain = all(c.isascii() and (c.isalnum() or c in EXTRA) for c in text)
    return plain and 0 < len(text) <= LONGEST_NAME and text[0].isalnum() and not text.isdigit() and text != "self"


def check_name(text: str) -> str:
    """Return ``text`` if it can name a process. Raises UsageError."""
    if not is_name(text):
        raise UsageError(
            f"invalid name {text!r}",
            hint=f"letters, digits, _ . -, at most {LONGEST_NAME}, beginning with a letter or digit; not a number",
            exit_code=2,
        )
    return text


def names(state: str) -> list[str]:
    """Return the names that are taken, sorted."""
    try:
        return sorted(name for name in os.listdir(state) if is_name(name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def take_lock(path: str, seconds: float = 0.0) -> int:
    """Take the flock ``path`` (made if it is not there) within ``seconds``; return its descriptor, -1 if it is held."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(fd)
                return -1
            time.sleep(0.01)


def supervised(folder: str) -> bool:
    """Whether the supervisor of the process in ``folder`` lives: whether its lock is held. flock(2)."""
    try:
        fd = os.open(os.path.join(folder, LOCK), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who ask do not answer each other
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


class StateLock:
    """The state folder's own lock, for as long as a name is taken or given back; a ``with``."""

    __slots__ = ("_fd", "_path")

    def __init__(self, state: str) -> None:
        self._path = os.path.join(state, ".lock")

    def __enter__(self) -> None:
        self._fd = take_lock(self._path, 10)
        if self._fd < 0:
            raise LcmError(f"{self._path} is held by another procman for more than 10 s")

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
