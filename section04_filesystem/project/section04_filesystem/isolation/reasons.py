"""Who stopped it: from a failed call, its errno and the facts of the process to a sentence. Pure.

The kernel says EPERM for a missing capability, for a filter, for a device rule. Which one it was is read off what the
process is: does it have the capability that this call asks for? In the first user namespace? Does a filter answer calls
that the kernel itself would have answered otherwise (``_syscalls.HARMLESS_PROBES``)?

What belongs here: these conclusions. What does not: looking (``facts.py``).
"""

from __future__ import annotations

import errno as e

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def why(stopped: dict[str, Any], facts: dict[str, Any], host: dict[str, int]) -> str:
    """Return the mechanism that stopped an attempt.

    ``stopped``: model.Stopped as a dictionary; ``facts``: facts.look() inside; ``host``: the stage's namespaces.
    """
    own = {kind for kind, inode in facts["namespaces"].items() if inode != host.get(kind)}
    code, call, about = stopped["errno"], stopped["call"], stopped["about"]
    name = e.errorcode.get(code, str(code))
    if code in (e.EPERM, e.EACCES):
        return f"{name}: {_refusal(stopped, facts, own)}"
    sentence = _place(code, about, facts, own)
    if not code:
        return sentence or f"{call} led nowhere"
    return f"{name}: {sentence or call}"


def _refusal(stopped: dict[str, Any], facts: dict[str, Any], own: set[str]) -> str:
    """Return who says no."""
    call, cap, about = stopped["call"], stopped["cap"], stopped["about"]
    if call in facts["filtered"]:
        without = f", and {cap} is missing" if cap and cap not in facts["caps"] else ""
        return f"the seccomp filter refuses {call}{without}"
    if cap and cap not in facts["caps"]:
        return f"no {cap}"
    if cap and "user" in own:
        return f"{cap} counts in the jail's own user namespace only"
    if about.startswith("device"):
        if stopped["errno"] == e.EPERM:
            return "the cgroup's device rules"
        return "the mount is nodev" if "user" not in own else "the mount belongs to a user namespace: nodev"
    if facts["apparmor"]:
        return f"{call}: the AppArmor profile {facts['apparmor']}"
    if about in ("pid 1", "outsider", "ns"):
        return "that process may not be traced from here"
    if about.startswith("kernel file"):
        return "the file is root's, and the jail's user is not" + (" (user namespace)" if "user" in own else "")
    return f"{call} is refused"


def _place(code: int, about: str, facts: dict[str, Any], own: set[str]) -> str:
    """Return what is not where the attempt looked for it; "" when the errno says all."""
    if about == "held" and code == e.EBADF:
        return "the descriptor was closed before the program began"
    if about.startswith("race"):
        return about.removeprefix("race: ")
    if about == "not seen":
        return "the mount stayed in the jail's mount namespace"
    if about == "covered" or code == e.EROFS:
        return "mounted read-only here" if code else "another file is mounted over it"
    if about in ("pid 1", "outsider", "ns") and "pid" in own and code in (e.ENOENT, e.ESRCH):
        return "pid namespace: /proc shows no outsider"
    if about == "abstract" and code == e.ECONNREFUSED and "net" in own:
        return "network namespace: no such abstract name in it"
    if about == "bind" and code == e.EINVAL and "mnt" in own:
        return "its mount is in another mount namespace"
    if about == "moved out" and code == e.EXDEV:
        return "the root is a file system of its own, nothing moves out"
    if about == ".." and code == e.ENOENT:
        return "`..` may not leave the tree of the root's mount"
    if about in ("canary", "old root", "root") and code in (e.ENOENT, e.EINVAL):
        gone = facts["root_is_mount"] and "mnt" in own
        return "the old root is gone" if gone else "still below the root, and no mount leads out"
    return ""
