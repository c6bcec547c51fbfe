"""Subordinate ids: which ids besides his own a user may map. See subuid(5), subgid(5), newuidmap(1).

    alice:100000:65536        # name or number : first id : how many

What belongs here: reading /etc/subuid and /etc/subgid. What does not: writing maps (``idmaps.py``: the setuid programs
read these files themselves; what we read only makes maps and explains refusals).
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: The file for each map of a user namespace.
FILES = {"uid_map": "/etc/subuid", "gid_map": "/etc/subgid"}


def parse_subids(text: str, uid: int, name: str = "") -> list[tuple[int, int]]:
    """Return the ranges (first id, count) of the user ``uid``, named ``name``; lines that are none are skipped."""
    found = []
    for line in text.splitlines():
        user, *numbers = line.split("#")[0].strip().split(":")
        if user in (str(uid), name or str(uid)) and len(numbers) == 2 and all(n.isdecimal() for n in numbers):
            found.append((int(numbers[0]), int(numbers[1])))
    return [(first, count) for first, count in found if count]


def subordinate_ids(path: str, uid: int) -> list[tuple[int, int]]:
    """Return the ranges that the file ``path`` gives to user ``uid``; none when there is no such file.

    Also /etc/subgid goes by the *user*, not by the group.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_subids(file.read(), uid, user_name(uid))
    except OSError:
        return []


def user_name(uid: int) -> str:
    """Return the login name of ``uid``, or the empty text when it has none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def explain_refusal(file: str, lines: Sequence[tuple[int, int, int]], uid: int) -> str:
    """Return which ids of a map (inside, outside, count) are not the user's by the file for ``file`` (``uid_map``)."""
    own = os.getegid() if file == "gid_map" else uid
    ranges = subordinate_ids(FILES[file], uid)
    given = ", ".join(f"{first} to {first + count - 1}" for first, count in ranges) or "none"
    for _, outside, count in lines:
        inside_one = any(first <= outside and outside + count <= first + size for first, size in ranges)
        if not inside_one and (outside, count) != (own, 1):
            ids = f"id {outside} is" if count == 1 else f"ids {outside} to {outside + count - 1} are"
            return f"{ids} not all yours; {FILES[file]} gives user {user_name(uid) or uid}: {given}"
    return f"see {FILES[file]}, and that the program still is setuid"
