"""A bundle: a folder with config.json and, usually, the root file system beside it.

What belongs here: reading a bundle and refusing a config that cannot work, with the sentence that says why. What does
not: defaults (``defaults.py``), what is done with it (``plans.py``). Source: OCI runtime spec, bundle.md, config.md.
"""

from __future__ import annotations

import os

from section01_processes import LcmError, read_json
from section02_namespaces import kind_named

from .errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


class Bundle:
    """``folder`` (absolute) and ``spec``, the parsed config.json, or the dictionary that the caller has already."""

    __slots__ = ("folder", "spec")

    def __init__(self, folder: str, spec: dict[str, Any] | None = None) -> None:
        self.folder = os.path.abspath(folder)
        self.spec = spec if spec is not None else _read(self.folder)

    def __repr__(self) -> str:
        return f"<bundle {self.folder}>"

    @property
    def rootfs(self) -> str:
        """The absolute path of the root file system; ``root.path`` is relative to the bundle."""
        return os.path.join(self.folder, self.spec.get("root", {}).get("path", "rootfs"))

    def check(self) -> None:
        """Raise SpecError for the first thing that cannot work. Looks at the disk for the root only."""
        check_spec(self.spec)
        if not os.path.isdir(self.rootfs):
            raise SpecError(
                f"the root file system {self.rootfs!r} is not a folder",
                hint="root.path is relative to the bundle",
                explain="LCM-OCI-01",
            )


def _read(folder: str) -> dict[str, Any]:
    """Read config.json of ``folder``."""
    try:
        spec = read_json(f"{folder}/config.json")
    except (FileNotFoundError, NotADirectoryError):
        raise SpecError(f"no config.json in {folder!r}", hint="make one: ociman spec", explain="LCM-OCI-01") from None
    except ValueError as error:
        raise SpecError(f"cannot read the config: {error}") from None
    if not isinstance(spec, dict):
        raise SpecError(f"{folder}/config.json is not a JSON object")
    return spec


def check_id(name: str) -> str:
    """Return ``name`` if it can be a container's id (it becomes a folder's name). Raises SpecError."""
    if not name or name in (".", "..") or not _ID_CHARACTERS.issuperset(name) or len(name) > 255:
        raise SpecError(f"{name!r} cannot be a container id", hint="letters, digits and _ + - . only")
    return name


def check_spec(spec: dict[str, Any]) -> None:
    """Raise SpecError for a config that the runtime spec forbids or that cannot be run. Pure."""
    version = str(spec.get("ociVersion", ""))
    if version.partition(".")[0] != "1":
        raise SpecError(f"ociVersion {version!r} is not supported", hint="this runtime speaks 1.x")
    if not spec.get("root", {}).get("path"):
        raise SpecError("root.path is missing")
    if "process" in spec:
        check_process(spec["process"])
    for mount in spec.get("mounts", ()):
        target = mount.get("destination", "")
        if not target.startswith("/"):
            raise SpecError(f"mount destination {target!r} is not an absolute path")
    linux = spec.get("linux", {})
    _check_namespaces(linux)
    if linux.get("sysctl"):
        _check_sysctls(linux)
    kinds = {kind_named(entry["type"]).name for entry in linux.get("namespaces", ())}
    if "uts" not in kinds and (spec.get("hostname") or spec.get("domainname")):
        raise SpecError("hostname and domainname need a uts namespace: without one they would name the host")


def check_process(process: dict[str, Any]) -> None:
    """Raise SpecError for a process that cannot be run: of config.json, or of ``exec``. Pure."""
    args = process.get("args")
    if not args or not all(isinstance(word, str) for word in args):
        raise SpecError(
            "process.args is missing or empty", hint="one word of the command per element", explain="LCM-OCI-01"
        )
    cwd = process.get("cwd", "")
    if not cwd.startswith("/"):
        raise SpecError(f"process.cwd {cwd!r} is not an absolute path")
    for pair in process.get("env", ()):
        if "\0" in pair:
            raise SpecError("process.env holds a zero byte")


def _check_namespaces(linux: dict[str, Any]) -> None:
    """Refuse unknown and doubled namespaces, and id maps without a user namespace (and the other way round)."""
    kinds = []
    for entry in linux.get("namespaces", ()):
        try:
            kinds.append(kind_named(entry.get("type", "")).name)
        except LcmError as error:
            raise SpecError(str(error)) from None
    if len(kinds) != len(set(kinds)):
        raise SpecError("a kind of namespace is listed twice")
    new_user = any(e["type"] == "user" and not e.get("path") for e in linux.get("namespaces", ()))
    mapped = bool(linux.get("uidMappings") and linux.get("gidMappings"))
    if new_user and not mapped:
        raise SpecError("a new user namespace needs linux.uidMappings and linux.gidMappings")
    if mapped and "user" not in kinds:
        raise SpecError("linux.uidMappings are given, but no user namespace")


_IPC = [f"kernel/{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni")]
_IPC.append("kernel/shm_rmid_forced")


def sysctl_path(name: str) -> str:
    """Return the path below /proc/sys of sysctl ``net.ipv4.ip_forward`` (or ``net/ipv4/…``; sysctl(8))."""
    dots, slashes = name.find("."), name.find("/")
    if slashes >= 0 and (dots < 0 or slashes < dots):
        return name
    return name.replace("/", "\0").replace(".", "/").replace("\0", ".")


def _check_sysctls(linux: dict[str, Any]) -> None:
    """Refuse a sysctl that would change the host: only those of a namespace that the container has for itself."""
    private = {kind_named(e["type"]).name for e in linux.get("namespaces", ())}
    for name in linux["sysctl"]:
        path = sysctl_path(name)
        if ".." in path.split("/"):
            raise SpecError(f"{name!r} is not a sysctl")
        if path in _IPC or path.startswith("fs/mqueue/"):
            kind = "ipc"
        elif path.startswith("net/"):
            kind = "net"
        elif path in ("kernel/domainname", "kernel/hostname"):
            kind = "uts"
        else:
            raise SpecError(f"sysctl {name!r} belongs to no namespace: it would change the host")
        if kind not in private:
            raise SpecError(f"sysctl {name!r} needs a {kind} namespace of the container's own")
