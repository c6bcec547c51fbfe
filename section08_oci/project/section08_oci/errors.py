"""The errors of section 8.

OciError (LcmError)
├── SpecError              config.json is not what the OCI runtime spec asks for
├── IllegalTransition      the container's state does not allow the operation
├── ContainerNotFound      no state folder of that id
├── ContainerExists        the id is in use
├── StartError             the init ended, or never reached its program, after the gate was opened
├── PeerDied               child or init ended without a word
└── InsideError            what child or init reported before it ended (errno, exit code, stumbling block)

What belongs here: the tree, and how an error crosses from one process to another. What does not: printing it.
"""

from __future__ import annotations

from section01_processes import LcmError, format_json, parse_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class OciError(LcmError):
    """The base of this section's errors."""


class SpecError(OciError):
    """config.json is not what the runtime spec asks for."""


class IllegalTransition(OciError):
    """The container's state does not allow the operation."""


class ContainerNotFound(OciError):
    """No container of that id under this root."""


class ContainerExists(OciError):
    """The id is in use."""


class StartError(OciError):
    """The init ended, or could not execute its program, after the gate was opened."""


class PeerDied(OciError):
    """Child or init ended without a word: killed, or out of memory."""


class InsideError(OciError):
    """An error that happened in the child or the init, with what they knew about it."""

    def __init__(self, message: str, *, process: str = "", step: str = "", errno: int = 0, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.process = process
        self.step = step
        self.errno = errno


def pack_error(error: BaseException, process: str) -> bytes:
    """Return ``error`` as the payload of an error message: JSON, small enough for one packet."""
    notes = getattr(error, "__notes__", ())
    message = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
    return format_json(
        {
            "process": process,
            "step": str(notes[0])[:400] if notes else "",
            "message": message[:2000],
            "errno": getattr(error, "errno", None) or 0,
            "exit_code": exit_code_of(error),
            "hint": getattr(error, "hint", "")[:1000],
            "explain": getattr(error, "explain", ""),
        }
    ).encode("utf-8", "backslashreplace")


def unpack_error(payload: bytes) -> InsideError:
    """Return the error that ``pack_error`` packed in another process."""
    value: dict[str, Any] = parse_json(payload.decode("utf-8", "replace"))
    error = InsideError(
        value["message"],
        process=value["process"],
        step=value["step"],
        errno=value["errno"],
        hint=value["hint"],
        explain=value["explain"],
        exit_code=value["exit_code"],
    )
    if error.step:
        error.add_note(error.step)
    return error


def exit_code_of(error: BaseException) -> int:
    """Return the exit code that ``error`` leads to: its own, or 125 for what nobody foresaw."""
    code = getattr(error, "exit_code", 125)
    return code if isinstance(code, int) and 0 < code < 256 else 125
