"""A namespace as a row: what is known of it in plain values, and the same in words.

What belongs here: names of fields, words, and reading what a process is called. What does not: printing (``cli/``).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .model import Found

#: The columns of ``nsman ls``; those whose number is false are shown on wish only.
COLUMNS = {
    "inode": True, "kind": True, "processes": True, "pid": True, "user": True, "owner": True, "parent": True,
    "owner_uid": False, "name": True, "held": True, "command": True,
}  # fmt: skip


_RIGHT = frozenset({"INODE", "PROCESSES", "PID", "OWNER", "PARENT", "OWNER_UID"})


def usual_columns() -> list[str]:
    """Return the columns that are shown when nobody asks for others."""
    return [name for name, usual in COLUMNS.items() if usual]


def listing(rows: Rows, spaces: Iterable[Found], columns: list[str]) -> list[str]:
    """Return the lines of ``nsman ls``: a title, and a line for each of ``spaces``."""
    return table([name.upper() for name in columns], [rows.cells(space, columns) for space in spaces])


def partial_view(unreadable: int) -> str:
    """Return the sentence about so many processes that we may not look at."""
    many = f"{unreadable} process{'es' if unreadable > 1 else ''} could not be read"
    return f"nsman: partial view: {many}; {'run as root' if os.geteuid() else 'they have rights that we lack'}"


class Rows:
    """Makes rows; what a process is called and whose it is, is read once for each that is shown."""

    __slots__ = ("_processes", "_users")

    def __init__(self) -> None:
        self._processes: dict[int, tuple[str, str]] = {}
        self._users: dict[int, str] = {}

    def row(self, space: Found) -> dict[str, Any]:
        """Return everything known of ``space`` but who is in it, with plain values as JSON has them."""
        command, user = self.process(space.first)
        return {
            "kind": space.kind,
            "inode": space.inode,
            "name": space.name or None,
            "processes": len(space.pids),
            "pid": space.first or None,
            "command": command or None,
            "user": user or None,
            "owner": space.owner,
            "parent": space.parent,
            "owner_uid": space.owner_uid,
            "kept_by": space.kept_by,
            "threads": [{"pid": pid, "tid": tid} for pid, tid in space.threads],
            "next_children_of": space.heirs,
            "mounts": [{"path": printable(path), "mount_namespace": view} for path, view in space.mounts],
            "descriptors": [{"pid": pid, "fd": fd} for pid, fd in space.descriptors],
            "children": space.children,
            "owned": space.owned,
        }

    def cells(self, space: Found, columns: list[str]) -> list[str]:
        """Return the texts of ``columns`` (of COLUMNS) for ``space``; "-" where there is nothing."""
        command, user = self.process(space.first)
        values: dict[str, Any] = {
            "inode": space.inode, "kind": space.kind, "processes": len(space.pids), "pid": space.first, "user": user,
            "owner": space.owner, "parent": space.parent, "owner_uid": space.owner_uid, "name": space.name,
            "held": "", "command": command,
        }  # fmt: skip
        if "held" in columns:
            values["held"] = ", ".join(held(space))
        return ["-" if values[c] is None or values[c] == "" or (c == "pid" and not values[c]) else str(values[c])
                for c in columns]  # fmt: skip

    def process(self, pid: int) -> tuple[str, str]:
        """Return (command, user) of process ``pid``; both empty when it has gone, or is 0."""
        if pid not in self._processes:
            self._processes[pid] = self._read(pid) if pid else ("", "")
        return self._processes[pid]

    def _read(self, pid: int) -> tuple[str, str]:
        try:
            uid = os.stat(f"/proc/{pid}").st_uid
            fd = os.open(f"/proc/{pid}/comm", os.O_RDONLY | os.O_CLOEXEC)
            try:
                command = os.fsdecode(os.read(fd, 64)).removesuffix("\n")
            finally:
                os.close(fd)
        except OSError:
            return "", ""
        if uid not in self._users:
            self._users[uid] = user_name(uid)
        return printable(command), self._users[uid]


def user_name(uid: int) -> str:
    """Return the name of user ``uid``, the number where there is none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def printable(text: str) -> str:
    r"""Return ``text`` with everything unprintable as an escape (``\x1b``): a process may be named to fool a terminal.

    The result is valid Unicode: a byte that is not UTF-8 is an escape, too.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def held(space: Found, most: int = 1) -> list[str]:
    """Return in words what keeps ``space`` alive beside the processes in it; of each sort at most ``most`` are named.

    That it is somebody's parent or owner is said only where no process is in it: it goes without saying elsewhere.
    """
    words = [
        *_some([printable(path) for path, _ in space.mounts], most),
        *_some([f"fd {fd} of {pid}" for pid, fd in space.descriptors], most),
        *_some([f"thread {tid} of {pid}" for pid, tid in space.threads], most),
        *_some([f"next child of {pid}" for pid in space.heirs], most),
    ]
    if not space.pids:
        words += [f"{len(space.children)} below it"] if space.children else []
        words += [f"{len(space.owned)} that it owns"] if space.owned else []
    return words


def _some(words: list[str], most: int) -> list[str]:
    """Return the first of ``words``, and how many more there are."""
    return words if len(words) <= most else [*words[: most - 1], f"{words[most - 1]} (+{len(words) - most})"]


def table(titles: list[str], rows: list[list[str]]) -> list[str]:
    """Return lines of columns as wide as their widest cell; numbers stand to the right."""
    widths = [max(map(len, cells)) for cells in zip(titles, *rows, strict=True)]
    lines = []
    for cells in (titles, *rows):
        texts = [
            cell.rjust(width) if title in _RIGHT else cell.ljust(width)
            for title, cell, width in zip(titles, cells, widths, strict=True)
        ]
        lines.append(" ".join(texts).rstrip())
    return lines
