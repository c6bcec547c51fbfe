"""Volumes: folders that outlive containers.

What belongs here: making, listing, removing. What does not: mounting and copy-up (the shim).
"""

from __future__ import annotations

import os

from minidocker import names
from minidocker.errors import BadOption, NoSuchVolume, VolumeInUse
from minidocker.units import rfc3339

from .locks import Lease

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .base import Engine


def create_volume(engine: Engine, name: str, labels: dict[str, str]) -> str:
    """Make a volume (a random name for ""); one that exists is fine, as in Docker. Returns its name."""
    from section01_processes import format_json

    if name and not names.valid_name(name):
        raise BadOption("the volume's name", name, "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    name = name or names.new_id()
    engine.store.add_volume(name, anonymous=False, labels=format_json(labels))
    os.makedirs(engine.root.volume(name), mode=0o755, exist_ok=True)
    return name


def list_volumes(engine: Engine) -> list[dict[str, Any]]:
    """Return every volume in Docker's shape."""
    from section01_processes import parse_json

    return [
        {
            "CreatedAt": rfc3339(created),
            "Driver": "local",
            "Labels": parse_json(labels) or None,
            "Mountpoint": engine.root.volume(name),
            "Name": name,
            "Options": None,
            "Scope": "local",
        }
        for name, created, _anonymous, labels in engine.store.volumes()
    ]


def inspect_volume(engine: Engine, name: str) -> dict[str, Any]:
    """Return one volume in Docker's shape. Raises NoSuchVolume."""
    for volume in list_volumes(engine):
        if volume["Name"] == name:
            return volume
    raise NoSuchVolume(name)


def remove_volume(engine: Engine, name: str) -> None:
    """Remove a volume. Raises NoSuchVolume, VolumeInUse."""
    inspect_volume(engine, name)
    users = engine.store.users_of_volume(name)
    if users or not discard_volume(engine, name):
        shown = ", ".join(u[:12] for u in users)
        raise VolumeInUse(f"cannot remove volume {name}: it is in use by {shown or 'a new container'}")


def discard_volume(engine: Engine, name: str, user: str = "") -> bool:
    """Remove a volume unless a container other than ``user`` uses it; return whether it is gone."""
    from section05_images import remove_tree

    with Lease(engine.root.path, exclusive=True):
        if set(engine.store.users_of_volume(name)) - {user}:
            return False
        folder = os.path.dirname(engine.root.volume(name))
        if os.path.isdir(folder):
            remove_tree(folder)
        engine.store.delete_volume(name)
    return True
