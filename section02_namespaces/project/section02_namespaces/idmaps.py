"""Write id maps, whoever we are: root, a user who maps only himself, a user with subordinate ids.

The kernel lets a process write any map when it has CAP_SETUID (CAP_SETGID) in the *parent* namespace. Everybody else
may map one id, his own, and for groups only after giving up setgroups(2) for the namespace; for more there are the
setuid programs newuidmap and newgidmap, which check /etc/subuid and /etc/subgid. We try in this order; the first
refusal costs nothing, since only a successful write is final.

What belongs here: that choice, and what the kernel refuses. What does not: the map itself and the plain write
(``core/idmaps.py``).
"""

from __future__ import annotations

import os

from section01_processes import action

from .core.idmaps import write_id_map
from .errors import IdMapError, apparmor_restricts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .core.idmaps import IdMap

#: The kernel takes at most so many lines (since Linux 4.15; user_namespaces(7)).
MAX_LINES = 340
_PROGRAM_FOLDERS = ("/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin")


@action("user_namespaces(7)")
def write_id_maps(pid: int, uid_maps: Sequence[IdMap], gid_maps: Sequence[IdMap]) -> None:
    """Map the ids of process ``pid``'s new user namespace; ``pid`` 0 is the caller (only then without newuidmap).

    Groups first, so that the uid map, when it appears, means: all is ready. Raises IdMapError.
    """
    for maps in (uid_maps, gid_maps):
        check_id_map(maps)
    _write(pid, "gid_map", gid_maps, os.getegid())
    _write(pid, "uid_map", uid_maps, os.geteuid())


def check_id_map(maps: Sequence[IdMap]) -> None:
    """Raise IdMapError for a map that the kernel would refuse: to each fault it answers EINVAL, here is a sentence."""
    if not 1 <= len(maps) <= MAX_LINES:
        raise IdMapError(f"an id map has 1 to {MAX_LINES} lines, this one has {len(maps)}")
    for inside, outside, count in maps:
        if count < 1 or min(inside, outside) < 0 or max(inside, outside) + count > 1 << 32:
            text = f"the line '{inside} {outside} {count}' is outside of 0 to 4294967295, or maps no id at all"
            raise IdMapError(text)
    for side, number in (("inside", 0), ("outside", 1)):
        end = 0
        for first, count in sorted((line[number], line[2]) for line in maps):
            if first < end:
                raise IdMapError(f"two lines of the id map overlap {side} the namespace at id {first}")
            end = first + count
    size, page = sum(len(f"{a} {b} {c}\n") for a, b, c in maps), os.sysconf("SC_PAGESIZE")
    if size >= page:
        hint = "fewer lines: neighbours can be one"
        raise IdMapError(f"an id map is less than a page of {page} bytes, this one has {size}", hint=hint)


def _write(pid: int, file: str, maps: Sequence[IdMap], own_id: int) -> None:
    """Write one map by the first of the three ways that the kernel allows."""
    try:
        write_id_map(pid, file, maps)
        return
    except PermissionError as error:
        refusal: OSError = error
    except OSError as error:
        raise IdMapError(f"cannot write {file} of process {pid}: {error.strerror}") from error
    if pid and _not_yet_unshared(pid):
        hint = "it has not unshared yet; wait until it says so"
        raise IdMapError(f"process {pid} still is in our own user namespace", hint=hint, explain="LCM-US-05")
    if file == "gid_map" and len(maps) == 1 and maps[0].count == 1 and (pid == 0 or maps[0].outside == own_id):
        try:
            _deny_setgroups(pid)
            write_id_map(pid, file, maps)
            return
        except OSError as error:
            refusal = error
    if pid == 0:
        hint, block = _why(maps)
        raise IdMapError(f"may not write {file} of this process: {refusal.strerror}", hint=hint, explain=block)
    _write_with_helper(pid, file, maps)


def _not_yet_unshared(pid: int) -> bool:
    """Whether process ``pid`` is in our own user namespace, whose maps have long been written."""
    try:
        return os.stat(f"/proc/{pid}/ns/user").st_ino == os.stat("/proc/self/ns/user").st_ino
    except OSError:
        return False


def _deny_setgroups(pid: int) -> None:
    """Give up setgroups(2) in the namespace: else a user could drop a group that was meant to keep him out."""
    fd = os.open(f"/proc/{pid or 'self'}/setgroups", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"deny")
    finally:
        os.close(fd)


def _write_with_helper(pid: int, file: str, maps: Sequence[IdMap]) -> None:
    """Let the setuid program write the map. Raises IdMapError with what it said, and which ids are not ours."""
    program = "newgidmap" if file == "gid_map" else "newuidmap"
    path = next((f"{folder}/{program}" for folder in _PROGRAM_FOLDERS if os.access(f"{folder}/{program}", os.X_OK)), "")
    if not path:
        hint = "install the package uidmap"
        raise IdMapError(f"mapping more than one's own id needs {program}", hint=hint, explain="LCM-US-04")
    argv = [program, str(pid)]
    for line in maps:
        argv += [str(line.inside), str(line.outside), str(line.count)]
    status, said = run_program(path, argv)
    if status:
        from .subids import explain_refusal

        text = f"{program} refused: {said.strip() or f'exit status {status}'}"
        raise IdMapError(text, hint=explain_refusal(file, maps, os.getuid()), explain="LCM-US-04")


def run_program(path: str, argv: list[str]) -> tuple[int, str]:
    """Run a small helper with an empty environment; return exit status (128+n for a signal) and its error output."""
    read_end, write_end = os.pipe()
    null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, write_end, 2)]
    try:
        pid = os.posix_spawn(path, argv, {}, file_actions=actions)
    finally:
        os.close(write_end)
        os.close(null)
    with open(read_end, "rb") as pipe:
        said = pipe.read(4096)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return (code if code >= 0 else 128 - code), os.fsdecode(said)


def _why(maps: Sequence[IdMap]) -> tuple[str, str]:
    """Return hint and stumbling block of a refused write to one's own map."""
    if apparmor_restricts():
        return "AppArmor took the capabilities of this user namespace", "LCM-US-02"
    if len(maps) == 1 and maps[0].count == 1:
        return "a map is written once, by the right process, and maps one's own id", "LCM-US-01"
    return "from inside only one id can be mapped; let the parent write the map", "LCM-US-06"
