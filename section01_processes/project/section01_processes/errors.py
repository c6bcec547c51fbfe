"""The errors of the project's base and of section 1.

LcmError                       every error that the project raises on purpose
├── SyscallError (OSError)     a system call failed: which, with what, and what to try
├── UsageError                 the caller asked for something that cannot be (exit code 125)
├── ProgramNotFound            no such program (127)
├── ProgramNotExecutable       there is one, but it cannot be executed (126)
└── ChildFailed                what a child reported before its execve (the child's exit code)

What belongs here: the tree, exit codes, how an error reads. What does not: printing it (the command line does).
"""

from __future__ import annotations

import os


class LcmError(Exception):
    """An error with the exit code it leads to, a hint and the id of a stumbling block.

    ``message`` is lower case, without full stop: subject, verb, object, reason. ``hint`` says what to try next.
    ``explain`` is the id of a stumbling block (``LCM-FS-01``; see ``./course explain ID``).
    """

    exit_code = 125

    def __init__(self, message: str, *, hint: str = "", explain: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.explain = explain
        if exit_code is not None:
            self.exit_code = exit_code

    def __str__(self) -> str:
        """Return the message, then the hint and the stumbling block in the same line."""
        text = self.message
        if self.hint:
            text += f" ({self.hint})"
        if self.explain:
            text += f" [see ./course explain {self.explain}]"
        return text


class UsageError(LcmError):
    """The caller asked for something that cannot be."""


class ProgramNotFound(LcmError):
    """No such program, by name along PATH or by path."""

    exit_code = 127


class ProgramNotExecutable(LcmError):
    """The program is there and cannot be executed: a folder, not allowed, or not a format the kernel knows."""

    exit_code = 126


class ChildFailed(LcmError):
    """A child failed before its execve, and said so through the report pipe; ``errno`` is 0 where there was none."""

    def __init__(self, message: str, *, errno: int = 0, exit_code: int = 125) -> None:
        super().__init__(message, exit_code=exit_code)
        self.errno = errno


class SyscallError(OSError, LcmError):
    """A failed system call: an OSError that names the call, its arguments and the object it was about."""

    def __init__(
        self,
        errno: int,
        call: str,
        arguments: tuple[object, ...] = (),
        *,
        about: str = "",
        hint: str = "",
        explain: str = "",
        exit_code: int = 125,
    ) -> None:
        OSError.__init__(self, errno, os.strerror(errno))
        self.call = call
        self.arguments = arguments
        self.about = about
        self.hint = hint
        self.explain = explain
        self.exit_code = exit_code

    @property
    def message(self) -> str:  # type: ignore[override]
        """The sentence: call, arguments, reason, and the object where the caller said it."""
        arguments = ", ".join(_show(a) for a in self.arguments)
        text = f"{self.call}({arguments}): {self.strerror} (errno {self.errno})"
        return f"{self.about}: {text}" if self.about else text

    def __str__(self) -> str:
        """Return the sentence with hint and stumbling block, as every LcmError does."""
        return LcmError.__str__(self)


def _show(value: object) -> str:
    """Return ``value`` as it is worth reading in an error: bytes as text (a struct as its size), the rest as repr."""
    if isinstance(value, bytes):
        if b"\0" in value:
            return f"<{len(value)} bytes>"
        return repr(os.fsdecode(value))
    return repr(value)
