"""What a container may do: capabilities, seccomp, no_new_privs, masked paths.

What belongs here: Docker's rules for the flags. What does not: the lists themselves and the kernel calls (section 7).
"""

from __future__ import annotations

from minidocker.errors import BadOption

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from minidocker.options import Options


def capability_names(
    options: Options, default: Iterable[str], known: Iterable[str], available: Iterable[str]
) -> list[str]:
    """Return the container's capabilities, after Docker's rules for --cap-add, --cap-drop and --privileged.

    ``--cap-add ALL`` gives all but the dropped; ``--cap-drop ALL`` leaves the added; else default - dropped + added.
    ``known`` are all names that the kernel has, ``available`` those that we can give. Raises BadOption.
    """
    everything, ours = list(known), list(available)
    added = _normalized(options.cap_add, "--cap-add", everything)
    dropped = _normalized(options.cap_drop, "--cap-drop", everything)
    if options.privileged:
        return ours
    if "ALL" in added:
        return [name for name in ours if name not in dropped]
    for name in added:
        if name not in ours:
            raise BadOption("--cap-add", name, "MiniDocker itself runs without this capability")
    kept = [] if "ALL" in dropped else [name for name in default if name not in dropped]
    wanted = set(kept) | set(added)
    return [name for name in ours if name in wanted]


def _normalized(given: tuple[str, ...], flag: str, known: list[str]) -> list[str]:
    """Return names with ``CAP_``, upper case. Raises BadOption for one that the kernel does not have."""
    out = []
    for text in given:
        name = text.upper()
        if name != "ALL" and not name.startswith("CAP_"):
            name = "CAP_" + name
        if name != "ALL" and name not in known:
            raise BadOption(flag, text, "unknown capability")
        out.append(name)
    return out


def capability_object(names: list[str]) -> dict[str, list[str]]:
    """Return OCI's ``process.capabilities`` as Docker fills it: nothing inheritable, nothing ambient."""
    return {"bounding": names, "effective": names, "permitted": names, "inheritable": [], "ambient": []}


class SecurityOptions:
    """``--security-opt`` taken apart."""

    __slots__ = ("apparmor", "label", "no_new_privileges", "seccomp", "systempaths")

    def __init__(self, given: tuple[str, ...]) -> None:
        """Parse ``key=value`` or ``key:value``. Raises BadOption for what Docker does not know."""
        self.no_new_privileges = False
        self.seccomp = ""
        self.apparmor = ""
        self.systempaths = ""
        for text in given:
            key, separator, value = text.partition("=")
            if not separator:
                key, separator, value = text.partition(":")
            if key == "no-new-privileges" and value in {"", "true", "false"}:
                self.no_new_privileges = value != "false"
            elif key in {"seccomp", "apparmor"} and value:
                setattr(self, key, value)
            elif key == "systempaths" and value == "unconfined":
                self.systempaths = value
            elif key != "label":  # SELinux labels are accepted and mean nothing without SELinux
                hint = "no-new-privileges, seccomp=FILE|unconfined, apparmor=unconfined, systempaths=unconfined"
                raise BadOption("--security-opt", text, "unknown", hint=hint)
        if self.apparmor not in {"", "unconfined"}:
            raise BadOption("--security-opt", f"apparmor={self.apparmor}", "profiles are not supported yet")


def unmasked(options: Options, security: SecurityOptions) -> bool:
    """Return whether /proc is shown whole and writable."""
    return bool(options.privileged or security.systempaths == "unconfined")


def linux_security(
    options: Options, security: SecurityOptions, masked: Iterable[str], readonly: Iterable[str]
) -> dict[str, Any]:
    """Return OCI's ``maskedPaths`` and ``readonlyPaths``."""
    if unmasked(options, security):
        return {"maskedPaths": [], "readonlyPaths": []}
    return {"maskedPaths": list(masked), "readonlyPaths": list(readonly)}
