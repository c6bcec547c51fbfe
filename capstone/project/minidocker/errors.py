"""The errors of MiniDocker.

EngineError (LcmError)         everything the engine raises on purpose
├── NoSuchContainer            no container has this name, id or prefix of an id
├── AmbiguousPrefix            the prefix fits more than one container
├── NameInUse                  the name is taken, by whom
├── WrongState                 the container is not in the state that the command needs
├── DamagedState               a file of the container's folder is not there, or not what we wrote
├── NoSuchVolume
├── VolumeInUse                a container still uses the volume
├── ImageInUse                 a container was made from the image
├── NotSupported               Docker can, MiniDocker cannot (yet)
└── BadOption (UsageError)     an option's value cannot be: names the flag and the value

What belongs here: the tree. What does not: how the command line shows them (``cli/_show.py``).
"""

from __future__ import annotations

from section01_processes import LcmError, UsageError


class EngineError(LcmError):
    """Something that the engine refuses or cannot do."""


class NoSuchContainer(EngineError):
    """No container has this name, id or prefix of an id."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"no such container: {reference}", hint="`minidocker ps -a` lists them")


class AmbiguousPrefix(EngineError):
    """The prefix fits more than one container."""

    def __init__(self, reference: str, ids: list[str]) -> None:
        shown = ", ".join(i[:12] for i in ids)
        super().__init__(f"{reference!r} fits more than one container: {shown}", hint="give more characters")


class NameInUse(EngineError):
    """The name is taken."""

    def __init__(self, name: str, owner: str) -> None:
        hint = "remove or rename that container to use the name again"
        super().__init__(f"the container name {name!r} is in use by container {owner[:12]}", hint=hint)


class WrongState(EngineError):
    """The container is not in the state that the command needs."""


class DamagedState(EngineError):
    """A file of the container's folder is not there, or not what we wrote: somebody changed it by hand."""

    def __init__(self, name: str, path: str, reason: str) -> None:
        hint = f"`minidocker rm -f {name}` removes what is left of it"
        super().__init__(f"container {name} is damaged: {path}: {reason}", hint=hint)


class NoSuchVolume(EngineError):
    """No volume has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no such volume: {name}", hint="`minidocker volume ls` lists them")


class VolumeInUse(EngineError):
    """A container still uses the volume."""


class ImageInUse(EngineError):
    """A container was made from the image."""


class NotSupported(EngineError):
    """Docker can do it, MiniDocker cannot (yet)."""


class BadOption(EngineError, UsageError):
    """An option's value cannot be."""

    def __init__(self, flag: str, value: object, reason: str, *, hint: str = "") -> None:
        super().__init__(f"invalid value {str(value)!r} for {flag}: {reason}", hint=hint)
