"""From an OCI seccomp section to a loaded filter: compiled once, kept in a file, loaded by one system call.

What belongs here: the cache of compiled programs and of the resolved default profile, flags, loading. What does not:
compiling (``core.seccomp``), conditions (``profile``). A cache file is trusted as code is: it must be a regular file
of this process's user (root for root), that nobody else can write; anything else is compiled anew and replaced.
"""

from __future__ import annotations

import marshal
import os
from _blake2 import blake2b

from section01_processes import SyscallError, action

from . import _syscalls
from .errors import SeccompError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

#: Raise it when the compiler makes other programs from the same profile, or Docker's profile in data/ is updated.
COMPILER_VERSION = 1
_MAGIC = b"LCMBPF1\n"
_FLAGS = {"SECCOMP_FILTER_FLAG_TSYNC": 1, "SECCOMP_FILTER_FLAG_LOG": 2, "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
          "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 32}  # fmt: skip


def seccomp_program(oci: dict[str, Any], cache_dir: str = "") -> bytes:
    """Return the compiled program for ``oci`` on this machine, from ``cache_dir`` if it is there. Raises SeccompError.

    The name of the cache file is the hash of everything the program depends on. ``cache_dir`` "" means no cache.
    """
    if not cache_dir:
        return _compile(oci)
    uname = os.uname()
    path = f"{cache_dir}/{_digest(oci, uname.machine, uname.release)}"
    cached = _read_own(path)
    if cached.startswith(_MAGIC) and len(cached) > 8 and len(cached) % 8 == 0:
        return cached[8:]
    program = _compile(oci)
    _write_own(path, _MAGIC + program)
    return program


def resolved_default(capabilities: Iterable[str], cache_dir: str = "") -> dict[str, Any]:
    """Return Docker's default profile for the bounding set ``capabilities``, in OCI form; from ``cache_dir``."""
    from section01_processes import format_json, parse_json

    names = sorted(capabilities)
    path = ""
    if cache_dir:
        uname = os.uname()
        path = f"{cache_dir}/default-{_digest(names, uname.machine, uname.release)}.json"
        cached = _read_own(path)
        if cached:
            try:
                found: dict[str, Any] = parse_json(cached.decode())
                return found
            except ValueError:
                pass  # not ours, or torn: made anew
    from .profile import SeccompProfile, docker_seccomp_profile

    found = SeccompProfile.parse(docker_seccomp_profile()).resolve(names)
    if path:
        _write_own(path, format_json(found).encode())
    return found


def _compile(oci: dict[str, Any]) -> bytes:
    from .core.seccomp import compile_seccomp

    return compile_seccomp(oci)


def _digest(*parts: Any) -> str:
    """Return a hash of ``parts`` and of the compiler's version, as a file name."""
    return blake2b(marshal.dumps((COMPILER_VERSION, *parts), 2), digest_size=20).hexdigest()


def _read_own(path: str) -> bytes:
    """Return a file's bytes if it is regular, ours, and nobody else's to touch; else b""."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        stat = os.fstat(fd)
        if stat.st_mode & 0o170077 != 0o100000 or stat.st_uid != os.geteuid():
            return b""
        return os.read(fd, stat.st_size + 1)
    finally:
        os.close(fd)


def _write_own(path: str, data: bytes) -> None:
    """Put ``data`` at ``path`` by rename, mode 0600; a cache that cannot be written is no error (but costs time)."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            written = os.write(fd, data) == len(data)
        finally:
            os.close(fd)
        if written:
            os.rename(temporary, path)
        else:
            os.unlink(temporary)
    except OSError:
        return


def seccomp_flags(oci: dict[str, Any]) -> int:
    """Return the SECCOMP_FILTER_FLAG_… bits of ``flags``; without that key SPEC_ALLOW, as runc does.

    SPEC_ALLOW leaves speculation as it is; a filter would otherwise slow every indirect branch on some CPUs.
    """
    if oci.get("flags") is None:
        return _FLAGS["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
    bits = 0
    for name in oci["flags"]:
        if name not in _FLAGS:
            raise SeccompError(f"unknown seccomp flag {name!r}", hint=f"one of {', '.join(_FLAGS)}")
        bits |= _FLAGS[name]
    return bits


def prepare_seccomp(program: bytes, flags: int = 0) -> Callable[[], None]:
    """Return a function that loads ``program`` into this thread and makes nothing but that one system call.

    Prepare early; call it as the last thing before execve. It raises SyscallError: EACCES without CAP_SYS_ADMIN and
    without no_new_privs (LCM-SEC-02), EINVAL for a program the kernel does not accept.
    """
    if not program or len(program) % 8:
        raise SeccompError("a seccomp program is a whole number of 8-byte instructions, and at least one")
    load = _syscalls.prepare_filter(program, flags)

    def load_prepared() -> None:
        try:
            load()
        except SyscallError as error:
            raise _refused(error.errno or 0, flags) from None

    return load_prepared


def _refused(errno: int, flags: int) -> SyscallError:
    """Return the error of a load that failed, with the likely cause of EACCES."""
    hint, explain = ("a filter needs no_new_privs or CAP_SYS_ADMIN", "LCM-SEC-02") if errno == 13 else ("", "")
    return SyscallError(errno, "seccomp", ("SECCOMP_SET_MODE_FILTER", flags), hint=hint, explain=explain)


@action("seccomp(2)")
def load_seccomp(program: bytes, flags: int = 0) -> None:
    """Load ``program`` into this thread now; see :func:`prepare_seccomp`."""
    prepare_seccomp(program, flags)()
