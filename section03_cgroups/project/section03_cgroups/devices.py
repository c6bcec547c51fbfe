"""Which devices a group may open or make: rules in version 1's two files, a BPF program in version 2.

What belongs here: OCI's rules (``linux.resources.devices``), their text form, the runtime's own default rules. What
does not: assembling the program (``devices_bpf``). Sources: cgroup-v1/devices.rst, config-linux.md "Allowed Device
list"; capabilities and file modes are checked besides.
"""

from __future__ import annotations

import os

from .errors import LimitRefused, refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .cgroup import Cgroup


def default_device_rules() -> list[dict[str, Any]]:
    """Return the rules every container gets: no device but those of the runtime specification ("Default Devices").

    ``mknod`` of any device is allowed (an image has some), opening it is not.
    """
    rules: list[dict[str, Any]] = [{"allow": False, "access": "rwm"}]
    rules += [{"allow": True, "type": kind, "access": "m"} for kind in "cb"]
    # null, zero, full, random, urandom, tty, console, ptmx, pts/*
    numbers = ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, None))
    for major, minor in numbers:
        rule: dict[str, Any] = {"allow": True, "type": "c", "major": major, "access": "rwm"}
        if minor is not None:
            rule["minor"] = minor
        rules.append(rule)
    return rules


def normal_rule(rule: dict[str, Any]) -> tuple[bool, str, int, int, str]:
    """Return ``(allow, type, major, minor, access)`` of an OCI rule; -1 is any number. Raises LimitRefused."""
    kind, access = rule.get("type") or "a", rule.get("access") or "rwm"
    if kind not in {"a", "b", "c", "u"} or not set(access) <= set("rwm"):
        raise LimitRefused(f"no such device rule: {rule!r}", hint="type a, b or c; access of the letters r, w, m")
    major, minor = (-1 if rule.get(key) is None else int(rule[key]) for key in ("major", "minor"))
    return bool(rule.get("allow")), "c" if kind == "u" else kind, major, minor, access


def rule_text(rule: dict[str, Any]) -> tuple[str, str]:
    """Return the file and the line by which version 1 takes an OCI rule: ``("devices.allow", "c 1:3 rwm")``."""
    allow, kind, major, minor, access = normal_rule(rule)
    numbers = ":".join("*" if n < 0 else str(n) for n in (major, minor))
    # "a" alone resets the list (devices.rst); any other rule of type a would be taken as that too
    line = "a" if kind == "a" else f"{kind} {numbers} {access}"
    return f"devices.{'allow' if allow else 'deny'}", line


def apply_rules(cgroup: Cgroup, rules: list[dict[str, Any]]) -> None:
    """Make ``rules``, in order, what ``cgroup`` may do with devices. Raises CgroupError, LimitRefused."""
    mount, version = cgroup.hierarchy.find("devices")
    if version == 1:
        write_rules(mount + cgroup.path, rules)
    else:
        from .devices_bpf import attach_rules

        attach_rules(cgroup.folder(), rules)


def write_rules(folder: str, rules: list[dict[str, Any]]) -> None:
    """Write ``rules`` to version 1's files, each of which is opened once; one write is one rule."""
    lines = [rule_text(rule) for rule in rules]
    opened: dict[str, int] = {}
    try:
        for name, line in lines:
            path = f"{folder}/{name}"
            try:
                if name not in opened:
                    opened[name] = os.open(path, os.O_WRONLY)
                os.write(opened[name], line.encode())
            except OSError as error:
                raise refused(error, "write", path, line) from None
    finally:
        for fd in opened.values():
            os.close(fd)


def read_rules(folder: str) -> str:
    """Return version 1's present list, as the kernel tells it."""
    from .core.files import read_value

    return read_value(folder, "devices.list")
