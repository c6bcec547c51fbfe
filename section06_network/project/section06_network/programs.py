"""Running the firewall's programs: posix_spawn(3), text in and text out through memory files.

What belongs here: finding and running ``nft`` and ``iptables``. What does not: what they are told (``rules.py``,
``foreign.py``). A memory file instead of a pipe: nobody has to read while it is written, so nothing can dead-lock.
"""

from __future__ import annotations

import os

from .errors import FirewallError
from .lock import held

FOLDERS = ("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin")
PACKAGES = {"nft": "nftables"}  # where the program is not called as its package


class Running:
    """A program that was started; :meth:`result` waits for it."""

    __slots__ = ("_output", "_pid", "argv")

    def __init__(self, argv: list[str], text: str = "") -> None:
        """Start ``argv`` with ``text`` on standard input. Raises FirewallError when it is not installed."""
        self.argv = argv
        path = find(argv[0])
        given = os.memfd_create("stdin", os.MFD_CLOEXEC)
        self._output = os.memfd_create("output", os.MFD_CLOEXEC)
        try:
            os.write(given, text.encode())
            os.lseek(given, 0, os.SEEK_SET)
            moves = [(os.POSIX_SPAWN_DUP2, given, 0)]
            moves += [(os.POSIX_SPAWN_DUP2, self._output, fd) for fd in (1, 2)]
            moves += [(os.POSIX_SPAWN_DUP2, lock, 3 + n) for n, lock in enumerate(held)]  # see lock.py
            environment = {"PATH": ":".join(FOLDERS), "LC_ALL": "C"}
            self._pid = os.posix_spawn(path, argv, environment, file_actions=moves, setsigmask=[])
        finally:
            os.close(given)

    def result(self) -> tuple[int, str]:
        """Return (exit status, what it wrote)."""
        _, status = os.waitpid(self._pid, 0)
        with open(self._output, "rb") as file:
            file.seek(0)
            return os.waitstatus_to_exitcode(status), file.read().decode(errors="replace")

    def check(self) -> str:
        """Return what it wrote. Raises FirewallError when it failed."""
        status, output = self.result()
        if status:
            said = " ".join(output.split())[:300]
            raise FirewallError(f"{' '.join(self.argv)} failed with {status}: {said}")
        return output


def find(name: str) -> str:
    """Return the path of program ``name``. Raises FirewallError with the Debian package that brings it."""
    path = installed(name)
    if not path:
        package = PACKAGES.get(name, name.partition("-")[0])
        hint = f"apt-get install {package}"
        raise FirewallError(f"{name} is not installed, and the network needs it", hint=hint)
    return path


def installed(name: str) -> str:
    """Return the path of program ``name``, or ''."""
    return next((f"{folder}/{name}" for folder in FOLDERS if os.access(f"{folder}/{name}", os.X_OK)), "")
