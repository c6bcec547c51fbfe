"""Pseudo-terminals: make one, size it, give it to a session, and put the user's own terminal into raw mode.

What belongs here: ioctl_tty(2) and termios(3) as far as containers need them. What does not: copying bytes.
"""

from __future__ import annotations

import fcntl
import os
from _struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# asm-generic/ioctls.h: the same on x86_64 and aarch64.
TIOCSCTTY, TIOCGWINSZ, TIOCSWINSZ = 0x540E, 0x5413, 0x5414
TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER = 0x80045430, 0x40045431, 0x5441
WINSIZE = Struct("HHHH")  # struct winsize { unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel; }


def open_pty(ptmx: str = "/dev/ptmx") -> tuple[int, int]:
    """Return master and slave of a new pseudo-terminal, close-on-exec, controlling nobody yet. pty(7).

    The slave is opened through the master (TIOCGPTPEER), not by its name: after a pivot the name may mean another.
    """
    flags = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
    master = os.open(ptmx, flags)
    try:
        fcntl.ioctl(master, TIOCSPTLCK, Struct("i").pack(0))
        return master, fcntl.ioctl(master, TIOCGPTPEER, flags)
    except BaseException:
        os.close(master)
        raise


def pty_number(master: int) -> int:
    """Return N of the slave's name /dev/pts/N in the devpts that ``master`` was opened from. TIOCGPTN, ioctl_tty(2)."""
    number: int = Struct("i").unpack(fcntl.ioctl(master, TIOCGPTN, bytes(4)))[0]
    return number


def set_size(fd: int, rows: int, columns: int) -> None:
    """Set the window size; the foreground group gets SIGWINCH if it changed. TIOCSWINSZ(2const)."""
    fcntl.ioctl(fd, TIOCSWINSZ, WINSIZE.pack(rows, columns, 0, 0))


def get_size(fd: int) -> tuple[int, int]:
    """Return rows and columns. Raises OSError ENOTTY. TIOCGWINSZ(2const)."""
    rows, columns, _, _ = WINSIZE.unpack(fcntl.ioctl(fd, TIOCGWINSZ, bytes(8)))
    return rows, columns


def make_controlling_terminal(fd: int) -> None:
    """Make ``fd`` our session's controlling terminal; we must lead a session without one. TIOCSCTTY(2const)."""
    fcntl.ioctl(fd, TIOCSCTTY, 0)


class RawTerminal:
    """A terminal in raw mode for the length of a ``with``: keys arrive at once and unchanged, nothing is echoed.

    Not a terminal: nothing happens, and ``active`` is False. cfmakeraw(3).
    """

    __slots__ = ("_saved", "fd")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._saved: list[Any] | None = None

    @property
    def active(self) -> bool:
        """Whether the terminal is in raw mode now."""
        return self._saved is not None

    def __enter__(self) -> RawTerminal:  # noqa: PYI034 - Self would need typing
        import termios

        if os.isatty(self.fd):
            self._saved = termios.tcgetattr(self.fd)
            termios.tcsetattr(self.fd, termios.TCSADRAIN, raw_mode(self._saved))
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Give the terminal back as it was; harmless when called twice."""
        import termios

        if self._saved is not None:
            saved, self._saved = self._saved, None
            termios.tcsetattr(self.fd, termios.TCSADRAIN, saved)


def raw_mode(attributes: list[Any]) -> list[Any]:
    """Return ``attributes`` (of tcgetattr) with cfmakeraw(3)'s changes; the argument stays as it is."""
    import termios as t

    iflag, oflag, cflag, lflag, ispeed, ospeed, cc = attributes
    iflag &= ~(t.IGNBRK | t.BRKINT | t.PARMRK | t.ISTRIP | t.INLCR | t.IGNCR | t.ICRNL | t.IXON)
    oflag &= ~t.OPOST
    lflag &= ~(t.ECHO | t.ECHONL | t.ICANON | t.ISIG | t.IEXTEN)
    cflag = cflag & ~(t.CSIZE | t.PARENB) | t.CS8
    cc = [*cc]
    cc[t.VMIN], cc[t.VTIME] = 1, 0
    return [iflag, oflag, cflag, lflag, ispeed, ospeed, cc]
