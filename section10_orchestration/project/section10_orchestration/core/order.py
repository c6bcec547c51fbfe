"""The order in which services start: whoever is waited for comes first (Kahn's algorithm, ties in the file's order)."""

from __future__ import annotations

from ..errors import StackCycle
from .stack import Stack


def start_order(stack: Stack) -> list[str]:
    """Return the names of all services, each after those it depends on. Raises StackCycle, which names the circle."""
    waiting = {name: {d.service for d in service.depends_on} for name, service in stack.services.items()}
    order: list[str] = []
    while waiting:
        ready = next((name for name, needs in waiting.items() if needs.isdisjoint(waiting)), None)
        if ready is None:
            raise StackCycle(_find_cycle(waiting))
        order.append(ready)
        del waiting[ready]
    return order


def _find_cycle(waiting: dict[str, set[str]]) -> list[str]:
    """Return one circle among services that all wait: follow the waiting until a name comes again."""
    path = [next(iter(waiting))]
    while path[-1] not in path[:-1]:
        path.append(min(need for need in waiting[path[-1]] if need in waiting))
    return path[path.index(path[-1]) :]
