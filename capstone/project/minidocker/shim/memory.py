"""Make a sleeping shim small: it lives as long as its container and mostly waits.

Starting a container loads seven sections and touches most of the interpreter; waiting needs little of either. What
belongs here: giving back what can be had again. What does not: when (``main.py``, after a quiet while).

A page of a program or library that nobody changed is only a copy of its file: dropped, it comes back from the page
cache the moment it is touched (a minor fault, about a microsecond). Pages with relocations are changed, though they
are read-only by now (RELRO): dropping them would bring back the file's bytes, and crash. So only mappings without a
single page of their own ("Anonymous: 0" in smaps) qualify. See proc_pid_smaps(5), madvise(2).
"""

from __future__ import annotations

import gc

from ._syscalls import forget_pages, trim_heap


def slim() -> None:
    """Collect garbage for the last time, give back the heap's free end and the pages that are copies of files."""
    gc.collect()
    gc.freeze()
    trim_heap()
    with open("/proc/self/smaps", encoding="utf-8", errors="surrogateescape") as file:
        for start, end in droppable(file.read()):
            forget_pages(start, end - start)


def droppable(smaps: str) -> list[tuple[int, int]]:
    """Return the address ranges of read-only file mappings that have no page of their own, from smaps' text."""
    found = []
    span, wanted = (0, 0), False
    for line in smaps.splitlines():
        first, _, rest = line.partition(" ")
        if first.endswith(":"):
            if wanted and first == "Anonymous:" and rest.split()[0] == "0":
                found.append(span)
        else:
            low, _, high = first.partition("-")
            span = (int(low, 16), int(high, 16))
            fields = rest.split(None, 4)
            wanted = len(fields) == 5 and fields[4].startswith("/") and "w" not in fields[0]
    return found
