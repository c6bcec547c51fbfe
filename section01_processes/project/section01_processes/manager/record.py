"""The two files that a named process has: what to run (``spec.json``), and how it stands (``state.json``).

What belongs here: their fields, written down as tables, and reading them with every field checked. What does not:
where they lie (``place.py``) and who writes them when: the spec is written once by the command that names the process,
the state by its supervisor at each transition, both by rename (``files.write_file``).
"""

from __future__ import annotations

from ..errors import LcmError
from ..files import format_json, read_json, write_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self

    Fields = dict[str, tuple[tuple[type, ...], Any]]

VERSION = 1
NUMBER = (int, float)


class Record:
    """Fields by name, each with the types it may have and its first value (subclasses say which: FIELDS)."""

    __slots__ = ()
    FIELDS: ClassVar[Fields] = {}

    def __init__(self, **values: Any) -> None:
        for name, (_, first) in self.FIELDS.items():
            setattr(self, name, values.pop(name, first))
        if values:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(values))!r}")

    @classmethod
    def read(cls, path: str) -> Self:
        """Read it from the JSON file ``path``. Raises OSError, LcmError (damaged: which field, what it should be)."""
        value = read_json(path)
        if not isinstance(value, dict):
            raise LcmError(f"{path}: an object is expected")
        if value.pop("version", None) != VERSION:
            raise LcmError(f"{path}: field 'version': {VERSION} is expected")
        for name, (types, _) in cls.FIELDS.items():
            if name not in value:
                raise LcmError(f"{path}: field {name!r} is missing")
            if type(value[name]) not in types:  # not isinstance: JSON's true is no number
                words = " or ".join("null" if t is type(None) else t.__name__ for t in types)
                raise LcmError(f"{path}: field {name!r}: {words} is expected")
        return cls(**{name: value[name] for name in cls.FIELDS})

    def write(self, path: str) -> None:
        """Write it to ``path``, 0600, whole or not at all. Raises OSError."""
        write_file(path, format_json({"version": VERSION, **self.as_dict()}) + "\n")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.FIELDS}


class Spec(Record):
    """What to run: everything that a start, or a restart, needs.

    ``path``: the program's file; ``env``: ``K=V``; ``limits``: ``[name, soft, hard]`` each; ``size``: rows and columns
    of the terminal; ``log_size`` in bytes (0: never rotated), ``log_files``: how many files in all.
    """

    FIELDS: ClassVar[Fields] = {
        "path": ((str,), ""),
        "argv": ((list,), ()),
        "env": ((list,), ()),
        "cwd": ((str,), "/"),
        "limits": ((list,), ()),
        "nice": ((int, type(None)), None),
        "pty": ((bool,), False),
        "size": ((list,), (24, 80)),
        "restart": ((str,), "no"),
        "log": ((str,), ""),
        "log_size": ((int,), 0),
        "log_files": ((int,), 1),
    }
    __slots__ = tuple(FIELDS)
    path: str
    argv: list[str]
    env: list[str]
    cwd: str
    limits: list[tuple[str, int, int]]
    nice: int | None
    pty: bool
    size: list[int]
    restart: str
    log: str
    log_size: int
    log_files: int


class Status(Record):
    """How it stands: the last transition, as the supervisor recorded it.

    ``supervisor``: its identity in text form ("": none); ``exit_code``: of the last run that ended, None
    where none has or nobody knows; ``stopped``: ended at the user's wish; ``changed``: seconds since the epoch.
    """

    FIELDS: ClassVar[Fields] = {
        "state": ((str,), "starting"),
        "supervisor": ((str,), ""),
        "restarts": ((int,), 0),
        "exit_code": ((int, type(None)), None),
        "stopped": ((bool,), False),
        "delay": (NUMBER, 0.0),
        "changed": (NUMBER, 0.0),
        "error": ((str,), ""),
    }
    __slots__ = tuple(FIELDS)
    state: str
    supervisor: str
    restarts: int
    exit_code: int | None
    stopped: bool
    delay: float
    changed: float
    error: str
