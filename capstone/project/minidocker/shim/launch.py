"""Start a shim: the command's (or the launcher's) part.

What belongs here: the new process's surroundings. What does not: the socket pair and the first frame (``shimclient``).
"""

from __future__ import annotations

import os
import sys

from section01_processes import start_interpreter

from . import protocol as p

#: The shim's whole environment; a container's comes from its config.json.
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8")

_FLOORS = (
    "section01_processes",
    "section02_namespaces",
    "section03_cgroups",
    "section04_filesystem",
    "section05_images",
    "section06_network",
    "section07_security",
    "section08_oci",
    "section09_init",
)


def package_path() -> list[str]:
    """Return the folders that the shim imports from: this package's own, and those of the floors below."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = [os.path.dirname(package)]
    for name in _FLOORS:
        module = sys.modules.get(name) or __import__(name)
        assert module.__file__
        found.append(os.path.dirname(os.path.dirname(os.path.abspath(module.__file__))))
    return list(dict.fromkeys(found))


def launch(folder: str, lock_fd: int, control_fd: int, record_fd: int = -1, crash: str = "") -> None:
    """Start the shim of the container in ``folder`` as nobody's child, in a session of its own; return at its exec."""
    log = os.open(
        os.path.join(folder, p.SHIM_LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
    )
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
    arguments = [
        f"path={':'.join(package_path())}",
        f"folder={folder}",
        f"lock={lock_fd}",
        f"control={control_fd}",
        f"record={record_fd}",
        f"crash={crash}",
    ]
    inherit = [fd for fd in (lock_fd, control_fd, record_fd) if fd >= 0]
    try:
        shim = start_interpreter(
            [script, *arguments],
            stdin=-1,
            stdout=log,
            stderr=log,
            inherit=inherit,
            env=ENVIRONMENT,
            cwd="/",
            new_session=True,
            double_fork=True,
        )
    finally:
        os.close(log)
    shim.close()
