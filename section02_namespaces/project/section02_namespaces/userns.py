"""What a process can know of the user namespace that it is in. See user_namespaces(7).

What belongs here: looking at our own. What does not: maps, and writing them (``idmaps.py``).
"""

from __future__ import annotations


def inside_user_namespace(uid_map: str | None = None) -> bool:
    """Tell whether this process (or the ``uid_map`` text) is in a user namespace other than the machine's first."""
    if uid_map is None:
        try:
            with open("/proc/self/uid_map", encoding="ascii") as file:
                uid_map = file.read()
        except FileNotFoundError:
            return False  # a kernel without user namespaces
    return uid_map.split() != ["0", "0", "4294967295"]


def setgroups_denied() -> bool:
    """Tell whether setgroups(2) is forbidden in our user namespace for ever."""
    try:
        with open("/proc/self/setgroups", encoding="ascii") as file:
            return file.read().strip() == "deny"
    except FileNotFoundError:
        return False
