"""Becoming a program of the current root, and the reason when the kernel refuses: its ENOENT has three meanings.

What belongs here: execve as a step, and reading from the file what was missing. What does not: the call itself, and
the last mile before it (section 1).
"""

from __future__ import annotations

import os

from section01_processes import (
    LcmError,
    ProgramNotExecutable,
    ProgramNotFound,
    action,
    exec_program,
    find_program,
    warn,
)

from .elf import ElfFile
from .errors import FilesystemError
from .libraries import LibraryFinder
from .scripts import LONGEST_LINE, interpreter_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BLOCK = "LCM-FS-03"
_REMEDY = "put it into the root, with its libraries (jailman create --with does), or use a static program"


@action("execve(2)")
def execute(argv: Sequence[str], env: Sequence[str], path: str) -> None:
    """Become program ``argv[0]`` of the current root, found along ``path``, with the environment ``env`` (``K=V``).

    A library that is not in the root is a warning: only the program's loader knows for sure. Raises ProgramNotFound
    (127) or ProgramNotExecutable (126), saying what is missing.
    """
    file = find_program(argv[0], path, "/")
    if missing := missing_library(file):
        warn(f"{missing} [see ./course explain {_BLOCK}]")
    try:
        exec_program([file, *argv[1:]], env, argv0=argv[0])
    except LcmError as error:
        raise explained(error, file) from None


def missing_library(path: str) -> str:
    """Return which library of program ``path`` is missing in the current root, or ""."""
    try:
        LibraryFinder().closure(path)
    except FilesystemError as error:
        return error.message if "library" in error.message else ""
    except OSError:
        pass
    return ""


def explained(error: LcmError, path: str) -> LcmError:
    """Return ``error`` of an execve of ``path`` with the reason that the file itself tells; else ``error``."""
    try:
        with open(path, "rb") as file:
            head = file.read(LONGEST_LINE)
        if isinstance(error, ProgramNotFound):
            return _without_interpreter(path, head) or error
        return _of_another_kind(path, head) or error
    except OSError:
        return error
    except FilesystemError as damaged:
        return ProgramNotExecutable(f"exec {path}: {damaged.message}", explain=_BLOCK)


def _without_interpreter(path: str, head: bytes) -> LcmError | None:
    """Return that the interpreter of the script or program is missing, if it is."""
    words = interpreter_line(head).split(" ")
    if words[0] and not os.path.exists(words[0]):
        hint = _REMEDY
        if words[0].endswith("\r"):
            hint = "its lines end with carriage returns, as Windows writes them; they belong to the name"
        text = f"exec {path}: the script's interpreter {words[0]!r} is not in the root"
        return ProgramNotFound(text, hint=hint, explain=_BLOCK)
    elf = ElfFile.read(path)
    if elf is not None and elf.interpreter and not os.path.exists(elf.interpreter):
        text = f"exec {path}: its ELF interpreter {elf.interpreter} is not in the root"
        foreign = _foreign(elf)
        return ProgramNotFound(text, hint=f"{foreign}; {_REMEDY}" if foreign else _REMEDY, explain=_BLOCK)
    return None


def _of_another_kind(path: str, head: bytes) -> LcmError | None:
    """Return that the file is for another machine, or no program at all (ENOEXEC), if it is so."""
    if head.startswith(b"#!"):
        return None
    elf = ElfFile.read(path)
    if elf is None:
        text = f"exec {path}: neither an ELF program nor a script that begins with #!"
        return ProgramNotExecutable(text, explain=_BLOCK)
    foreign = _foreign(elf)
    return ProgramNotExecutable(f"exec {path}: {foreign}", explain=_BLOCK) if foreign else None


def _foreign(elf: ElfFile) -> str:
    mine = os.uname().machine
    return f"it is a program for {elf.machine_name}, this machine is {mine}" if elf.machine_name != mine else ""
