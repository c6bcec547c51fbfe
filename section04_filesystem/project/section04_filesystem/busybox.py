"""The applets of a busybox, read from the file: nothing is executed, and one of another architecture can be read too.

What belongs here: finding busybox's table of names. What does not: the links (``hostroot.py``).
"""

from __future__ import annotations

import re

#: busybox's applet_tables.c: all names one after the other, each ended by a zero byte, sorted as strcmp(3) does.
_NAMES = re.compile(rb"(?:[a-z\[][A-Za-z0-9_.+\[-]*\0){4,}")
_SURELY_THERE = (b"\0sh\0", b"\0ash\0", b"\0busybox\0")
#: The table lies within so many bytes around each of its names: four hundred names have 3 kB.
_AROUND = 1 << 15


def applet_names(data: bytes) -> list[str]:
    """Return the names that ``busybox --list`` would print, from the content of its file; none if there is no table.

    The table is the longest run of sorted names that holds a shell or busybox itself. Pure.
    """
    best: list[bytes] = []
    for word in _SURELY_THERE:
        at = data.find(word)
        while at >= 0:
            for names in _NAMES.finditer(data, max(0, at - _AROUND), at + _AROUND):
                runs = _sorted_runs(names.group().split(b"\0")[:-1])
                best = max([best, *(run for run in runs if word.strip(b"\0") in run)], key=len)
            at = data.find(word, at + 1)
    return [name.decode() for name in best]


def _sorted_runs(names: list[bytes]) -> list[list[bytes]]:
    """Cut ``names`` wherever one does not follow in the alphabet."""
    runs: list[list[bytes]] = [[]]
    for name in names:
        if runs[-1] and name <= runs[-1][-1]:
            runs.append([])
        runs[-1].append(name)
    return runs
