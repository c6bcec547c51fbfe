"""Section 7's lists and profiles, as the translation wants them.

What belongs here: fetching them lazily. What does not: choosing among them (``translate/security.py``).
"""

from __future__ import annotations

import os

from minidocker.errors import BadOption
from minidocker.translate.bundle import Catalogue
from section01_processes import read_json
from section07_security import CAPABILITIES, DOCKER_DEFAULT, MASKED_PATHS, READONLY_PATHS, CapabilitySets, last_cap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def catalogue() -> Catalogue:
    """Return what this kernel and Docker's defaults offer."""
    last, ours = last_cap(), bounding_set()
    known = [name for name, bit in CAPABILITIES.items() if bit <= last]
    catalogue = Catalogue(known, DOCKER_DEFAULT, MASKED_PATHS, READONLY_PATHS, seccomp)
    catalogue.available = [name for name in known if ours >> CAPABILITIES[name] & 1]
    return catalogue


def bounding_set() -> int:
    """Return what this process could give at most; a new user namespace (no root) begins with everything."""
    return -1 if os.geteuid() else CapabilitySets.of().bounding


def seccomp(profile: str, capabilities: list[str]) -> dict[str, Any] | None:
    """Return OCI's ``linux.seccomp`` for Docker's default profile (""), or for the one in file ``profile``.

    Raises BadOption for a file that cannot be read or is no profile.
    """
    from section07_security import SeccompProfile, docker_seccomp_profile

    system = os.uname()
    if not profile or profile == "builtin":
        parsed = SeccompProfile.parse(docker_seccomp_profile())
        return parsed.resolve(capabilities, system.machine, system.release)
    try:
        parsed = SeccompProfile.parse(read_json(profile))
        return parsed.resolve(capabilities, system.machine, system.release)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
    except (ValueError, KeyError, TypeError) as error:
        reason = str(error)
    raise BadOption("--security-opt", f"seccomp={profile}", reason)
