"""Resource limits by name: ``NOFILE=1024:4096`` in, numbers out; see getrlimit(2).

What belongs here: the table, the parser, and what this process may raise. What does not: setting them (``launch.py``).
"""

from __future__ import annotations

import resource

from .core.spawn import spawn
from .errors import UsageError

UNLIMITED = resource.RLIM_INFINITY
RLIMITS = {name.removeprefix("RLIMIT_"): getattr(resource, name) for name in sorted(dir(resource)) if "RLIMIT_" in name}
RLIMITS.pop("OFILE", None)  # BSD's name of NOFILE
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Rlimit:
    """One limit: ``name`` without RLIMIT_, ``soft`` and ``hard``, in the kernel's unit or UNLIMITED (-1)."""

    __slots__ = ("hard", "name", "soft")

    def __init__(self, name: str, soft: int, hard: int) -> None:
        self.name = name
        self.soft = soft
        self.hard = hard

    @classmethod
    def parse(cls, text: str) -> Rlimit:
        """Read ``NAME=SOFT[:HARD]``: numbers, with K, M, G, T (powers of 1024), or ``unlimited``. Raises UsageError."""
        name, equals, values = text.partition("=")
        name = name.strip().upper().removeprefix("RLIMIT_")
        if name not in RLIMITS or not equals:
            raise UsageError(
                f"invalid limit {text!r}", hint="NAME=SOFT[:HARD]; NAME is one of " + ", ".join(RLIMITS), exit_code=2
            )
        soft_text, colon, hard_text = values.partition(":")
        soft = _number(soft_text, text)
        hard = _number(hard_text, text) if colon else soft
        if _above(soft, hard):
            raise UsageError(
                f"invalid limit {text!r}: the soft limit is above the hard one", hint="SOFT:HARD", exit_code=2
            )
        return cls(name, soft, hard)

    def fitted(self) -> tuple[Rlimit, str]:
        """Return the limit as far as this process may set it, and a warning ("" if that is all of it).

        Raising a hard limit needs CAP_SYS_RESOURCE; whether we have it is tried in a child. Needs one thread.
        """
        hard = resource.getrlimit(RLIMITS[self.name])[1]
        if not _above(self.hard, hard) or _may_set(self):
            return self, ""
        fitted = Rlimit(self.name, hard if _above(self.soft, hard) else self.soft, hard)
        return fitted, (
            f"cannot raise the hard limit of {self.name} from {shown(hard)} to {shown(self.hard)}: "
            f"operation not permitted; {fitted} is set (raising needs CAP_SYS_RESOURCE)"
        )

    def __str__(self) -> str:
        return f"{self.name}={shown(self.soft)}:{shown(self.hard)}"

    def __repr__(self) -> str:
        return str(self)


def shown(value: int) -> str:
    """Return a limit's value as /proc/PID/limits shows it."""
    return "unlimited" if value == UNLIMITED else str(value)


def _number(text: str, whole: str) -> int:
    """Return the value of ``1024``, ``64K`` or ``unlimited``."""
    word = text.strip().upper()
    return UNLIMITED if word in ("UNLIMITED", "INFINITY", "-1") else parse_amount(text, f"limit {whole!r}")


def parse_amount(text: str, what: str) -> int:
    """Return the value of ``1024``, ``64K``, ``2G``. Raises UsageError, about ``what``."""
    word = text.strip().upper()
    digits, unit = (word[:-1], UNITS[word[-1]]) if word[-1:] in UNITS else (word, 1)
    if not (digits.isascii() and digits.isdigit()) or int(digits) * unit >= 1 << 63:
        raise UsageError(f"invalid {what}: {text!r} is no number", hint="like 1024, 64K, 2G", exit_code=2)
    return int(digits) * unit


def _above(value: int, limit: int) -> bool:
    """Whether ``value`` is higher than ``limit``; UNLIMITED is the highest."""
    return limit != UNLIMITED and (value == UNLIMITED or value > limit)


def _may_set(limit: Rlimit) -> bool:
    """Whether a child of ours can set ``limit``."""

    def attempt() -> int:
        try:
            resource.setrlimit(RLIMITS[limit.name], (limit.soft, limit.hard))
        except (ValueError, OSError):  # Python makes a ValueError of EPERM
            return 1
        return 0

    with spawn(attempt) as child:
        return child.wait() == 0
