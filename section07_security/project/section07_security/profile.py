"""Docker's seccomp profile format, resolved into an OCI ``linux.seccomp`` for one container.

Docker's profile has conditions (``includes``, ``excludes``: capabilities, architectures, kernel versions) and a map of
architectures; the OCI format has neither. What belongs here: the conditions, Docker's default profile. What does not:
compiling (``core.seccomp``). Source: moby, profiles/seccomp/seccomp_linux.go; docs.docker.com/engine/security/seccomp.
"""

from __future__ import annotations

import os

from .core.capabilities import NAMES, bit_of
from .errors import SeccompError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: uname's machine → Go's name, which Docker's conditions use, and OCI's name, which its architecture map uses.
MACHINES = {"x86_64": ("amd64", "SCMP_ARCH_X86_64"), "aarch64": ("arm64", "SCMP_ARCH_AARCH64")}
DEFAULT_FILE = os.path.join(os.path.dirname(__file__), "data", "docker-seccomp-default.json")


class SeccompProfile:
    """A profile in Docker's format (an OCI section is one too: it has no conditions)."""

    __slots__ = ("data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    @classmethod
    def parse(cls, docker_json: str | dict[str, Any]) -> SeccompProfile:
        """Return the profile in ``docker_json`` (text or parsed). Raises SeccompError."""
        if isinstance(docker_json, str):
            from section01_processes import parse_json

            try:
                docker_json = parse_json(docker_json)
            except ValueError as error:
                raise SeccompError(f"the seccomp profile is not JSON: {error}") from None
        if not isinstance(docker_json, dict) or not isinstance(docker_json.get("defaultAction"), str):
            raise SeccompError("the seccomp profile has no defaultAction")
        if docker_json.get("architectures") and docker_json.get("archMap"):
            raise SeccompError("a seccomp profile has either architectures or archMap, not both")
        return cls(docker_json)

    def resolve(self, capabilities: Iterable[str], machine: str = "", kernel: str = "") -> dict[str, Any]:
        """Return the OCI section for a container with the bounding set ``capabilities`` (names).

        ``machine`` and ``kernel`` (``6.1.0-18``) default to this machine's. Raises SeccompError, UnknownCapability.
        """
        uname = os.uname()
        go, native = MACHINES.get(machine or uname.machine, ("", ""))
        if not go:
            raise SeccompError(f"no seccomp support for {machine or uname.machine}")
        facts = ({NAMES[bit_of(name)] for name in capabilities}, go, _version(kernel or uname.release))
        found: dict[str, Any] = {key: self.data[key] for key in _COPIED if self.data.get(key) is not None}
        if "archMap" in self.data:
            found["architectures"] = _architectures(self.data["archMap"] or (), native)
        try:
            found["syscalls"] = [_plain(rule) for rule in self.data.get("syscalls") or () if _applies(rule, facts)]
        except (KeyError, TypeError, AttributeError) as error:
            raise SeccompError(f"the seccomp profile is malformed: {error!r}") from None
        return found


_COPIED = ("defaultAction", "defaultErrnoRet", "architectures", "flags", "listenerPath", "listenerMetadata")


def docker_seccomp_profile() -> dict[str, Any]:
    """Return Docker's default profile, as parsed JSON in Docker's format."""
    from section01_processes import read_json

    data: dict[str, Any] = read_json(DEFAULT_FILE)
    return data


def _architectures(arch_map: Iterable[dict[str, Any]], native: str) -> list[str]:
    """Return ``native`` and the architectures that the map says its kernel runs too."""
    for entry in arch_map:
        if entry["architecture"] == native:
            return [native, *(entry.get("subArchitectures") or ())]
    return [native]


def _applies(rule: dict[str, Any], facts: tuple[set[str], str, tuple[int, int]]) -> bool:
    """Tell whether all of the rule's ``includes`` hold and none of its ``excludes``."""
    capabilities, arch, kernel = facts
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    excluded = (
        arch in (excludes.get("arches") or ())
        or any(name in capabilities for name in excludes.get("caps") or ())
        or ("minKernel" in excludes and kernel >= _version(excludes["minKernel"]))
    )
    included = (
        (not includes.get("arches") or arch in includes["arches"])
        and all(name in capabilities for name in includes.get("caps") or ())
        and ("minKernel" not in includes or kernel >= _version(includes["minKernel"]))
    )
    return included and not excluded


def _plain(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the rule as OCI writes it: names, action, errnoRet, args."""
    names = list(rule.get("names") or ([rule["name"]] if rule.get("name") else []))
    if not names:
        raise SeccompError(f"a seccomp rule names no system call: {rule!r}")
    found: dict[str, Any] = {"names": names, "action": rule["action"]}
    if rule.get("errnoRet") is not None:
        found["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        found["args"] = rule["args"]
    return found


def _version(release: str) -> tuple[int, int]:
    """Return major and minor number of ``6.18.44-fc-v5`` or ``4.8``."""
    major, _, rest = release.partition(".")
    minor = rest.replace("-", ".").partition(".")[0]
    digits = "".join(c for c in minor if c.isdigit()) or "0"
    if not major.isdigit():
        raise SeccompError(f"{release!r} is no kernel version")
    return int(major), int(digits)
