"""What the kernel tells about one process: /proc/PID, read and put into words.

What belongs here: pure parsers of proc_pid_status(5) and the collection of facts. What does not: printing. Slow path.
"""

from __future__ import annotations

import os
from typing import Any

from .core.stat import ProcessStat
from .errors import LcmError
from .signals import signal_set
from .states import state_name

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def parse_status(text: str) -> dict[str, str]:
    """Return the fields of /proc/PID/status by name; see proc_pid_status(5)."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, found, value in pairs if found}


def signal_masks(fields: dict[str, str]) -> dict[str, list[str]]:
    """Return the names of the signals that are pending, blocked, ignored and caught, of parse_status's fields."""
    masks = {"pending": "SigPnd", "shared": "ShdPnd", "blocked": "SigBlk", "ignored": "SigIgn", "caught": "SigCgt"}
    return {word: signal_set(int(fields.get(field, "0"), 16)) for word, field in masks.items()}


def process_facts(pid: int) -> dict[str, Any]:
    """Return what there is to know about ``pid``; what we may not read is None. Raises LcmError: no such process."""
    try:
        stat = ProcessStat.of(pid)
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="surrogateescape") as file:
            fields = parse_status(file.read())
    except (ProcessLookupError, FileNotFoundError) as error:
        raise LcmError(f"no process {pid}", exit_code=1) from error
    return {
        "pid": pid,
        "name": stat.comm,
        "state": state_name(stat.state),
        "parent": stat.ppid,
        "group": stat.pgrp,
        "session": stat.session,
        "terminal": terminal_name(stat.tty),
        "foreground group": stat.foreground if stat.tty else None,
        "threads": stat.threads,
        "uid": fields.get("Uid", "").split(),
        "gid": fields.get("Gid", "").split(),
        "groups": fields.get("Groups", "").split(),
        "umask": fields.get("Umask"),
        "no_new_privs": fields.get("NoNewPrivs"),
        "seccomp": fields.get("Seccomp"),
        "command": command_line(pid),
        "executable": _link(pid, "exe"),
        "directory": _link(pid, "cwd"),
        "root": _link(pid, "root"),
        "descriptors": _count(f"/proc/{pid}/fd"),
        "memory": stat.rss * os.sysconf("SC_PAGE_SIZE"),
        "cpu seconds": (stat.utime + stat.stime) / os.sysconf("SC_CLK_TCK"),
        "namespaces": {kind: _link(pid, f"ns/{kind}") for kind in NAMESPACES},
        "signals": signal_masks(fields),
    }


def command_line(pid: int) -> list[str]:
    """Return the argv of ``pid`` as it stands in its memory now; empty for kernel threads and zombies."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            data = file.read()
    except OSError:
        return []
    return [os.fsdecode(word) for word in data.rstrip(b"\0").split(b"\0")] if data else []


def terminal_name(device: int) -> str | None:
    """Return ``pts/3`` for the tty number of /proc/PID/stat (minor split over two fields); None: no terminal."""
    major, minor = os.major(device), os.minor(device)
    if device == 0:
        return None
    if 136 <= major <= 143:  # Documentation/admin-guide/devices.txt: UNIX98 slaves
        return f"pts/{(major - 136) * 256 + minor}"
    return f"tty{minor}" if major == 4 and minor < 64 else f"{major}:{minor}"


def _link(pid: int, name: str) -> str | None:
    """Return where a link in /proc/PID points; None when we may not know."""
    try:
        return os.readlink(f"/proc/{pid}/{name}")
    except OSError:
        return None


def _count(folder: str) -> int | None:
    """Return how many entries ``folder`` has; None when we may not know."""
    try:
        return len(os.listdir(folder))
    except OSError:
        return None
