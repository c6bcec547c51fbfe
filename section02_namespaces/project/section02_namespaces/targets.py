"""Which process a user means: a number, ``self``, a namespace file, or the name of a container.

What belongs here: text → pid, and the containers' names. What does not: what a container is: engines on floors above
register that in the entry-point group ``lcm.targets``, a function ``(name) -> pid | None`` each. The module of that
function may also have ``container_names() -> {pid: name}``, for all that run.
"""

from __future__ import annotations

import os

from .errors import NamespaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint
    from typing import Any

GROUP = "lcm.targets"
NO_PROC = "no proc file system is at /proc: mount -t proc proc /proc"


def resolve_target(text: str) -> int:
    """Return the pid of the process that ``text`` means.

    A number is a pid, ``self`` the caller; ``/proc/PID/ns/net`` is PID, another namespace file the lowest pid of those
    that are in that namespace; anything else is the name of a container, for which the engines are asked. Raises
    NamespaceError: no such process, nobody is in that namespace, nobody knows the name; LcmError of the engine.
    """
    if text == "self":
        return os.getpid()
    if text.isascii() and text.isdigit():
        return existing(text.lstrip("0") or "0")
    if "/" in text:
        return _inhabitant(text)
    return _container(text)


def existing(pid: str) -> int:
    """Return the number ``pid`` when there is such a process. Raises NamespaceError."""
    if pid == "0" or len(pid) > 10 or not os.path.isdir(f"/proc/{pid}"):
        hint = "it may have ended; `nsman ls` shows one of each namespace" if os.path.exists("/proc/self") else NO_PROC
        raise NamespaceError(f"no process {pid}", hint=hint)
    return int(pid)


def _inhabitant(path: str) -> int:
    """Return the process that a namespace file is about."""
    from .namespace import Namespace

    space = Namespace.at(path)
    parts = path.split("/")
    if parts[:2] == ["", "proc"] and parts[3:4] == ["ns"] and not parts[4].endswith("_for_children"):
        return os.getpid() if parts[2] == "self" else int(parts[2])
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdecimal()):
        try:
            if os.stat(f"/proc/{pid}/ns/{space.kind.name}").st_ino == space.inode:
                return pid
        except OSError:  # it has ended, or is not ours
            continue
    text = f"no visible process is in {space.kind.name}:[{space.inode}], the namespace behind {path}"
    raise NamespaceError(text, hint="its file can be inspected, and joined by nsenter(1)")


def _container(name: str) -> int:
    """Return the process of the container called ``name``; the engines are loaded here and not before."""
    asked = []
    for entry in engines():
        pid = load(entry)(name)
        if pid is not None:
            return int(pid)
        asked.append(entry.name)
    who = f"asked for containers: {', '.join(asked)}" if asked else "no container engine is installed to be asked"
    raise NamespaceError(
        f"{name!r} is no process id, no path, and not the name of a running container",
        hint=f"a pid, self, a namespace file (/proc/PID/ns/net), or a container's name; {who}",
    )


def container_names() -> dict[int, str]:
    """Return the name of every running container that an engine tells of, by the pid of its first process."""
    names: dict[int, str] = {}
    for entry in engines():
        tell = getattr(__import__(load(entry).__module__, fromlist=["_"]), "container_names", None)
        names.update(tell() if tell else {})
    return names


def engines() -> Iterator[EntryPoint]:
    """Yield the registered engines."""
    from importlib.metadata import entry_points  # slow, and needed for names only

    yield from entry_points(group=GROUP)


def load(entry: EntryPoint) -> Any:
    """Return the function that an engine registered. Raises NamespaceError when it cannot be loaded."""
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise NamespaceError(f"cannot ask {entry.name} for a container: {error}") from error
