"""The launcher behind ``nsman run`` and ``nsman enter``: a command in new or in others' namespaces, as plans.

The command has the caller's environment.

What belongs here: what a caller can ask for, and the plans of the three processes. What does not: who they are and
how they talk (``family.py``), a container's root (section 4) and runtime (section 8).
"""

from __future__ import annotations

import os

from section01_processes import Plan, Slot, Step, become_undumpable, forbid_imports

from . import actions, family
from .core.create import plan_namespaces, sethostname
from .core.enter import plan_enter
from .core.kinds import CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS, KINDS
from .errors import IdMapError, NamespaceError
from .idmaps import check_id_map
from .mapping import Maps, id_inside
from .timens import write_time_offsets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

LONGEST_HOSTNAME = 64  # __NEW_UTS_LEN, sethostname(2)
SHOWN_LINES = 5  # of an id map, which may have 340
CHANNEL: Any = Slot("channel")
CHILD: Any = Slot("child", "the child")
INIT: Any = Slot("init", "the init")


class Wish:
    """What ``run`` is to make: ``flags`` (CLONE_NEW*), the id ``maps``, host name, clocks' ``offsets``, and so on."""

    __slots__ = ("flags", "hostname", "keep_caps", "maps", "offsets", "proc")

    def __init__(
        self,
        flags: int,
        *,
        maps: Maps | None = None,
        hostname: str | None = None,
        proc: bool = False,
        offsets: Mapping[str, tuple[int, int]] | None = None,
        keep_caps: bool = False,
    ) -> None:
        """Ask for it: ``maps`` bring a user namespace with them; ``offsets``: clock → seconds, nanoseconds."""
        self.maps = maps or Maps()
        self.flags = flags | (CLONE_NEWUSER if self.maps else 0)
        self.hostname = hostname
        self.proc = proc
        self.offsets = dict(offsets or {})
        self.keep_caps = keep_caps

    def check(self) -> None:
        """Raise NamespaceError for what cannot be without a namespace that was not asked for."""
        if self.hostname is not None:
            check_hostname(self.hostname)
            if not self.flags & CLONE_NEWUTS:
                raise NamespaceError("a host name of its own needs a uts namespace", hint="add --uts")
        if self.proc and self.flags & (CLONE_NEWNS | CLONE_NEWPID) != CLONE_NEWNS | CLONE_NEWPID:
            text = "a proc of its own needs pid and mount namespaces"
            raise NamespaceError(text, hint="add --pid --mount", explain="LCM-NS-03")
        if self.offsets and not self.flags & CLONE_NEWTIME:
            raise NamespaceError("clocks of their own need a time namespace", hint="add --time")
        for lines in (self.maps.users, self.maps.groups) if self.maps else ():
            if not lines:
                raise IdMapError("a map of users needs one of groups, and the other way round", explain="")
            check_id_map(lines)
        if self.keep_caps and not self.flags & CLONE_NEWUSER:
            text = "there are capabilities to keep only in a new user namespace"
            raise NamespaceError(text, hint="add --map-root, or --map 1000:$(id -u):1")


def check_hostname(name: str) -> None:
    """Raise NamespaceError for what sethostname(2) refuses without a word, and for what no prompt or log could show."""
    size = len(os.fsencode(name))
    if size > LONGEST_HOSTNAME:
        raise NamespaceError(f"a host name has at most {LONGEST_HOSTNAME} bytes, this one has {size}")
    if not name.isprintable() or not name or " " in name:
        raise NamespaceError(f"{name!r} is no host name", hint="letters, digits, - and . are (hostname(7))")


def require_kinds(flags: int, folder: str = "/proc/self/ns") -> None:
    """Raise NamespaceError if this kernel, which shows its kinds in ``folder``, lacks one of ``flags``."""
    have = os.listdir(folder)
    for kind in KINDS:
        if kind.flag & flags and kind.name not in have:
            hint = f"there are {', '.join(sorted(n for n in have if '_' not in n))}; see `./course doctor`"
            raise NamespaceError(f"this kernel has no {kind.name} namespaces", hint=hint, explain="LCM-NS-06")


def plan_run(wish: Wish, argv: Sequence[str]) -> dict[str, Plan]:
    """Return the plans of cli, child and init that run ``argv`` in new namespaces. Pure. Raises NamespaceError.

    The maps are written before the rest is unshared: then the rest belongs to a user namespace in which somebody is
    somebody. The clocks are set before the init, the first process of the time namespace, is born.
    """
    wish.check()
    steps = plan_namespaces(wish.flags)
    if wish.maps:
        steps[1:1] = _plan_mapped(wish.maps)
    if wish.offsets:
        steps.append(Step(write_time_offsets, wish.offsets, about="clocks of the new time namespace"))
    if wish.flags & CLONE_NEWNS:
        steps.append(Step(actions.keep_mounts_here, about="mounts stay in here"))
    inside = [Step(sethostname, wish.hostname, about=f"host name {wish.hostname}")] if wish.hostname is not None else []
    if wish.proc:
        inside.append(Step(actions.mount_proc, about="ps sees only what is in here"))
    if wish.keep_caps:
        inside.append(Step(actions.keep_capabilities, about="capabilities outlive execve"))
    return _family(steps, inside, argv, wish.maps)


def plan_enter_command(pidfd: int, kinds: Iterable[str], argv: Sequence[str], *, cwd: str = "/") -> dict[str, Plan]:
    """Return the plans that run ``argv`` in the namespaces of the process behind ``pidfd``. Pure.

    ``kinds``: which to join; leave out ``user`` when it is the caller's own. ``cwd``: where to be in another mount
    namespace, if there is such a folder. Whoever runs them has an interpreter that ``argv`` cannot write to
    (``protect_interpreter``).
    """
    kinds = list(kinds)
    return _plan_inside(plan_enter(pidfd, kinds), kinds, argv, cwd)


def plan_enter_files(joined: Sequence[tuple[str, str]], argv: Sequence[str], *, cwd: str = "/") -> dict[str, Plan]:
    """Return the plans that run ``argv`` in the namespaces behind files: ``joined`` are (kind, path). Pure."""
    return _plan_inside(plan_namespaces(0, joined), [kind for kind, _ in joined], argv, cwd)


def _plan_inside(joining: list[Step], kinds: Sequence[str], argv: Sequence[str], cwd: str) -> dict[str, Plan]:
    """Return the plans around the steps that join."""
    steps = [
        Step(become_undumpable, about="before anybody in there can see us"),
        Step(forbid_imports, about="a module found in there would be theirs"),
        *joining,
    ]
    if "user" in kinds:
        steps.append(Step(actions.become_root_inside, about="root of the joined user namespace, if it has one"))
    if "mnt" in kinds:
        steps.append(Step(actions.return_to, cwd, about="the same folder, or /"))
    return _family(steps, [], argv, Maps())


def _plan_mapped(maps: Maps) -> list[Step]:
    """Return the child's part in a user namespace with maps, right after it was made."""
    uid, gid = id_inside(os.geteuid(), maps.users), id_inside(os.getegid(), maps.groups)
    steps = [
        Step(family.tell, CHANNEL, family.MAP, about="ask for the id maps"),
        Step(family.await_message, CHANNEL, family.MAPPED, about="mapped"),
    ]
    if uid is not None or gid is not None:
        steps.append(Step(actions.take_ids, uid, gid, about="somebody who is mapped"))
    return steps


def _family(steps: list[Step], inside: list[Step], argv: Sequence[str], maps: Maps) -> dict[str, Plan]:
    """Return the three plans, with what makes them a family around what each does."""
    init = Plan(
        "init",
        [
            Step(family.announce, CHANNEL, about="who we are"),
            *inside,
            Step(family.die_with_parent, about="SIGKILL when nsman dies"),
            Step(family.tell, CHANNEL, family.READY, about="all is done but the command"),
            Step(family.await_message, CHANNEL, family.GO, about="nsman is there"),
            Step(actions.execute, tuple(argv), about="the command"),
        ],
    )
    child = Plan("child", [*steps, Step(family.fork_init, CHANNEL, init, about="the init, as nsman's own child")])
    cli = Plan(
        "cli",
        [
            Step(family.fork_child, CHANNEL, child, about="the child, which makes the namespaces", out=CHILD),
            *_plan_mapping(maps),
            Step(family.await_init, CHANNEL, about="the init is there", out=INIT),
            Step(family.reap, CHILD, about="the child's work is done"),
            Step(family.await_message, CHANNEL, family.READY, about="the init would die with us"),
            Step(family.tell, CHANNEL, family.GO, about="become the command"),
        ],
    )
    return {"cli": cli, "child": child, "init": init}


def _plan_mapping(maps: Maps) -> list[Step]:
    """Return cli's part in a user namespace with maps; nothing without."""
    if not maps:
        return []
    return [
        Step(family.await_message, CHANNEL, family.MAP, about="the child has a user namespace"),
        Step(actions.map_child, CHILD, maps, about=_in_words(maps)),
        Step(family.tell, CHANNEL, family.MAPPED, about="mapped"),
    ]


def _in_words(maps: Maps) -> str:
    """Return the maps as text: ``users 0=1000, 1=100000+65536; groups …``; of a long one its beginning."""
    return "; ".join(
        f"{name} "
        + ", ".join(f"{i}={o}" + (f"+{n}" if n > 1 else "") for i, o, n in lines[:SHOWN_LINES])
        + (f", … and {len(lines) - SHOWN_LINES} more" if len(lines) > SHOWN_LINES else "")
        for name, lines in (("users", maps.users), ("groups", maps.groups))
        if lines
    )
