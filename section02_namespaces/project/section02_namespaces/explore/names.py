"""What namespaces are called: by ip-netns(8), by nsman's own pins, by the containers they belong to.

What belongs here: which name a namespace bears. What does not: making names (``pins.py``), asking engines
(``targets.py``).
"""

from __future__ import annotations

import os

from ..place import pinned_names
from ..targets import container_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .model import Survey

_IP_NETNS = ("/run/netns/", "/var/run/netns/")


def name_pins(survey: Survey) -> None:
    """Give its name to every namespace that is pinned: below /run/netns, or by ``nsman pin``."""
    pinned = [space for space in survey if space.mounts]
    ours = pinned_names() if pinned else {}
    for space in pinned:
        names = [ours.get(path) or _ip_name(path) for path, _ in space.mounts]
        space.name = ",".join(dict.fromkeys(filter(None, names)))


def _ip_name(path: str) -> str:
    """Return the name that ip-netns(8) would show for a mount point; "" when it shows none."""
    return next((path.removeprefix(folder) for folder in _IP_NETNS if path.startswith(folder)), "")


def name_containers(survey: Survey) -> None:
    """Give a container's name to the namespaces that its first process is in and we are not; the engines are asked.

    One that several containers share (a pod) has all their names. Raises LcmError of an engine.
    """
    names = container_names()
    for space in survey if names else ():
        here = [name for pid, name in names.items() if pid in space.pids]
        if here and os.getpid() not in space.pids:
            space.name = ",".join(sorted({*filter(None, [space.name]), *here}))
