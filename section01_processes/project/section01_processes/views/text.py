"""Text that comes from strangers, made fit for a terminal: a process may be named like an escape sequence.

What belongs here: making names harmless, measuring and cutting them by terminal cells, colour and its absence.
What does not: what is shown.
"""

from __future__ import annotations

import os
import sys

#: SGR codes (ECMA-48) of the few styles in use. Colour repeats what words say; it never says anything alone.
STYLES = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def harmless(text: str) -> str:
    r"""Return ``text`` with everything unprintable written as an escape: ``\x1b``, ``\u202e``, ``\xff``.

    Control characters, escape sequences, marks that turn the direction of writing, and bytes that are not UTF-8
    (surrogates, as surrogateescape leaves them) lose their power; blanks and letters of any language stay.
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    """Return the escape of one unprintable character; a lone byte gets the form of a byte."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def valid_text(text: str) -> str:
    r"""Return ``text`` as valid Unicode, for JSON: a byte that is not UTF-8 becomes ``\xNN``, all else stays."""
    return text if text.isascii() else os.fsencode(text).decode("utf-8", "backslashreplace")


def fit(text: str, width: int) -> str:
    """Cut ``text`` to ``width`` terminal cells, the last of them an ellipsis where something was cut."""
    if len(text) <= width and text.isascii():
        return text
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + ("…" if width > 0 else "")


def wants_colour(stream: object = None) -> bool:
    """Whether ``stream`` (default: standard output) may be coloured: a terminal, and NO_COLOR (no-color.org) unset."""
    stream = stream or sys.stdout
    terminal = getattr(stream, "isatty", lambda: False)()
    return bool(terminal) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, colour: bool) -> str:
    """Return ``text`` in ``style`` (a name of STYLES) when ``colour``, else as it is."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if colour and style else text


def has_line_art(stream: object = None) -> bool:
    """Whether ``stream`` (default: standard output) can show the characters that draw lines."""
    try:
        "├─└│…".encode(getattr(stream or sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
