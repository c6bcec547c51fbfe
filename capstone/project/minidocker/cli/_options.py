"""What several commands ask of their flags.

What belongs here: those questions. What does not: the flags (``_flags.py``), their meanings (``translate/``).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that were given, without those that were not."""
    return {name: value for name, value in values.items() if value is not None and value != () and value is not False}


def wants_terminal(*, tty: bool, interactive: bool, keys: str) -> None:
    """Raise UsageError for detach keys that are none, and for -t with -i when stdin is no terminal, as Docker does."""
    import os

    from minidocker.shimterminal import parse_detach_keys
    from section01_processes import UsageError

    parse_detach_keys(keys)

    if tty and interactive and not os.isatty(0):
        raise UsageError("the input device is not a TTY", hint="leave out -t when stdin is a pipe or file", exit_code=1)
