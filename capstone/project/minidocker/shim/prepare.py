"""What a shim does once, before the first process of its container: the steps, and the actions that are its own.

What belongs here: mounts, root file system, user, volumes. What does not: our own place (``place.py``), and the
container (``container.py``), which may be made several times (restart policy) on what is prepared here.
"""

from __future__ import annotations

import os

from section01_processes import Step, UsageError, action, format_json, write_file
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import copy_up, make_target, plan_private_mounts, safe_open
from section05_images import Snapshot, plan_snapshot

from . import protocol as p
from .etcfiles import touch_etc_files
from .place import plan_placed
from .user import resolve_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: passwd and group of an image are read up to this size.
_TEXT_MAX = 4 << 20


def plan_prepare(folder: str, config: dict[str, Any], spec: dict[str, Any]) -> list[Step]:
    """Return the shim's steps, once it is in its place, for the container in ``folder``.

    ``config`` is shim.json, ``spec`` config.json.
    """
    snapshot = Snapshot(folder, config["lower"])
    steps = [
        Step(unshare, CLONE_NEWNS, about="our own mounts: the kernel removes them when we end"),
        *plan_private_mounts("rslave"),
        *plan_snapshot(snapshot, userxattr=bool(config.get("uid_maps"))),
    ]
    steps.append(
        Step(settle_config, folder, snapshot.merged, config, spec, about=f"user {config.get('user') or 'root'!r}")
    )
    steps += [
        Step(fill_volume, snapshot.merged, volume["target"], volume["source"], about=f"volume {volume['target']}")
        for volume in config.get("volumes", ())
        if volume.get("copy")
    ]
    steps.append(Step(make_workdir, snapshot.merged, spec["process"]["cwd"], about=spec["process"]["cwd"]))
    if config.get("etc_files"):
        steps.append(Step(touch_etc_files, folder, about="hosts, hostname, resolv.conf"))
    return steps + plan_placed(config)


@action("passwd(5)")
def settle_config(folder: str, root: str, config: dict[str, Any], spec: dict[str, Any]) -> None:
    """Resolve user and groups by the files in the mounted root, set HOME, and write the final config.json."""
    process = spec["process"]
    who = resolve_in(root, config.get("user", ""), config.get("group_add", []))
    process["user"] = {**process.get("user", {}), "uid": who.uid, "gid": who.gid, "additionalGids": who.groups}
    if config.get("uid_maps"):  # setgroups(2) is denied with a single mapped id
        process["user"]["additionalGids"] = []
    if not any(pair.startswith("HOME=") for pair in process.setdefault("env", [])):
        process["env"].append(f"HOME={who.home}")
        config["home_added"] = True
    write_file(os.path.join(folder, p.CONFIG), format_json(spec), durable=False)


def resolve_in(root: str, user: str, group_add: list[str]) -> Any:
    """Return the identity of ``user`` by /etc/passwd and /etc/group below ``root``, links kept inside."""
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return resolve_user(user, group_add, _read_in(fd, "/etc/passwd"), _read_in(fd, "/etc/group"))
    finally:
        os.close(fd)


def _read_in(root_fd: int, path: str) -> str:
    """Return the text of ``path`` in the root; "" when there is none (or it is no file one can read)."""
    try:
        fd = safe_open(root_fd, path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        return os.read(fd, _TEXT_MAX).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


@action("openat2(2)")
def fill_volume(root: str, target: str, source: str) -> None:
    """Copy what the image has at ``target`` into the volume's folder ``source``, if that is empty."""
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        folder = safe_open(root_fd, target, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return  # the image has no such folder: nothing to copy
    finally:
        os.close(root_fd)
    try:
        copy_up(folder, source)
    finally:
        os.close(folder)


@action("mkdirat(2)")
def make_workdir(root: str, cwd: str) -> None:
    """Make the working directory if the image does not have it, as Docker does."""
    root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(make_target(root_fd, cwd, "dir"))
    except NotADirectoryError:
        raise UsageError(f"cannot make working directory {cwd}: something in its path is not a folder") from None
    finally:
        os.close(root_fd)
