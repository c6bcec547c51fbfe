"""Which user ``--user`` means: by number, or by name in the /etc/passwd and /etc/group *of the root*. See passwd(5).

What belongs here: reading those files safely. What does not: becoming that user (section 1), capabilities (section 7).
"""

from __future__ import annotations

import os
import stat

from section01_processes import UsageError

from .core.paths import safe_open
from .errors import FilesystemError

_LARGEST = 1 << 20
_BY_NUMBER = "a number up to 4294967294 needs no entry"


class User:
    """``uid`` and ``gid``, ``groups`` that he is in besides, ``home``."""

    __slots__ = ("gid", "groups", "home", "uid")

    def __init__(self, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home


def find_user(root: str, text: str) -> User:
    """Return the user that ``text`` (``NAME``, ``UID``, either with ``:GROUP`` or ``:GID``) means in ``root``.

    Raises FilesystemError: not in the root's files; UsageError: no user can be called so.
    """
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        users, groups = _rows(root_fd, "/etc/passwd"), _rows(root_fd, "/etc/group")
    finally:
        os.close(root_fd)
    return choose_user(text, users, groups)


def choose_user(text: str, users: list[list[str]], groups: list[list[str]]) -> User:
    """Return the user ``text`` by the rows of passwd and group. Pure; raises as :func:`find_user`."""
    name, colon, group = text.partition(":")
    if not name or (colon and not group):
        raise UsageError(f"{text!r} is no user", hint="NAME, UID, NAME:GROUP or UID:GID")
    row = next((row for row in users if len(row) > 5 and name in (row[0], row[2])), None)
    if row is None and not _is_number(name):
        raise FilesystemError(f"there is no user {name!r} in the root's /etc/passwd", hint=_BY_NUMBER)
    uid = int(row[2] if row else name)
    gid = _group(group, groups) if group else int(row[3]) if row else 0
    also = [int(r[2]) for r in groups if row and not group and len(r) > 3 and row[0] in r[3].split(",")]
    return User(uid, gid, also, row[5] if row and row[5].startswith("/") else "/")


def _group(text: str, groups: list[list[str]]) -> int:
    row = next((row for row in groups if len(row) > 2 and text in (row[0], row[2])), None)
    if row is None and not _is_number(text):
        raise FilesystemError(f"there is no group {text!r} in the root's /etc/group", hint=_BY_NUMBER)
    return int(row[2] if row else text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) < 2**32 - 1


def _rows(root_fd: int, path: str) -> list[list[str]]:
    """Return the rows of a file of the root whose ids are numbers; none if there is no such file."""
    try:
        fd = safe_open(root_fd, path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return []
    with open(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return []
        text = os.fsdecode(file.read(_LARGEST))
    rows = [line.split(":") for line in text.split("\n")]
    return [row for row in rows if len(row) > 3 and _is_number(row[2]) and (len(row) < 7 or _is_number(row[3]))]
