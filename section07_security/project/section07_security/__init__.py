"""Security: capabilities, seccomp, no_new_privs, AppArmor, and the paths a container must not reach.

The public surface of the section; names load on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .apparmor import apparmor_enabled as apparmor_enabled
    from .apparmor import set_exec_profile as set_exec_profile
    from .core.capabilities import CAPABILITIES as CAPABILITIES
    from .core.capabilities import DOCKER_DEFAULT as DOCKER_DEFAULT
    from .core.capabilities import CapabilitySets as CapabilitySets
    from .core.capabilities import drop_bounding as drop_bounding
    from .core.capabilities import keep_capabilities as keep_capabilities
    from .core.capabilities import last_cap as last_cap
    from .core.capabilities import mask_of as mask_of
    from .core.capabilities import names_of as names_of
    from .core.capabilities import set_ambient as set_ambient
    from .core.capabilities import set_capabilities as set_capabilities
    from .core.capabilities import set_no_new_privileges as set_no_new_privileges
    from .core.seccomp import compile_seccomp as compile_seccomp
    from .errors import SeccompError as SeccompError
    from .errors import SecurityMissing as SecurityMissing
    from .errors import UnknownCapability as UnknownCapability
    from .paths import MASKED_PATHS as MASKED_PATHS
    from .paths import READONLY_PATHS as READONLY_PATHS
    from .paths import masked_paths as masked_paths
    from .profile import SeccompProfile as SeccompProfile
    from .profile import docker_seccomp_profile as docker_seccomp_profile
    from .program import load_seccomp as load_seccomp
    from .program import prepare_seccomp as prepare_seccomp
    from .program import resolved_default as resolved_default
    from .program import seccomp_flags as seccomp_flags
    from .program import seccomp_program as seccomp_program

_WHERE = {
    "CAPABILITIES": "core.capabilities",
    "CapabilitySets": "core.capabilities",
    "DOCKER_DEFAULT": "core.capabilities",
    "MASKED_PATHS": "paths",
    "READONLY_PATHS": "paths",
    "SeccompError": "errors",
    "SeccompProfile": "profile",
    "SecurityMissing": "errors",
    "UnknownCapability": "errors",
    "apparmor_enabled": "apparmor",
    "compile_seccomp": "core.seccomp",
    "docker_seccomp_profile": "profile",
    "drop_bounding": "core.capabilities",
    "keep_capabilities": "core.capabilities",
    "last_cap": "core.capabilities",
    "load_seccomp": "program",
    "mask_of": "core.capabilities",
    "masked_paths": "paths",
    "names_of": "core.capabilities",
    "prepare_seccomp": "program",
    "resolved_default": "program",
    "seccomp_flags": "program",
    "seccomp_program": "program",
    "set_ambient": "core.capabilities",
    "set_capabilities": "core.capabilities",
    "set_exec_profile": "apparmor",
    "set_no_new_privileges": "core.capabilities",
}
__all__ = list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)
