"""What an exercise is: ``exercise.toml`` and ``mutant.toml``, read and checked field by field.

What belongs here: the folder's data as values. What does not: whether the data are true (``proof.py``), running.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from .table import ExerciseError, Table

__all__ = ["ROLES", "SHORT", "Exercise", "ExerciseError", "Limits", "Mutant"]

ROLES = ("warm-up", "core", "thread", "stretch")
# The first word of an exercise's id, by section; 11 is the capstone.
SHORT = {1: "proc", 2: "ns", 3: "cg", 4: "fs", 5: "im", 6: "net", 7: "sec", 8: "oci", 9: "init", 10: "orch", 11: "mini"}


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
            table.text("id", optional=True),
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
