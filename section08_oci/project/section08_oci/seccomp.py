"""The seccomp filter that the config asks for, compiled before anything is forked.

What belongs here: from ``linux.seccomp`` to the bytes and flags. What does not: compiling and loading (section 7).
"""

from __future__ import annotations

from section07_security import seccomp_flags, seccomp_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .options import ExecOptions


def seccomp_filter(spec: dict[str, Any], options: ExecOptions) -> tuple[bytes, int]:
    """Return the compiled filter, from the cache if it is there, and its flags; ``(b"", 0)``: none is wanted."""
    wanted = spec.get("linux", {}).get("seccomp")
    if not wanted:
        return b"", 0
    return seccomp_program(wanted, options.seccomp_cache), seccomp_flags(wanted)
