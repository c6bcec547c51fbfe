"""Jails: named root folders of jailman. Their life but for entering: made, listed, looked at, removed.

A jail is a folder, closed to everybody but its owner (what is setuid in it is nobody's business outside)::

    STATE/NAME/root         the root file system
    STATE/NAME/jail.json    what it was made from; written last
    STATE/.NAME.new         one that is being made: it gets its name by one rename(2), when it is complete
    STATE/.NAME.….old       one that is being removed: it loses its name first

So a kill at any moment leaves a whole jail, or something that bears a mark and that the next command sweeps.

What belongs here: the folder and its record, and the plans that change them. What does not: the steps of the plans
(``jailsteps.py``), locks (``jaillock.py``), who is inside (``occupants.py``), entering (``jailplans.py``).
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

from section01_processes import BadJson, Plan, Recorder, Slot, Step, read_json, warn

from . import jailsteps as do
from .errors import FilesystemError
from .jaillock import MAKING, REMOVING, claim, sweep
from .removal import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
CLAIM = Slot("claim", "the locked folder")
CONTENT = Slot("content", "what was found and copied")


def state_folder(given: str = "") -> str:
    """Return where jails are kept: ``given``, else JAILMAN_STATE, else by the XDG rules, for root /var/lib/jailman.

    Raises FilesystemError for a relative path when the working directory is gone.
    """
    found = given or os.environ.get("JAILMAN_STATE", "")
    if not found and os.geteuid() == 0:
        found = "/var/lib/jailman"
    if not found:
        data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        found = f"{data}/jailman"
    try:
        return os.path.abspath(found)
    except FileNotFoundError:
        raise FilesystemError(f"{found!r} leads nowhere: the working directory is gone", hint="cd elsewhere") from None


class Jail:
    """A jail: ``name``, ``folder``, ``root`` (paths), ``source`` ("host", or the path of a folder or archive).

    ``created``: seconds since 1970; ``programs`` that were asked for; ``needed_by``: file → who needs it (from the
    host); ``warnings``: what was left out.
    """

    __slots__ = ("created", "folder", "name", "needed_by", "programs", "root", "source", "warnings")

    def __init__(self, folder: str, name: str, record: dict[str, Any]) -> None:
        self.name = name
        self.folder = f"{folder}/{name}"
        self.root = f"{self.folder}/root"
        self.source: str = record["source"]
        self.created: float = record["created"]
        self.programs: list[str] = record["programs"]
        self.needed_by: dict[str, list[str]] = record["needed_by"]
        self.warnings: list[str] = record["warnings"]

    def size(self) -> int:
        """Return how many bytes of the disk its root takes (a file with several names once, as du(1) counts).

        What vanishes while we look, since somebody works in the jail, counts as gone.
        """
        seen: set[int] = set()
        total, todo = 0, [self.root]
        while todo:
            for path, status in _entries(todo.pop()):
                if status.st_ino not in seen:
                    seen.add(status.st_ino)
                    total += status.st_blocks * 512
                if stat.S_ISDIR(status.st_mode) and not os.path.ismount(path):
                    todo.append(path)
        return total


class Jails:
    """The jails below ``folder``."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find(self, name: str) -> Jail:
        """Return jail ``name``. Raises FilesystemError: no name for a jail, or there is none."""
        check_name(name)
        try:
            return Jail(self.folder, name, read_json(f"{self.folder}/{name}/jail.json"))
        except (FileNotFoundError, NotADirectoryError):
            raise FilesystemError(f"there is no jail {name}", hint=f"jailman ls shows those in {self.folder}") from None
        except (BadJson, KeyError, TypeError) as error:
            raise FilesystemError(f"the record of jail {name} is damaged: {error}", hint="jailman rm it") from None

    def all(self) -> list[Jail]:
        """Return all complete jails, sorted by name; what was left unfinished is swept.

        One whose record is damaged is a warning: it must not hide the others. Raises FilesystemError, OSError.
        """
        sweep(self.folder)
        try:
            names = sorted(os.listdir(self.folder))
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            try:
                found += [self.find(name)] if os.path.exists(f"{self.folder}/{name}/jail.json") else []
            except FilesystemError as error:
                warn(str(error))
        return found

    def sweep(self) -> list[str]:
        """Remove what makers and removers that were killed have left; return the names of those folders."""
        return sweep(self.folder)

    def plan_create(self, name: str, source: str, programs: Sequence[str] = ()) -> Plan:
        """Return the steps that make jail ``name`` from ``source``: "host", a folder, a tar archive. Pure but for that.

        Raises FilesystemError: bad name, there already, no such source, programs with another source than the host.
        """
        check_name(name)
        if os.path.lexists(f"{self.folder}/{name}"):
            raise FilesystemError(f"there is a jail {name} already", hint=f"jailman rm {name}")
        fill, origin = do.filler(source)
        if programs and fill is not do.fill_from_host:
            raise FilesystemError("programs are taken from the host only", hint="--with goes with --from host")
        begun, about = f"{self.folder}/.{name}{MAKING}", f"the root, from {origin}"
        arguments = (tuple(programs),) if fill is do.fill_from_host else (origin,)
        return Plan("cli", [
            Step(claim, self.folder, name, about="a folder that nobody takes for a jail yet, locked", out=CLAIM),
            Step(fill, f"{begun}/root", *arguments, about=about, out=CONTENT),
            Step(do.write_record, begun, origin, tuple(programs), CONTENT, about="what it was made from"),
            Step(do.publish, begun, f"{self.folder}/{name}", about="complete: now it has its name"),
        ])  # fmt: skip

    def create(self, name: str, source: str, programs: Sequence[str] = (), record: Recorder | None = None) -> Jail:
        """Make jail ``name``; nothing is left of one that fails. Raises FilesystemError, OSError."""
        plan = self.plan_create(name, source, programs)
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
        except OSError as error:
            hint = "another place: --state, or JAILMAN_STATE"
            raise FilesystemError(f"no jail can be kept in {self.folder}: {error.strerror}", hint=hint) from None
        sweep(self.folder)
        slots: dict[str, Any] = {}
        try:
            run(plan, slots, record)
        finally:
            if CLAIM.name in slots:
                begun = f"{self.folder}/.{name}{MAKING}"
                if os.path.isdir(begun) and os.path.samestat(os.stat(begun), os.fstat(slots[CLAIM.name])):
                    remove_tree(begun)
                os.close(slots[CLAIM.name])
        return self.find(name)

    def plan_remove(self, name: str, *, force: bool = False) -> Plan:
        """Return the steps that remove jail ``name``; ``force``: end who is inside, unmount what is mounted there.

        Raises FilesystemError: there is none.
        """
        check_name(name)
        path = f"{self.folder}/{name}"
        if not os.path.isdir(f"{path}/root"):
            self.find(name)
        retired = f"{self.folder}/.{name}.{time.time_ns():x}{REMOVING}"
        first = [Step(do.evict, path, about="end who is inside, unmount what is mounted in it")] if force else []
        return Plan("release", [
            *first,
            Step(do.hold, path, name, about="nobody may enter it any more", out=CLAIM),
            Step(do.check_empty, path, name, about="nobody is inside, nothing is mounted in it"),
            Step(do.retire, path, retired, about="it loses its name"),
            Step(do.remove_folder, retired, about="and its files"),
        ])  # fmt: skip

    def remove(self, name: str, *, force: bool = False, record: Recorder | None = None) -> None:
        """Remove jail ``name``. Raises FilesystemError while somebody is inside or something is mounted in it."""
        sweep(self.folder)
        slots: dict[str, Any] = {}
        try:
            run(self.plan_remove(name, force=force), slots, record)
        finally:
            if CLAIM.name in slots:
                os.close(slots[CLAIM.name])


def _entries(folder: str) -> list[tuple[str, os.stat_result]]:
    """Return path and status of what is in ``folder``, but for what vanishes meanwhile."""
    found = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found.append((entry.path, entry.stat(follow_symlinks=False)))
    return found


def run(plan: Plan, slots: dict[str, Any], record: Recorder | None = None) -> dict[str, Any]:
    """Run ``plan``; an error tells what it is about by itself, so the note with the step's number is dropped."""
    try:
        return plan.run(slots, record)
    except Exception as error:
        error.__notes__ = []
        raise


def check_name(name: str) -> None:
    """Raise FilesystemError unless ``name`` can be a jail's: letters, digits, ``_ . -``, not first a dot or dash."""
    if not name or name[0] in ".-" or not set(name) <= _NAME or len(name) > 64:
        hint = "letters, digits, _ . - are allowed, 64 of them, and no . or - first"
        raise FilesystemError(f"{name!r} is no name for a jail", hint=hint)
