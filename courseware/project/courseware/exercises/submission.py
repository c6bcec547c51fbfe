"""A submission's files: taken from the learner's folder with suspicion, and put where they can only be read.

What belongs here: which files count, and copying them and the modules that an exercise provides. What does not:
running anything. Nothing is followed: a submission consists of regular files below its folder, or it is refused.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from .model import Exercise, ExerciseError, Mutant

LAB = Path(__file__).parents[2] / "lab.py"
Problem = tuple[str, str]  # what is wrong, what to do
LARGEST = 1024**2
START = "./course ex start {} makes one"
DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# What editors and Python leave lying about; everything else that the exercise does not name is refused.
IGNORED_FOLDERS = ("__pycache__",)
IGNORED_ENDS = ("~", ".pyc", ".swp")


def read_submission(exercise: Exercise, folder: Path | str) -> dict[str, bytes]:
    """Return the bytes of each of the exercise's files in ``folder``.

    Raises ExerciseError, naming the file and what to do, if one is missing, further ones are there, or one is a
    symbolic link, no regular file, or larger than 1 MiB. Hidden files and what IGNORED_… names do not count.
    """
    folder = Path(folder)
    try:
        found = dict(_walk(exercise, os.open(folder, os.O_DIRECTORY | os.O_CLOEXEC), ""))
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ExerciseError(
            f"{folder}: this folder cannot be read: {reason}", hint=START.format(exercise.id)
        ) from error
    for name in exercise.files:
        if name not in found:
            raise _refused(exercise, folder, name, "is missing", f"a submission is {', '.join(exercise.files)}")
    for name, problem in found.items():
        if isinstance(problem, tuple):
            raise _refused(exercise, folder, name, *problem)
    return {name: data for name, data in found.items() if isinstance(data, bytes)}


def _refused(exercise: Exercise, folder: Path, name: str, problem: str, hint: str) -> ExerciseError:
    return ExerciseError(f"{exercise.id}: {folder / name} {problem}; nothing was run", hint=hint)


def _walk(exercise: Exercise, fd: int, prefix: str) -> Iterator[tuple[str, bytes | Problem]]:
    """Yield path and bytes of each entry of the folder open on ``fd``, or what is wrong with it. Closes ``fd``."""
    try:
        for name in sorted(os.listdir(fd)):
            if name.startswith(".") or name.endswith(IGNORED_ENDS) or name in IGNORED_FOLDERS:
                continue
            path = prefix + name
            if any(file.startswith(path + "/") for file in exercise.files):
                try:
                    yield from _walk(exercise, os.open(name, DIRECTORY, dir_fd=fd), path + "/")
                except OSError:  # ENOTDIR, ELOOP
                    yield path, ("is not a folder", "put a folder in its place")
            elif path in exercise.files:
                yield path, _bytes(fd, name)
            else:
                yield (
                    path,
                    ("is not one of the exercise's files", f"move it out: only {', '.join(exercise.files)} counts"),
                )
    finally:
        os.close(fd)


def _bytes(folder: int, name: str) -> bytes | Problem:
    """Return the file's bytes, or what is wrong with it."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "is a symbolic link", "put the file itself in its place"
        return f"cannot be read ({os.strerror(error.errno or 0).lower()})", "put a regular file in its place"
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return "is not a regular file", "put a regular file in its place"
    with open(fd, "rb") as file:
        data = file.read(LARGEST + 1)
    return data if len(data) <= LARGEST else ("is larger than 1 MiB", "an answer is source code")


def write_submission(files: dict[str, bytes], target: Path) -> None:
    """Make the folder ``target`` with ``files`` in it, readable for everybody and writable for nobody."""
    target.mkdir(mode=0o755)
    for name, data in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o444)
    for folder in [*(p for p in target.rglob("*") if p.is_dir()), target]:
        folder.chmod(0o555)


def write_modules(exercise: Exercise, target: Path) -> None:
    """Make the folder ``target`` that holds the modules which the exercise provides, and nothing else.

    Raises ExerciseError for one that is not installed.
    """
    target.mkdir(mode=0o755)
    for name in exercise.provides:
        if name == "lab":  # ours, whatever else is called so on this machine
            shutil.copyfile(LAB, target / LAB.name)
            continue
        found = importlib.util.find_spec(name) if name.isidentifier() else None
        if found is None or found.origin is None:
            file = exercise.folder / "exercise.toml"
            raise ExerciseError(f"{file}: provides: no module {name!r} is installed here", hint="lab always is")
        origin = Path(found.origin)
        if found.submodule_search_locations:
            shutil.copytree(origin.parent, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(origin, target / origin.name)
    target.chmod(0o555)


def write_mutant(exercise: Exercise, mutant: Mutant, target: Path) -> Path:
    """Make the folder ``target``: the solution, the mutant's files laid over it. Return it. Raises ExerciseError."""
    for name in mutant.files:
        if name not in exercise.files:
            raise _refused(exercise, mutant.folder, name, "is not one of the exercise's files", "rename or remove it")
    if not mutant.files:
        raise ExerciseError(f"{mutant.folder}: lays no file over the solution", hint="a mutant changes at least one")
    files = read_submission(exercise, exercise.solution)
    write_submission({**files, **{name: (mutant.folder / name).read_bytes() for name in mutant.files}}, target)
    return target


def remove_folder(folder: Path) -> None:
    """Remove ``folder`` and all below, folders that cannot be written included. Nothing in it is followed."""
    for path, names, _ in os.walk(folder):
        for name in [".", *names]:
            inner = os.path.join(path, name)
            if not os.path.islink(inner):
                os.chmod(inner, 0o700)
    shutil.rmtree(folder, ignore_errors=True)
