"""The demonstrations by name.

What belongs here: name → function. What does not: anything else; importing this loads them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .descriptors import descriptors
from .groups import group, terminal
from .inherited import exec_keeps
from .interrupted import eintr
from .masks import coalesce, mask
from .namespace import pid1
from .orphans import orphan_group
from .states import states

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stage import Stage

#: The order is that of the lesson: each needs what the ones before have shown.
DEMOS: dict[str, Callable[[Stage], None]] = {
    "states": states,
    "mask": mask,
    "coalesce": coalesce,
    "eintr": eintr,
    "exec": exec_keeps,
    "group": group,
    "terminal": terminal,
    "orphan-group": orphan_group,
    "pid1": pid1,
    "fd": descriptors,
}
