"""Ways by being quicker than an outsider who resolves a path of ours. See openat2(2), path_resolution(7).

The jail only renames its own folders. The outsider is the accomplice ``race`` (accomplices.py): it reads a file of the
jail, again and again, as a tool of the method's would: by text, or by descriptors that cannot leave the root.
"""

from __future__ import annotations

import os

from section04_filesystem import _syscalls

from ..model import Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..inside import Inside

DECOY = "this is the jail's own file"


def symlink_race(inside: Inside) -> str:
    """Swap a folder for a link while an outsider looks.

    A tool outside checks a path of the jail's, finds it harmless, opens it; between the two the jail has swapped a
    folder for a link to the host (CVE-2018-15664, `docker cp`). Resolution by openat2 with RESOLVE_IN_ROOT follows
    links as if the jail's root were /, in one call: there is no between.
    """
    race = f"{inside.work}/links"
    _put_decoy(f"{race}/folder")
    if not os.path.lexists(f"{race}/link"):
        os.symlink(os.path.dirname(inside.canary), f"{race}/link")
    left, right = os.fsencode(f"{race}/folder"), os.fsencode(f"{race}/link")
    answer = inside.ask_and_keep_on(
        "symlink-race", lambda: _syscalls.exchange(left, right), path=f"{race}/folder/canary"
    )
    return _told(answer)


def rename_race(inside: Inside) -> str:
    """Move a folder up while an outsider climbs by `..`.

    A tool that walks component by component and counts how deep it is follows `..` to the parent that the folder
    has *now*: moved up meanwhile, it is nearer to the root than the count says, and the last `..` leave the jail.
    openat2 notices that something was renamed while it met a `..` (EAGAIN: again), and a walk that goes back to the
    descriptor it came from never asks for the parent.
    """
    race = f"{inside.work}/moves"
    deep, up = f"{race}/a/b/c", f"{inside.work}/c"
    _put_decoy(f"{inside.work}/outside")
    os.makedirs(deep, exist_ok=True)
    places = [deep, up]

    def move() -> None:
        os.rename(*places)
        places.reverse()

    answer = inside.ask_and_keep_on("rename-race", move, path=f"{deep}/../../../../outside/canary")
    return _told(answer)


def _put_decoy(folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/canary", "w", encoding="utf-8") as file:
        file.write(DECOY)


def _told(answer: dict[str, object]) -> str:
    """Return "seen" when the outsider read the canary for ours; raise Stopped with its count."""
    if answer.get("seen"):
        return "seen"
    raise Stopped("openat2", 0, about=f"race: {answer.get('count')}")
