"""What the user asked of ``run`` or ``create``, as given: one attribute per flag, values still text.

What belongs here: the list of flags with their defaults, and what only the asking side knows: its environment and its
files (``--env-file``). What does not: what the values mean (``translate/``).
"""

from __future__ import annotations

import os

from .errors import BadOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Attribute → default. A tuple means: may be given several times.
FLAGS: dict[str, Any] = {
    "tty": False, "interactive": False, "detach": False, "rm": False, "init": False, "privileged": False,
    "read_only": False, "name": "", "workdir": "", "user": "", "network": "", "hostname": "",
    "domainname": "", "memory": "", "memory_swap": "", "memory_reservation": "", "cpus": "", "cpu_shares": "",
    "cpu_period": "", "cpu_quota": "", "cpuset_cpus": "", "cpuset_mems": "", "pids_limit": "", "entrypoint": None,
    "restart": "no", "stop_signal": "", "stop_timeout": "", "shm_size": "", "oom_score_adj": "", "cidfile": "",
    "log_driver": "json-file", "mac_address": "", "ip": "",
    "env": (), "env_file": (), "group_add": (), "volume": (), "mount": (), "tmpfs": (), "publish": (), "add_host": (),
    "dns": (), "dns_search": (), "dns_option": (), "ulimit": (), "cap_add": (), "cap_drop": (), "security_opt": (),
    "device": (), "label": (), "sysctl": (), "log_opt": (),
}  # fmt: skip


class Options:
    """Every flag of ``run``/``create``, the image and the command's words. Unknown names raise TypeError."""

    __slots__ = ("command", "image", *FLAGS)
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, image: str, command: tuple[str, ...] = (), **given: Any) -> None:
        self.image = image
        self.command = command
        for name, default in FLAGS.items():
            setattr(self, name, given.pop(name, default))
        if given:
            raise TypeError(f"unknown options: {', '.join(given)}")


def read_environment(files: tuple[str, ...], given: tuple[str, ...], ours: Mapping[str, str]) -> list[str]:
    """Return what ``--env-file`` and ``-e`` say, in order, as ``NAME=value``, or ``NAME`` alone to remove a variable.

    A name without value takes it from ``ours``, the environment of the asking side, as Docker does.
    Raises BadOption for an unreadable file or an empty name.
    """
    lines: list[tuple[str, str]] = []
    for path in files:
        lines += [("--env-file", line) for line in _env_file_lines(path)]
    lines += [("--env", text) for text in given]
    out = []
    for flag, text in lines:
        name, equals, _ = text.partition("=")
        if not name or (flag == "--env-file" and any(c in name for c in " \t")):
            raise BadOption(flag, text, "the variable has no valid name")
        if equals:
            out.append(text)
        elif name in ours:
            out.append(f"{name}={ours[name]}")
        elif flag == "--env":
            out.append(name)
    return out


def _env_file_lines(path: str) -> list[str]:
    """Return the lines of an env file that say something. Raises BadOption."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().removeprefix("\ufeff").splitlines()
    except OSError as error:
        raise BadOption("--env-file", path, os.strerror(error.errno or 0).lower()) from None
    stripped = [line.lstrip() for line in lines]
    return [line for line in stripped if line and not line.startswith("#")]
