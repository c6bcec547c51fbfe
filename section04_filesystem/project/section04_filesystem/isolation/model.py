"""The words of the isolation tester: a technique, a method, an attempt that was stopped, a cell, the matrix.

What belongs here: shapes. What does not: doing anything with them.
"""

from __future__ import annotations

import errno as _errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .inside import Inside
    from .link import Link
    from .stage import Stage

ESCAPED, STOPPED, NOT_APPLICABLE, BROKEN = "escaped", "stopped", "not applicable", "broken"

#: The promise to stop every technique there is, later ones included.
EVERYTHING = "everything"

#: How a technique proves an escape: the canary's nonce came out of the jail; an outsider saw the deed; or a file of the
#: kernel's, which counts for the whole machine, was open for writing (it is never written).
NONCE, SEEN, OPENED = "nonce", "seen", "opened"


class Stopped(Exception):
    """An attempt that came to nothing: the ``call`` that failed, its ``errno`` (0: it did not fail, but led nowhere).

    ``cap`` names the capability that the kernel asks for there; ``about`` says what the technique knows of the place.
    """

    def __init__(self, call: str, errno: int = 0, *, cap: str = "", about: str = "") -> None:
        super().__init__(f"{call}: {_errno.errorcode.get(errno, errno)}")
        self.call, self.errno, self.cap, self.about = call, errno, cap, about

    def as_dict(self) -> dict[str, Any]:
        """Return it as it travels out of the jail."""
        return {"call": self.call, "errno": self.errno, "cap": self.cap, "about": self.about}


class trying:  # noqa: N801 - reads as a verb: with trying("mount", "CAP_SYS_ADMIN"):
    """Within it an OSError becomes :class:`Stopped`, with the name of the call and the capability that it needs."""

    def __init__(self, call: str, cap: str = "", about: str = "") -> None:
        self._call, self._cap, self._about = call, cap, about

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Translate."""
        if isinstance(error, OSError):
            raise Stopped(self._call, error.errno or 0, cap=self._cap, about=self._about) from error


class Technique:
    """A way out: ``attempt(inside)`` runs in the jail and returns what it got hold of, or raises Stopped.

    Its name and its docstring are the technique's: the first line the ``summary``, the rest ``about``.

    ``control``: the weak method in which it must succeed, so that the detector is known to work. ``needs``: what the
    machine must have for the attempt to mean anything (see stage.py). ``proof``: see above.
    """

    __slots__ = ("about", "attempt", "control", "name", "needs", "proof", "summary")

    def __init__(
        self,
        attempt: Callable[[Inside], str],
        *,
        control: str = "chroot",
        needs: tuple[str, ...] = (),
        proof: str = NONCE,
    ) -> None:
        self.name = attempt.__name__.replace("_", "-")
        self.attempt = attempt
        summary, _, about = (attempt.__doc__ or "").partition("\n")
        self.summary, self.about = summary.rstrip("."), " ".join(about.split())
        self.control, self.needs, self.proof = control, needs, proof


class Jailed:
    """A jail with the attempts' process in it: the ``link`` to it, and its root as an outsider names it."""

    def __init__(self, link: Link) -> None:
        self.link = link

    def root(self) -> str:
        """Return a path of the stage that leads to the jail's root."""
        raise NotImplementedError

    def stop(self) -> None:
        """End what is in the jail and remove what it was made of; never raises for what is gone already."""
        raise NotImplementedError


class IsolationMethod:
    """A way to confine: its ``name``, what it is, and the names of the techniques that it promises to stop.

    ``promises`` may be ``(EVERYTHING,)``; ``needs`` is like a technique's. ``start`` confines. ``reads_safely``:
    there is a tool of this method's that reads files inside from outside, by ``read``; without one, people read the
    path as text. A later section derives from this class, and names a function that returns its methods in the
    entry-point group ``lcm.isolation``.
    """

    needs: tuple[str, ...] = ()
    reads_safely = False

    def __init__(self, name: str, about: str, promises: Iterable[str]) -> None:
        self.name, self.about = name, about
        self._promises = frozenset(promises)

    def promises(self, technique: str) -> bool:
        """Return whether this method claims to stop the technique called so."""
        return technique in self._promises or self._promises == {EVERYTHING}

    def start(self, stage: Stage) -> Jailed:
        """Make the jail on the stage and start the attempts' process in it."""
        raise NotImplementedError

    def read(self, root: str, path: str) -> bytes:
        """Return the content of file ``path`` below ``root`` as a tool of this method's reads it; raises OSError."""
        raise NotImplementedError


class Cell:
    """What one technique came to in one method: ``outcome``, the ``mechanism`` in words, errno (0: none), seconds.

    ``promised``: the method claims to stop this technique.
    """

    __slots__ = ("errno", "mechanism", "method", "outcome", "promised", "seconds", "technique")

    def __init__(
        self, technique: str, method: str, outcome: str, mechanism: str, *, errno: int = 0, seconds: float = 0.0,
        promised: bool = False,
    ) -> None:  # fmt: skip
        self.technique, self.method, self.outcome, self.mechanism = technique, method, outcome, mechanism
        self.errno, self.seconds, self.promised = errno, seconds, promised

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}


class Matrix:
    """All cells, by (technique, method), and one cell per technique for its control."""

    def __init__(
        self, techniques: list[str], methods: list[str], cells: Iterable[Cell], controls: Iterable[Cell]
    ) -> None:
        self.techniques, self.methods = techniques, methods
        self.cells = {(cell.technique, cell.method): cell for cell in cells}
        self.controls = {cell.technique: cell for cell in controls}

    def broken(self) -> list[Cell]:
        """Return the controls that did not escape though they must, and the attempts that failed of themselves."""
        silent = [cell for cell in self.controls.values() if cell.outcome not in (ESCAPED, NOT_APPLICABLE)]
        return silent + [cell for cell in self.cells.values() if cell.outcome == BROKEN]

    def against_promise(self) -> list[Cell]:
        """Return the escapes from methods that promise to stop them."""
        return [cell for cell in self.cells.values() if cell.outcome == ESCAPED and cell.promised]

    def exit_code(self) -> int:
        """Return 3 when the detector is broken somewhere, 1 for an escape against a promise, else 0."""
        return 3 if self.broken() else 1 if self.against_promise() else 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        rows = [self.cells[technique, method].as_dict() for technique in self.techniques for method in self.methods]
        return {"cells": rows, "controls": [cell.as_dict() for cell in self.controls.values()],
                "exit_code": self.exit_code()}  # fmt: skip
