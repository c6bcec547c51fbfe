"""What an exercise is: ``exercise.toml`` and ``mutant.toml``, read and checked field by field.

What belongs here: the folder's data as values. What does not: whether the data are true (``verify.py``), running.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

from section01_processes import LcmError

ROLES = ("warm-up", "core", "thread", "stretch")
# The first word of an exercise's id, by section; 11 is the capstone.
SHORT = {1: "proc", 2: "ns", 3: "cg", 4: "fs", 5: "im", 6: "net", 7: "sec", 8: "oci", 9: "init", 10: "orch", 11: "mini"}
UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


class ExerciseError(LcmError):
    """Something is wrong with an exercise's folder or with a submission; the message names file and field."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What a submission may use. Bytes, except ``seconds`` (wall clock of one start) and ``processes`` (a number)."""

    seconds: float = 10
    memory: int = 256 * 1024**2
    processes: int = 64
    file_size: int = 16 * 1024**2
    output: int = 1024**2


@dataclass(frozen=True, slots=True)
class Mutant:
    """A typical wrong answer: files laid over the solution, and the tests that must see it."""

    name: str
    folder: Path
    why: str
    id: str
    fails: tuple[str, ...]
    passes: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """The files that it lays over the solution."""
        found = (p for p in self.folder.rglob("*") if not p.is_dir() and "__pycache__" not in p.parts)
        return sorted(p.relative_to(self.folder).as_posix() for p in found if p.name != "mutant.toml")

    @classmethod
    def read(cls, folder: Path) -> Mutant:
        """Read ``folder/mutant.toml``. Raises ExerciseError."""
        table = Table.read(folder / "mutant.toml")
        mutant = cls(
            folder.name,
            folder,
            table.text("why"),
            table.text("id"),
            table.texts("fails"),
            table.texts("passes", ()),
        )
        table.end()
        if not mutant.fails:
            raise table.error("fails", "is empty", "name the tests that must fail with this mutant")
        return mutant


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise's folder. ``file`` and ``function`` are the two halves of ``entry`` (``function`` may be empty)."""

    folder: Path
    id: str
    title: str
    section: int
    role: str
    goal: str
    difficulty: int
    minutes: int
    requires: tuple[str, ...]
    teaches: tuple[str, ...]
    files: tuple[str, ...]
    entry: str
    provides: tuple[str, ...]
    programs: tuple[str, ...]
    needs: tuple[str, ...]
    limits: Limits
    points: int
    mutants: list[Mutant]

    @classmethod
    def read(cls, folder: Path | str) -> Exercise:
        """Read ``folder/exercise.toml`` and the mutants. Raises ExerciseError: file, field, problem, remedy."""
        folder = Path(folder).absolute()
        table = Table.read(folder / "exercise.toml")
        if table.integer("schema", 1, 1000) != 1:
            raise table.error("schema", "is not 1", "this course knows schema 1 only")
        section = table.integer("section", 1, 11)
        exercise = cls(
            folder=folder,
            id=table.text("id", f"{SHORT[section]}-{folder.name.replace('_', '-')}"),
            title=table.text("title"),
            section=section,
            role=table.choice("role", ROLES),
            goal=table.text("goal"),
            difficulty=table.integer("difficulty", 1, 5),
            minutes=table.integer("minutes", 1, 600),
            requires=table.texts("requires"),
            teaches=table.texts("teaches"),
            files=table.paths("files"),
            entry=table.text("entry"),
            provides=table.texts("provides", ("lab",)),
            programs=table.texts("programs", ()),
            needs=table.needs("needs"),
            limits=_limits(table.table("limits", {})),
            points=_points(table.table("grading")),
            mutants=_mutants(folder),
        )
        table.end()
        _check_entry(exercise, table)
        return exercise

    @property
    def file(self) -> str:
        """The file that is started, or that holds the function."""
        return self.entry.partition(":")[0]

    @property
    def function(self) -> str:
        """The name of the function that is called; empty for a program."""
        return self.entry.partition(":")[2]

    @property
    def starter(self) -> Path:
        """The folder that a learner starts from."""
        return self.folder / "starter"

    @property
    def solution(self) -> Path:
        """The folder of the reference solution; a learner's bundle has none."""
        return self.folder / "solution"

    @property
    def tests(self) -> Path:
        """The folder of the tests."""
        return self.folder / "tests"

    @property
    def hints(self) -> list[Path]:
        """The files of the hints, in their order."""
        return sorted((p for p in self.folder.glob("hints/*.md") if p.stem.isdigit()), key=lambda p: int(p.stem))


def _check_entry(exercise: Exercise, table: Table) -> None:
    if exercise.file not in exercise.files:
        raise table.error("entry", f"names {exercise.file!r}, which is not in files", f"one of {list(exercise.files)}")
    if ":" in exercise.entry and not exercise.function.isidentifier():
        raise table.error("entry", f"{exercise.function!r} is no name of a function", 'write "parse.py:parse"')


def _mutants(folder: Path) -> list[Mutant]:
    return [Mutant.read(p) for p in sorted((folder / "mutants").glob("*")) if p.is_dir() and p.name != "__pycache__"]


def _limits(table: Table) -> Limits:
    default = Limits()
    limits = Limits(
        seconds=table.integer("seconds", 1, 120, int(default.seconds)),
        processes=table.integer("processes", 1, 4096, default.processes),
        **{f.name: table.size(f.name, getattr(default, f.name)) for f in fields(Limits) if f.name in Table.SIZES},
    )
    table.end()
    return limits


def _points(table: Table) -> int:
    points = table.integer("points", 1, 1000)
    table.end()
    return points


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

    def text(self, key: str, expected: str = "") -> str:
        """Take a string that is not empty, and is ``expected`` if that is given."""
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
