"""The demonstrations by name, and what each needs.

What belongs here: name → function, name → needs. What does not: anything else; importing this loads them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .descriptor import descriptor
from .nested import nested
from .outlive import outlive
from .owner import owner
from .pod import pod

if TYPE_CHECKING:
    from collections.abc import Callable

    from .stage import Stage

#: The order is that of the lesson: each needs what the ones before have shown.
DEMOS: dict[str, Callable[[Stage], None]] = {
    "pod": pod,
    "outlive": outlive,
    "descriptor": descriptor,
    "nested": nested,
    "owner": owner,
}
#: What a user must have: for all but the first also root takes a user namespace.
NEEDS = dict.fromkeys(DEMOS, "user namespaces") | {"pod": "root, or user namespaces"}
