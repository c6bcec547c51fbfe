"""Who a container's process runs as: Docker's ``--user`` and ``--group-add`` against the root's passwd and group.

What belongs here: the rules, as pure functions on the two files' texts. What does not: reading them (``prepare.py``
does, inside the mounted root).

    user            uid              gid                      further groups
    ""              0                of uid 0 in passwd       those of /etc/group that name the user
    name            of passwd        of passwd                the same
    number          it               of passwd, else 0        the same, if passwd knows the number
    …:group         as above         name or number of it     none
"""

from __future__ import annotations

from section01_processes import UsageError

ID_MAX = 0x7FFFFFFF


class Identity:
    """The resolved user: ``uid``, ``gid``, ``groups`` (supplementary, the primary one first), ``home``."""

    __slots__ = ("gid", "groups", "home", "uid")

    def __init__(self, uid: int, gid: int, groups: list[int], home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home


def resolve_user(user: str, group_add: list[str], passwd: str, group: str) -> Identity:
    """Return who ``user`` (``name|uid[:group|gid]``) is, by the texts of passwd and group. Raises UsageError.

    The primary group is among ``groups`` too, as in Docker since CVE-2022-36109.
    """
    name, _, group_name = user.partition(":")
    entry = _find_user(name or "0", passwd)
    groups = _read_groups(group)
    if entry:
        uid, gid, home = int(entry[2]), int(entry[3]), entry[5] or "/"
    elif name.isascii() and name.isdigit():
        uid, gid, home = _number(name), 0, "/"
    elif name:
        raise UsageError(f"unable to find user {name}: no matching entries in passwd file")
    else:
        uid, gid, home = 0, 0, "/root"
    further: list[int] = []
    if group_name:
        gid = _find_group(group_name, groups)
    elif entry:
        further = [number for _, number, members in groups if entry[0] in members]
    further += [_find_group(g, groups) for g in group_add]
    return Identity(uid, gid, list(dict.fromkeys([gid, *further])), home)


def _find_user(wanted: str, passwd: str) -> list[str] | None:
    """Return the fields of the first line of ``passwd`` with that name or number, or None. passwd(5)."""
    for line in passwd.splitlines():
        fields = line.strip().split(":")
        if len(fields) >= 6 and wanted in {fields[0], fields[2]} and fields[2].isdigit() and fields[3].isdigit():
            return fields
    return None


def _read_groups(text: str) -> list[tuple[str, int, list[str]]]:
    """Return name, number and members of each line of group(5)."""
    lines = [line.strip().split(":") for line in text.splitlines()]
    return [(f[0], int(f[2]), f[3].split(",")) for f in lines if len(f) >= 4 and f[2].isdigit()]


def _find_group(wanted: str, groups: list[tuple[str, int, list[str]]]) -> int:
    """Return the number of the group with that name or number; a number need not be in the file."""
    for name, number, _ in groups:
        if wanted in {name, str(number)}:
            return number
    if wanted.isascii() and wanted.isdigit():
        return _number(wanted)
    raise UsageError(f"unable to find group {wanted}: no matching entries in group file")


def _number(text: str) -> int:
    """Return an id in the range that Docker allows."""
    if int(text) > ID_MAX:
        raise UsageError(f"uids and gids must be in range 0-{ID_MAX}, not {text}")
    return int(text)
