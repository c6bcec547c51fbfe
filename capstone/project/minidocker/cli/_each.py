"""Doing something to each of several things: the names that worked are printed, errors are told at the end.

What belongs here: that loop. What does not: what is done.
"""

from __future__ import annotations

from section01_processes import LcmError

from ._echo import echo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def each(names: tuple[str, ...], act: Callable[[str], object], *, show: bool = True) -> int:
    """Call ``act`` for every name; print the name (or what ``act`` returned); return 1 when one of them failed."""
    failed = 0
    for name in names:
        try:
            value = act(name)
        except (LcmError, OSError) as error:
            echo(f"minidocker: error: {error}", err=True)
            failed = 1
            continue
        if show:
            echo(name if value is None else value)
    return failed
