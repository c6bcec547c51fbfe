"""What is mounted in a container: the file systems of the kernel, -v, --mount, --tmpfs and the image's volumes.

What belongs here: Docker's rules for the flags, and OCI's ``mounts``. What does not: mounting (section 4), making
folders and volumes (the engine), copy-up (the shim).
"""

from __future__ import annotations

import os

from minidocker.errors import BadOption
from minidocker.names import valid_name
from minidocker.units import parse_size
from section08_oci import default_mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.options import Options

DEFAULT_SHM = 64 << 20
_PROPAGATION = frozenset(("private", "rprivate", "shared", "rshared", "slave", "rslave"))
_IGNORED = frozenset(("z", "Z", "consistent", "cached", "delegated", "volume-nocopy=false"))
#: tmpfs option → the one it replaces, so that ``--tmpfs /run:exec`` undoes the default.
_OPPOSITE = {
    "exec": "noexec", "noexec": "exec", "suid": "nosuid", "nosuid": "suid", "dev": "nodev", "nodev": "dev",
    "rw": "ro", "ro": "rw",
}  # fmt: skip


class UserMount:
    """One mount that the user or the image asked for. ``kind``: bind, volume, tmpfs; ``source`` "" = anonymous."""

    __slots__ = ("copy", "kind", "make", "options", "propagation", "readonly", "source", "target")

    def __init__(self, kind: str, source: str, target: str) -> None:
        self.kind = kind
        self.source = source
        self.target = target
        self.readonly = False
        self.copy = kind == "volume"
        self.make = False
        self.propagation = "rprivate"
        self.options: list[str] = []


def parse_volume(text: str, cwd: str) -> UserMount:
    """Return what ``-v [source:]target[:options]`` means. Raises BadOption."""
    parts = text.split(":")
    if len(parts) > 3 or not all(parts):
        raise BadOption("--volume", text, "not [source:]target[:options]")
    source = parts[0] if len(parts) > 1 else ""
    target = parts[1] if len(parts) > 1 else parts[0]
    if source.startswith(("/", "./", "../")) or source in {".", ".."}:
        mount = UserMount("bind", os.path.normpath(os.path.join(cwd, source)), "")
        mount.make = True
    elif source and not valid_name(source):
        raise BadOption("--volume", text, f"{source!r} is not a volume's name", hint="a host path starts with / or ./")
    else:
        mount = UserMount("volume", source, "")
    mount.target = _checked_target(target, "--volume", text)
    for option in parts[2].split(",") if len(parts) == 3 else ():
        _volume_option(mount, option, text)
    return mount


def _volume_option(mount: UserMount, option: str, text: str) -> None:
    """Apply one of -v's options. Raises BadOption."""
    if option in {"ro", "rw"}:
        mount.readonly = option == "ro"
    elif option == "nocopy" and mount.kind == "volume":
        mount.copy = False
    elif option in _PROPAGATION and mount.kind == "bind":
        mount.propagation = option
    elif option not in _IGNORED:
        raise BadOption("--volume", text, f"unknown option {option!r}")


def _checked_target(target: str, flag: str, text: str) -> str:
    """Return the normal form of a path in the container. Raises BadOption."""
    if not target.startswith("/"):
        raise BadOption(flag, text, f"the target {target!r} is not an absolute path")
    target = os.path.normpath(target)
    if target in {"/", "//"}:
        raise BadOption(flag, text, "the target cannot be /")
    return target


def parse_mount(text: str) -> UserMount:
    """Return what ``--mount type=bind,source=…,target=…[,readonly]`` means. Raises BadOption."""
    fields: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        fields[_MOUNT_KEYS.get(key, key)] = value if equals else "true"
    kind = fields.pop("type", "volume")
    if kind not in {"bind", "volume", "tmpfs"}:
        raise BadOption("--mount", text, f"the type {kind!r} is not bind, volume or tmpfs")
    source = fields.pop("source", "")
    mount = UserMount(kind, source, _checked_target(fields.pop("target", ""), "--mount", text))
    mount.readonly = fields.pop("readonly", "false") in {"true", "1"}
    if kind == "bind":
        if not source.startswith("/"):
            raise BadOption("--mount", text, "the source of a bind mount is an absolute path")
        mount.source = os.path.normpath(source)
        mount.propagation = fields.pop("bind-propagation", "rprivate")
        mount.make = fields.pop("bind-create-src", "false") in {"true", "1"}
        if mount.propagation not in _PROPAGATION:
            raise BadOption("--mount", text, f"unknown propagation {mount.propagation!r}")
    elif kind == "volume":
        if source and not valid_name(source):
            raise BadOption("--mount", text, f"{source!r} is not a volume's name")
        mount.copy = fields.pop("volume-nocopy", "false") not in {"true", "1"}
    else:
        mount.options = _tmpfs_fields(fields, text)
    if fields:
        raise BadOption("--mount", text, f"unknown field {next(iter(fields))!r}")
    return mount


_MOUNT_KEYS = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}


def _tmpfs_fields(fields: dict[str, str], text: str) -> list[str]:
    """Return the options of a --mount type=tmpfs. Raises BadOption."""
    options = ["nosuid", "nodev", "noexec"]
    if "tmpfs-size" in fields:
        options.append(f"size={parse_size(fields.pop('tmpfs-size'), '--mount')}")
    mode = fields.pop("tmpfs-mode", "")
    if mode:
        if set(mode) - set("01234567"):
            raise BadOption("--mount", text, "tmpfs-mode is not octal")
        options.append("mode=" + mode)
    return options


def parse_tmpfs(text: str) -> UserMount:
    """Return what ``--tmpfs target[:options]`` means; the defaults are rw,noexec,nosuid,nodev. Raises BadOption."""
    target, _, given = text.partition(":")
    mount = UserMount("tmpfs", "", _checked_target(target, "--tmpfs", text))
    options = ["noexec", "nosuid", "nodev"]
    for option in filter(None, given.split(",")):
        opposite = _OPPOSITE.get(option)
        if opposite in options:
            options.remove(opposite or "")
        name, equals, value = option.partition("=")
        if name == "size" and not value.endswith("%"):
            option = f"size={parse_size(value, '--tmpfs')}"
        elif not opposite and (name not in {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks"} or not equals):
            raise BadOption("--tmpfs", text, f"unknown option {option!r}")
        if option == "ro":
            mount.readonly = True
        elif option not in {"rw", "exec", "suid", "dev", *options}:
            options.append(option)
    mount.options = options
    return mount


def user_mounts(options: Options, image: dict[str, Any], cwd: str) -> list[UserMount]:
    """Return every mount of flags and image, in the order to mount them. Raises BadOption for a target named twice."""
    found: dict[str, UserMount] = {}
    wanted = [("--volume", text, parse_volume(text, cwd)) for text in options.volume]
    wanted += [("--mount", text, parse_mount(text)) for text in options.mount]
    wanted += [("--tmpfs", text, parse_tmpfs(text)) for text in options.tmpfs]
    for flag, text, mount in wanted:
        if mount.target in found:
            raise BadOption(flag, text, f"duplicate mount point {mount.target}")
        found[mount.target] = mount
    for target in image.get("Volumes") or ():
        target = os.path.normpath(target)
        if target not in found:
            found[target] = UserMount("volume", "", target)
    return sorted(found.values(), key=lambda mount: mount.target.count("/"))


def kernel_mounts(*, writable_sys: bool, rootless: bool, shm_size: int) -> list[dict[str, Any]]:
    """Return /proc, /dev, /sys and friends as Docker mounts them; ``shm_size`` in bytes."""
    mounts = default_mounts(shm_size)
    for mount in mounts:
        if writable_sys and mount["destination"] in {"/sys", "/sys/fs/cgroup"}:
            mount["options"] = [word for word in mount["options"] if word != "ro"]
        if rootless and mount["destination"] == "/dev/pts":
            mount["options"] = [word for word in mount["options"] if word != "gid=5"]  # tty: not in the id map
    return mounts


def _mount(target: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": target, "type": kind, "source": source, "options": options}


def shm_size(options: Options) -> int:
    """Return the size of /dev/shm in bytes. Raises BadOption."""
    return parse_size(options.shm_size, "--shm-size") if options.shm_size else DEFAULT_SHM


def oci_mount(mount: UserMount, source: str) -> dict[str, Any]:
    """Return OCI's mount for ``mount``, whose host folder (bind, volume) is ``source``."""
    access = "ro" if mount.readonly else "rw"
    if mount.kind == "tmpfs":
        return _mount(mount.target, "tmpfs", "tmpfs", [*mount.options, access])
    return _mount(mount.target, "bind", source, ["rbind", mount.propagation, access])


def etc_mounts(folder: str, targets: set[str]) -> list[dict[str, Any]]:
    """Return the binds of hosts, hostname and resolv.conf out of ``folder``, where the user has none of his own."""
    return [
        _mount(f"/etc/{name}", "bind", f"{folder}/{name}", ["rbind", "rprivate", "rw"])
        for name in ("resolv.conf", "hostname", "hosts")
        if f"/etc/{name}" not in targets
    ]
