"""Signals by name and number.

What belongs here: the table of signal(7) for x86_64 and aarch64 (they agree), and what each signal does by default.
What does not: sending and handling them.
"""

from __future__ import annotations

from .errors import UsageError

_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG "
    "XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
SIGNALS = {name: number for number, name in enumerate(_NAMES.split(), 1)}
ALIASES = {"IOT": 6, "CLD": 17, "POLL": 29}
DUMPING = ("QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "SEGV", "XCPU", "XFSZ", "SYS")
RTMIN, RTMAX = 34, 64  # as glibc numbers them: the kernel's 32 and 33 belong to libc's threads


def signal_number(name: str) -> int:
    """Return the number of ``TERM``, ``SIGTERM``, ``15``, ``RTMIN+3`` or ``RTMAX-2``. Raises UsageError."""
    word = name.strip().upper().removeprefix("SIG")
    number = SIGNALS.get(word) or ALIASES.get(word) or 0
    if word.isascii() and word.isdigit():
        number = int(word)
    elif word.startswith(("RTMIN", "RTMAX")):
        number = _real_time(word)
    if not 1 <= number <= RTMAX:
        raise UsageError(f"invalid signal: {name}", hint="a name like TERM, or a number from 1 to 64")
    return number


def _real_time(word: str) -> int:
    """Return the number for ``RTMIN``, ``RTMIN+n``, ``RTMAX`` or ``RTMAX-n``; 0 if it is none of them."""
    base, sign, offset = (RTMIN, "+", word[5:]) if word.startswith("RTMIN") else (RTMAX, "-", word[5:])
    if not offset:
        return base
    if offset[0] != sign or not (offset[1:].isascii() and offset[1:].isdigit()):
        return 0
    number = base + int(offset) if sign == "+" else base - int(offset[1:])
    return number if RTMIN <= number <= RTMAX else 0


def signal_name(number: int) -> str:
    """Return ``SIGTERM`` for 15, ``SIGRTMIN+3`` for 37. Raises UsageError."""
    if 1 <= number <= len(SIGNALS):
        return "SIG" + list(SIGNALS)[number - 1]
    if RTMIN <= number <= RTMAX:
        return f"SIGRTMIN+{number - RTMIN}" if number > RTMIN else "SIGRTMIN"
    if number in (32, 33):
        return f"SIG{number}"
    raise UsageError(f"invalid signal: {number}")


def signal_set(mask: int) -> list[str]:
    """Return the names in ``mask`` as /proc/PID/status shows it (bit 0 is signal 1)."""
    return [signal_name(number) for number in range(1, RTMAX + 1) if mask >> (number - 1) & 1]


def default_action(number: int) -> str:
    """Return what it does to a process that does nothing about it: terminate, core, stop, continue or ignore."""
    name = signal_name(number).removeprefix("SIG")
    if name in ("CHLD", "URG", "WINCH"):
        return "ignore"
    if name in ("STOP", "TSTP", "TTIN", "TTOU"):
        return "stop"
    if name == "CONT":
        return "continue"
    return "core" if name in DUMPING else "terminate"
