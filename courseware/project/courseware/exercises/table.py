"""A TOML file, taken apart key by key, each complaint naming file and field. Pure but for reading the file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

from section01_processes import LcmError

UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


class ExerciseError(LcmError):
    """Something is wrong with an exercise's folder or with a submission; the message names file and field."""

    exit_code = 2


class Table:
    """A TOML table that is taken apart key by key; ``end`` complains about keys that nobody took."""

    SIZES = ("memory", "file_size", "output")

    def __init__(self, path: Path, values: dict[str, Any], prefix: str = "") -> None:
        self.path, self.values, self.prefix = path, dict(values), prefix
        self.taken: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a file. Raises ExerciseError if it is not there or is not TOML."""
        try:
            return cls(path, tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            hint = "an exercise's folder holds one; docs/reference/exercises.md shows the format"
            raise ExerciseError(f"{path}: cannot be read: {error.strerror}", hint=hint) from error
        except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError
            raise ExerciseError(f"{path}: is not TOML: {error}", hint="correct the line") from error

    def error(self, key: str, problem: str, hint: str) -> ExerciseError:
        """Return the error that names file and field."""
        return ExerciseError(f"{self.path}: {self.prefix}{key}: {problem}", hint=hint)

    def _take(self, key: str, kind: type, default: Any, what: str) -> Any:
        self.taken.add(key)
        if key not in self.values and default is not None:
            return default
        if key not in self.values:
            raise self.error(key, "is missing", f"add it: {what}")
        value = self.values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"{value!r} is a {type(value).__name__}", f"it must be {what}")
        return value

    def text(self, key: str, expected: str = "", *, optional: bool = False) -> str:
        """Take a string that is not empty, and is ``expected`` if that is given; ``optional``: "" if there is none."""
        if optional and key not in self.values:
            return ""
        value: str = self._take(key, str, None, "a string")
        if not value.strip():
            raise self.error(key, "is empty", "write one sentence or name")
        if expected and value != expected:
            raise self.error(key, f"is {value!r}", f"for this folder and section it is {expected!r}")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """Take one of ``choices``."""
        value: str = self._take(key, str, None, "a string")
        if value not in choices:
            raise self.error(key, f"is {value!r}", f"one of {', '.join(choices)}")
        return value

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Take a whole number from ``low`` to ``high``."""
        value: int = self._take(key, int, default, f"a whole number from {low} to {high}")
        if not low <= value <= high:
            raise self.error(key, f"is {value}", f"it must be from {low} to {high}")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Take a list of different strings."""
        value = self._take(key, list | tuple, default, "a list of strings")  # type: ignore[arg-type]
        if not all(isinstance(x, str) and x for x in value) or len(set(value)) != len(value):
            raise self.error(key, f"is {value!r}", "it must be a list of different strings, none empty")
        return tuple(value)

    def paths(self, key: str) -> tuple[str, ...]:
        """Take a list of relative paths of files."""
        names = self.texts(key)
        if not names:
            raise self.error(key, "is empty", "name the files that a submission consists of")
        for name in names:
            pure = PurePosixPath(name)
            if pure.is_absolute() or ".." in pure.parts or str(pure) != name or "\0" in name:
                raise self.error(key, f"{name!r} is not a plain relative path", "write it like box.py or box/run.py")
        return names

    def needs(self, key: str) -> tuple[str, ...]:
        """Take a list of names that ``courseware.needs`` can try."""
        from courseware.needs import CHECKS

        names = self.texts(key)
        for name in names:
            if name.partition(":")[0] not in CHECKS:
                raise self.error(key, f"{name!r} is not known", f"one of {', '.join(CHECKS)}")
        return names

    def size(self, key: str, default: int) -> int:
        """Take a size, ``"256M"``, in bytes."""
        text = self._take(key, str, str(default), 'a size like "256M"')
        match = re.fullmatch(r"([1-9][0-9]{0,14})([KMG]?)", text)
        if not match:
            raise self.error(key, f"is {text!r}", 'a size is a number and K, M or G: "256M"')
        return int(match[1]) * UNITS[match[2]]

    def table(self, key: str, default: dict[str, Any] | None = None) -> Table:
        """Take a table inside this one."""
        return Table(self.path, self._take(key, dict, default, "a table"), f"{self.prefix}{key}.")

    def end(self) -> None:
        """Raise ExerciseError if there is a key that nobody took."""
        for key in self.values:
            if key not in self.taken:
                raise self.error(key, "is not known", f"the keys are {', '.join(sorted(self.taken))}")
