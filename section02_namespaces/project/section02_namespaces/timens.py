"""The clocks of a time namespace: offsets, written before the first process enters. See time_namespaces(7).

CLOCK_MONOTONIC and CLOCK_BOOTTIME of the inside are those of the machine plus an offset; the time of day is not
touched. An offset may be negative and have a fraction; the clock that comes out must not be negative.

What belongs here: reading offsets that a user wrote, the kernel's limits, the write. What does not: making the
namespace (``core/create.py``).
"""

from __future__ import annotations

import os
import time

from section01_processes import action

from .errors import NamespaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CLOCKS = {"monotonic": time.CLOCK_MONOTONIC, "boottime": time.CLOCK_BOOTTIME}
#: Seconds that a ktime_t can hold (<linux/ktime.h>: KTIME_SEC_MAX), and how far the kernel lets a clock be set.
LARGEST_OFFSET = (2**63 - 1) // 10**9
LARGEST_CLOCK = LARGEST_OFFSET // 2
_FILE = "/proc/self/timens_offsets"


def parse_offset(text: str, option: str = "offset") -> tuple[int, int]:
    """Return ``text`` ("-3600", "0.25") as seconds and nanoseconds (0 to 999999999). Raises NamespaceError."""
    sign = -1 if text.startswith("-") else 1
    whole, dot, fraction = text.lstrip("+-").partition(".")
    words = [whole, fraction] if dot else [whole]
    plain = all(word.isascii() and word.isdigit() for word in words) and len(fraction) <= 9
    if not plain or len(text) - len(text.lstrip("+-")) > 1:
        hint = "seconds, with a sign and up to nine decimals if you like: 86400, -1.5"
        raise NamespaceError(f"cannot read {option} {text!r}", hint=hint, exit_code=2)
    total = sign * (int(whole) * 10**9 + int(fraction.ljust(9, "0")))
    return total // 10**9, total % 10**9


def check_offset(clock: str, offset: tuple[int, int], now: int) -> None:
    """Raise NamespaceError if the kernel would refuse ``offset`` for ``clock``, which now shows ``now`` nanoseconds.

    The kernel answers ERANGE to both faults; here each has its own sentence.
    """
    seconds, nanos = offset
    if not -LARGEST_OFFSET <= seconds <= LARGEST_OFFSET:
        raise NamespaceError(f"the offset of {clock} is beyond {LARGEST_OFFSET} seconds, the largest there is")
    then = now + seconds * 10**9 + nanos
    if then < 0:
        text = f"the offset would set {clock} before its zero: the clock stands at {now / 1e9:.3f} s"
        raise NamespaceError(text, hint=f"the smallest offset is -{now // 10**9}")
    if then // 10**9 > LARGEST_CLOCK:
        raise NamespaceError(f"the offset would set {clock} beyond {LARGEST_CLOCK} seconds, the kernel's limit")


@action("time_namespaces(7)")
def write_time_offsets(offsets: Mapping[str, tuple[int, int]]) -> None:
    """Set the offsets (clock → seconds, nanoseconds) of the time namespace that our next child will be in.

    They count from the machine's own clocks, also in a nested namespace. Possible until the first process has entered.
    Raises NamespaceError: out of range, a process is in there already, no right (CAP_SYS_TIME in the owner).
    """
    with open(_FILE, encoding="ascii") as file:
        inherited = {line.split()[0]: line.split()[1:] for line in file}
    lines = []
    for clock, (seconds, nanos) in offsets.items():
        ours = [int(word) for word in inherited.get(clock, ("0", "0"))]
        check_offset(clock, (seconds, nanos), time.clock_gettime_ns(CLOCKS[clock]) - ours[0] * 10**9 - ours[1])
        lines.append(f"{clock} {seconds} {nanos}\n")
    fd = os.open(_FILE, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, "".join(lines).encode())
    except PermissionError as error:
        hint = "a process is in there already" if error.errno == 13 else "needs CAP_SYS_TIME in its user namespace"
        raise NamespaceError(f"cannot set the clocks of the time namespace: {error.strerror}", hint=hint) from error
    finally:
        os.close(fd)
