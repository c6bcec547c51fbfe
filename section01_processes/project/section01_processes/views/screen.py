"""A full screen for live views: lines out by rich's Live, keys in one by one, the terminal as it was at the end.

What belongs here: the terminal. What does not: what the lines say. The owner of a Screen is a ``with`` statement; it
restores the terminal on every way out that a program can see (return, error, Ctrl-C, SIGTERM, SIGHUP), and around
Ctrl-Z, which stops us with the terminal in order and goes on with a fresh screen.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from rich.live import Live

#: What terminals send for keys that have no character (xterm's control sequences, in both modes of the cursor keys).
KEYS = {
    b"\x1b[A": "up", b"\x1bOA": "up", b"\x1b[B": "down", b"\x1bOB": "down", b"\x1b[5~": "page up",
    b"\x1b[6~": "page down", b"\x1b[H": "home", b"\x1bOH": "home", b"\x1b[1~": "home", b"\x1b[F": "end",
    b"\x1bOF": "end", b"\x1b[4~": "end", b"\x7f": "backspace", b"\x08": "backspace", b"\r": "enter", b"\n": "enter",
    b"\x1b": "escape", b"\x0c": "redraw",
}  # fmt: skip
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def can_draw() -> bool:
    """Whether standard output is a terminal on which a full screen makes sense."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")


class Screen:
    """The alternate screen of standard output, and the keys of standard input where that is a terminal."""

    def __init__(self) -> None:
        self._keyboard = sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else -1
        self._modes: list[Any] = []
        self._handlers: dict[int, Any] = {}
        self._live: Live | None = None
        self._typed: list[str] = []
        self._stopped = False
        self._ending = 0
        self._wakeup = (-1, -1)

    def __enter__(self) -> Screen:  # noqa: PYI034
        # Handlers only note what came: an exception out of the middle of anything could leave a half-drawn screen, or
        # be lost in a destructor. A signal also writes its number to this pipe, so that select returns.
        self._wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in ENDING:
            self._handlers[number] = signal.signal(number, self._note_end)
        self._handlers[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, lambda *_: None)
        self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._note_stop)
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        for fd in self._wakeup:
            os.close(fd)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as the terminal says; COLUMNS and LINES may be those of another time."""
        return os.get_terminal_size(sys.stdout.fileno())

    def show(self, lines: Sequence[tuple[str, str]]) -> None:
        """Draw ``(text, style)`` lines, cut to the screen; ``style`` is one of rich's, or empty."""
        from rich.text import Text

        columns, rows = self.size
        self._console().size = (columns, rows)
        picture = Text(no_wrap=True, overflow="ellipsis", end="")
        for number, (text, style) in enumerate(lines[:rows]):
            picture.append(("\n" if number else "") + _padded(text, columns, style), style or None)
        if self._live:
            self._live.update(picture, refresh=True)

    def key(self, seconds: float) -> str:
        """Return the next key, by its name or character; empty after ``seconds``, or when the window has changed.

        Ctrl-C is the key ``interrupt``. Raises SystemExit with 128 + n when signal n (SIGTERM, SIGHUP) asks us to end.
        """
        until = time.monotonic() + seconds
        while not self._typed or self._ending:
            ready, _, _ = select.select(
                [fd for fd in (self._keyboard, self._wakeup[0]) if fd >= 0], [], [], max(0, until - time.monotonic())
            )
            if self._wakeup[0] in ready:
                os.read(self._wakeup[0], 4096)
            if self._stopped:
                self._stop()
            if self._ending == signal.SIGINT:
                return "interrupt"
            if self._ending:
                sys.exit(128 + self._ending)
            if self._keyboard in ready:
                self._typed += split_keys(os.read(self._keyboard, 256)) or ["q"]  # nothing: the terminal has gone
            elif ready or time.monotonic() >= until:
                return ""
        return self._typed.pop(0)

    def _console(self) -> Any:
        from rich.console import Console

        if not hasattr(self, "_rich"):
            self._rich = Console(highlight=False)
        return self._rich

    def _open(self) -> None:
        """Take the terminal: no echo, no lines, the alternate screen, no cursor."""
        from rich.live import Live

        if self._keyboard >= 0:
            self._modes = termios.tcgetattr(self._keyboard)
            tty.setcbreak(self._keyboard, termios.TCSADRAIN)  # Ctrl-C and Ctrl-Z stay signals
        self._live = Live(console=self._console(), screen=True, auto_refresh=False,
                          redirect_stdout=False, redirect_stderr=False)  # fmt: skip
        self._live.start()

    def _close(self) -> None:
        """Give the terminal back as it was; it may be gone already."""
        try:
            if self._live:
                self._live.stop()
            if self._modes:
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._modes)
        except (OSError, termios.error):
            pass
        self._live = None

    def _note_end(self, number: int, _: FrameType | None) -> None:
        if self._ending:  # somebody asks again: we are stuck
            sys.exit(128 + number)
        self._ending = number

    def _note_stop(self, *_: object) -> None:
        self._stopped = True

    def _stop(self) -> None:
        """Stop as Ctrl-Z stops anybody, with the terminal in order; come back when somebody continues us."""
        self._stopped = False
        self._close()
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # the others of our job have got theirs
        signal.signal(signal.SIGTSTP, handler)
        self._open()


def _padded(text: str, columns: int, style: str) -> str:
    """Return ``text`` cut to the width; with a style (a bar) filled up to it."""
    from .text import fit

    text = fit(text, columns)
    if "reverse" not in style:
        return text
    from rich.cells import cell_len

    return text + " " * (columns - cell_len(text))


def split_keys(data: bytes) -> list[str]:
    """Return the names or characters of the keys whose bytes were read together. Pure."""
    found = []
    while data:
        size = next((n for n in (4, 3) if data[:n] in KEYS), 0)
        if size:
            found.append(KEYS[data[:size]])
        elif data[:1] == b"\x1b" and data[1:2] in (b"[", b"O"):  # a key that we do not know: leave it out whole
            size = next((n for n in range(2, len(data)) if 0x40 <= data[n] <= 0x7E), len(data) - 1) + 1
        elif data[:1] in KEYS:
            size = 1
            found.append(KEYS[data[:1]])
        else:
            first = data[0]
            size = 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
            found.append(data[:size].decode(errors="replace"))
        data = data[size:]
    return found


class Scroll:
    """Which part of a long list is shown: ``top`` is the first line of it."""

    __slots__ = ("page", "top")

    def __init__(self) -> None:
        self.top = 0
        self.page = 1

    def move(self, key: str) -> bool:
        """Move by a key; False when it is not a key for that."""
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -self.page, "page down": self.page,
                 "home": -(1 << 40), "end": 1 << 40}  # fmt: skip
        self.top += steps.get(key, 0)
        return key in steps

    def part(self, total: int, page: int) -> slice:
        """Return the part of ``total`` lines to show on ``page`` lines; never beyond the end."""
        self.page = max(page, 1)
        self.top = max(0, min(self.top, total - self.page))
        return slice(self.top, self.top + self.page)
