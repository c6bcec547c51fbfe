"""Images from the engine's side: what section 5's store does not know is who uses them.

What belongs here: rmi's check, load and import under the lease, the embedded image. What does not: layers, digests.
"""

from __future__ import annotations

import os

from minidocker.errors import EngineError, ImageInUse
from minidocker.paths import ROOTS_PLACE
from minidocker.translate.process import DEFAULT_PATH

from .locks import Lease
from .settle import settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from section01_processes import LcmError

    from .base import Engine

TINY = "tiny"
TINY_CONFIG = {"Cmd": ["/bin/sh"], "Env": [f"PATH={DEFAULT_PATH}"]}


def remove_image(engine: Engine, reference: str, *, force: bool = False) -> list[str]:
    """Remove an image's name, and the image with its last name; return Docker's lines ``Untagged:``, ``Deleted:``.

    Raises ImageNotFound; ImageInUse while a container was made from it.
    """
    settle(engine)
    with Lease(engine.root.path, exclusive=True):
        image = engine.images.resolve(reference)
        users = engine.store.users_of_image(image.id)
        if users and (len(image.names) < 2 or _is_id(reference, image.id)):
            shown = ", ".join(user[:12] for user in users[:5])
            raise ImageInUse(
                f"cannot remove image {reference}: container {shown} was made from it", hint="remove it first"
            )
        return list(engine.images.remove(reference, force=force))


def told_where(engine: Engine, error: LcmError) -> None:
    """Add to ``error``, that the image tiny is not there, what makes it, and that root's images are another store."""
    sudo = "sudo " if engine.root.path == ROOTS_PLACE else ""
    error.hint += f", and {sudo}./course run minidocker system tiny makes this one"
    if os.geteuid() and os.path.isdir(ROOTS_PLACE):
        error.hint += f"; root has images of its own, in {ROOTS_PLACE}: was sudo meant?"


def _is_id(reference: str, identity: str) -> bool:
    return identity.removeprefix("sha256:").startswith(reference.removeprefix("sha256:"))


def tiny(engine: Engine) -> str:
    """Make the embedded image ``tiny`` from this host unless it is there; return its id."""
    from section04_filesystem import HostRoot
    from section05_images import ImageNotFound, remove_tree

    try:
        return str(engine.images.resolve(TINY).id)
    except ImageNotFound:
        pass
    engine.root.prepare()
    folder = f"{engine.root.path}/tiny.{os.getpid()}"
    try:
        os.mkdir(folder, 0o755)
        HostRoot().build(folder)
        return str(engine.images.add_rootfs_dir(folder, TINY, {"config": TINY_CONFIG}))
    except OSError as error:
        raise EngineError(f"cannot make the image {TINY}: {error}") from error
    finally:
        if os.path.isdir(folder):
            remove_tree(folder)
