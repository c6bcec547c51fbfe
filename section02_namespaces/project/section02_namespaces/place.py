"""Where pins are kept, and what is there.

    STATE/              0700; --state, else NSMAN_STATE, else /run/lcm/nsman (root), $XDG_RUNTIME_DIR/lcm/nsman (others)
                        flock on the folder itself: held while something is pinned or unpinned
      pins/             a private tmpfs, from the first pin to the last unpin: no reboot leaves a file in it
        NAME/           0700
          net, mnt …    the namespace, bound to a file that bears its kind's name, as in /proc/PID/ns

The tmpfs is private because the kernel lets nobody bind a mount namespace below a mount that is shared (the copy that
travels could come to lie inside of the namespace that it holds).

What belongs here: paths, names, the lock, looking. What does not: pinning (``pinning.py``).
"""

from __future__ import annotations

import fcntl
import os
import time

from section01_processes import UsageError

from .core.kinds import KINDS
from .errors import NamespaceError

LONGEST_NAME = 64
PATIENCE = 10.0  # seconds


def state_folder(wanted: str = "") -> str:
    """Return the absolute path of the state folder: ``wanted``, or where this user's is by default.

    Raises UsageError when an ordinary user (or root of a user namespace only) has no XDG_RUNTIME_DIR.
    """
    wanted = wanted or os.environ.get("NSMAN_STATE", "")
    if wanted:
        return os.path.abspath(wanted)
    if os.geteuid() == 0 and _is_first_user_namespace():
        return "/run/lcm/nsman"
    base = os.environ.get("XDG_RUNTIME_DIR", "")  # a relative one is to be ignored (XDG base directory specification)
    if not base.startswith("/"):
        raise UsageError(
            "no place for pins: XDG_RUNTIME_DIR is not set", hint="NSMAN_STATE or --state, a folder of yours"
        )
    return os.path.join(base, "lcm", "nsman")


def _is_first_user_namespace() -> bool:
    """Whether all ids are mapped to themselves: user_namespaces(7)."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return file.read().split() == ["0", "0", "4294967295"]


def check_name(text: str) -> str:
    """Return ``text`` if it can name a pin: a number would be taken for a pid. Raises UsageError."""
    plain = all(c.isascii() and (c.isalnum() or c in "_.-") for c in text)
    if not (plain and 0 < len(text) <= LONGEST_NAME and text[0].isalnum()) or text.isdigit() or text == "self":
        hint = (
            f"letters, digits, _ . -, at most {LONGEST_NAME}, beginning with a letter or digit; not a number, not self"
        )
        raise UsageError(f"invalid name {text!r}", hint=hint, exit_code=2)
    return text


def pins_folder(state: str, name: str = "") -> str:
    """Return the folder of all pins, or the one of ``name``."""
    return os.path.join(state, "pins", name) if name else os.path.join(state, "pins")


def pin_path(state: str, name: str, kind: str) -> str:
    """Return the file of a pin."""
    return os.path.join(pins_folder(state, name), kind)


def is_pin(path: str) -> bool:
    """Whether there is a namespace behind ``path``: all of them are files of one file system, nsfs. namespaces(7)."""
    try:
        return os.lstat(path).st_dev == os.stat("/proc/self/ns/user").st_dev
    except OSError:
        return False


def files_of(state: str, name: str) -> dict[str, str]:
    """Return kind → path of what is there under ``name``, whether or not a namespace is behind it (:func:`is_pin`)."""
    paths = {kind.name: pin_path(state, name, kind.name) for kind in KINDS}
    return {kind: path for kind, path in paths.items() if os.path.lexists(path)}


def pinned_names(state: str = "") -> dict[str, str]:
    """Return path → name of every pin in the state folder (default: the caller's); empty where none may be seen.

    The last part of a path is the kind: ``/run/lcm/nsman/pins/blue/net``. A file that has lost its mount is no pin.
    """
    try:
        state = state or state_folder()
        names = sorted(os.listdir(pins_folder(state)))
    except (OSError, UsageError):
        return {}
    return {path: name for name in names for path in files_of(state, name).values() if is_pin(path)}


class StateLock:
    """The state folder's lock, for as long as something is pinned or unpinned; a ``with``. Makes the folder, 0700."""

    __slots__ = ("_fd", "state")

    def __init__(self, state: str) -> None:
        self.state = state

    def __enter__(self) -> StateLock:  # noqa: PYI034 - Self would need typing
        make_state_folder(self.state)
        self._fd = os.open(self.state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(self._fd)
                    raise NamespaceError(f"{self.state} is held by another nsman for {PATIENCE:.0f} s") from None
                time.sleep(0.01)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def make_state_folder(state: str) -> None:
    """Make the state folder, 0700. Raises NamespaceError when it cannot be made, or others could write to it."""
    try:
        os.makedirs(state, 0o700, exist_ok=True)
        facts = os.stat(state)
    except OSError as error:
        hint = "--state or NSMAN_STATE with a folder of your own"
        raise NamespaceError(f"cannot make the state folder {state}: {error.strerror}", hint=hint) from None
    if facts.st_uid not in (os.geteuid(), 0) or facts.st_mode & 0o022:
        raise NamespaceError(
            f"state folder {state} can be written by others (owner {facts.st_uid}, mode {facts.st_mode & 0o777:o})",
            hint=f"chmod 700 {state}, or --state with a folder of your own",
        )
