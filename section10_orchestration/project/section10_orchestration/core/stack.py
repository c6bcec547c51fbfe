"""A stack: services by name, read from a compose file (compose-spec). A subset, and what is not in it is refused.

What belongs here: the shapes, and reading them. What does not: the order (``order``), running anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from ..errors import StackError

CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")
_KNOWN = {"image", "command", "depends_on", "environment", "ports"}


@dataclass(frozen=True)
class Dependency:
    """Another service that has to be there first, and what "there" means."""

    service: str
    condition: str = CONDITIONS[0]


@dataclass(frozen=True)
class Service:
    """One service of a stack."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    environment: dict[str, str | None] = field(default_factory=dict)  #: None: taken from whoever starts it
    ports: tuple[str, ...] = ()
    depends_on: tuple[Dependency, ...] = ()


@dataclass(frozen=True)
class Stack:
    """All services of one file, in the file's order."""

    services: dict[str, Service]

    @classmethod
    def parse(cls, text: str) -> Stack:
        """Return the stack that the YAML ``text`` describes. Raises StackError with the place of the mistake."""
        try:
            document = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError) as error:
            raise StackError("", f"not YAML: {' '.join(str(error).split())}") from error
        services = _mapping("services", _mapping("", document).get("services"))
        stack = cls({name: _service(f"services.{name}", name, body) for name, body in services.items()})
        for service in stack.services.values():
            for dependency in service.depends_on:
                if dependency.service not in stack.services:
                    place = f"services.{service.name}.depends_on"
                    raise StackError(place, f"there is no service {dependency.service!r}")
        return stack


def _service(place: str, name: str, body: Any) -> Service:
    """Return one service."""
    body = _mapping(place, body)
    if unknown := sorted(set(body) - _KNOWN):
        raise StackError(place, f"unknown or not supported yet: {', '.join(unknown)}")
    if not isinstance(body.get("image"), str) or not body["image"]:
        raise StackError(f"{place}.image", "every service needs an image")
    return Service(
        name,
        body["image"],
        _words(f"{place}.command", body.get("command")),
        _environment(f"{place}.environment", body.get("environment")),
        tuple(_texts(f"{place}.ports", body.get("ports"))),
        _dependencies(f"{place}.depends_on", body.get("depends_on")),
    )


def _words(place: str, value: Any) -> tuple[str, ...]:
    """Return a command's words: a list as it is, a text split as a shell would."""
    if not isinstance(value, str):
        return tuple(_texts(place, value))
    import shlex

    try:
        return tuple(shlex.split(value))
    except ValueError as error:
        raise StackError(place, str(error)) from error


def _environment(place: str, value: Any) -> dict[str, str | None]:
    """Return the environment, written as a mapping or as a list of NAME=VALUE."""
    if isinstance(value, list):
        pairs = (text.partition("=") for text in _texts(place, value))
        return {name: (text if equals else None) for name, equals, text in pairs}
    mapping = _mapping(place, value or {})
    return {name: None if item is None else _texts(f"{place}.{name}", [item])[0] for name, item in mapping.items()}


def _dependencies(place: str, value: Any) -> tuple[Dependency, ...]:
    """Return the dependencies, written as a list of names or as a mapping with conditions."""
    if isinstance(value, list):
        return tuple(Dependency(name) for name in dict.fromkeys(_texts(place, value)))
    found = []
    for name, body in _mapping(place, value or {}).items():
        condition = _mapping(f"{place}.{name}", body or {}).get("condition", CONDITIONS[0])
        if condition not in CONDITIONS:
            raise StackError(f"{place}.{name}.condition", f"{condition!r} is none of {', '.join(CONDITIONS)}")
        found.append(Dependency(name, condition))
    return tuple(found)


def _mapping(place: str, value: Any) -> dict[str, Any]:
    """Return ``value`` if it is a mapping with texts as keys."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise StackError(place or "the file", "must be a mapping of names")
    return value


def _texts(place: str, value: Any) -> list[str]:
    """Return a list of texts; numbers and truth values are written as YAML writes them."""
    items = [] if value is None else value
    if not isinstance(items, list) or not all(isinstance(item, str | int | float) for item in items):
        raise StackError(place, "must be a list of texts")
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
